// The promise: `start()` gives people who prefer code the same as the flag, and takes upstream's own objects.

import { join } from 'node:path'
import { type App, expectTrace, runApp } from '@org/otel-devtools/testing'

const cwd = join(__dirname, '../../packages/otel')
const apps: App[] = []
afterEach(() => Promise.all(apps.splice(0).map(app => app.dispose())))

async function run(code: string, options: Parameters<typeof runApp>[1] = {}): Promise<App> {
  const env = { OTEL_SERVICE_NAME: 'shop', ...options.env }
  const app = await runApp(code, { cwd, preload: false, ...options, env })
  apps.push(app)
  return app
}

const entrances = {
  cjs: `const { start } = require('@org/otel')\nconst api = require('@opentelemetry/api')\n`,
  esm: `import { start } from '@org/otel'\nimport * as api from '@opentelemetry/api'\n`,
}

test.each(['cjs', 'esm'] as const)('start() from %s traces, flushes and stops', async module => {
  const app = await run(
    `${entrances[module]}
     const telemetry = start({ serviceName: 'from-code', sampler: 1, resourceAttributes: { team: 'payments' } })
     api.trace.getTracer('t').startSpan('work').end()
     telemetry.flush().then(async () => {
       console.log('flushed')
       await Promise.all([telemetry.stop(), telemetry.stop()])
       console.log('stopped ' + telemetry.config.enabled + ' ' + Object.isFrozen(telemetry.config))
     })`,
    { module, env: { OTEL_SERVICE_NAME: undefined } },
  )
  expect(await app.exited).toEqual({ code: 0, signal: null })
  expect(app.stdout).toBe('flushed\nstopped true true\n')
  const { match } = await expectTrace(app, { name: 'work', service: 'from-code' })
  expect(match.resource.attributes).toMatchObject({ team: 'payments' })
})

test.each(['cjs', 'esm'] as const)(
  'tracers that %s code got before start() come to life with it',
  async module => {
    const app = await run(
      `${entrances[module]}
     const early = api.trace.getTracer('early')
     early.startSpan('before').end()
     const telemetry = start()
     early.startSpan('after').end()
     telemetry.stop()`,
      { module },
    )
    expect(await app.exited).toEqual({ code: 0, signal: null })
    await expectTrace(app, { name: 'after' })
    expect(app.receiver.store.spans({ name: 'before' })).toEqual([])
  },
)

// Upstream's own classes, as an application brings them.
const upstreamObjects = `
const { BatchSpanProcessor, InMemorySpanExporter, RandomIdGenerator, TraceIdRatioBasedSampler } = require('@opentelemetry/sdk-trace')
const { W3CTraceContextPropagator, CompositePropagator } = require('@opentelemetry/core')
const http = require('node:http')
class CountingIds extends RandomIdGenerator {
  constructor() { super(); let n = 0; this.generateSpanId = () => (++n).toString(16).padStart(16, 'a') }
}
class Tenant {
  inject(context, carrier, setter) { setter.set(carrier, 'x-tenant', 'acme') }
  extract(context) { return context }
  fields() { return ['x-tenant'] }
}
const exporter = new InMemorySpanExporter()
const telemetry = start({
  // A delay longer than the test: only a flush can bring its spans out.
  spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: 60_000 })],
  sampler: new TraceIdRatioBasedSampler(1),
  propagator: new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new Tenant()] }),
  idGenerator: new CountingIds(),
})
const server = http.createServer((req, res) => res.end(JSON.stringify({ tenant: req.headers['x-tenant'], traceparent: req.headers.traceparent })))
`

test('a processor, sampler, propagator and id generator of upstream work through start()', async () => {
  const app = await run(
    `${entrances.cjs}${upstreamObjects}
     server.listen(0, '127.0.0.1', async () => {
       const answer = await (await fetch('http://127.0.0.1:' + server.address().port + '/pay')).json()
       await telemetry.flush()
       const spans = exporter.getFinishedSpans()
       console.log(JSON.stringify({
         answer,
         spans: spans.map(s => ({ name: s.name, kind: s.kind, id: s.spanContext().spanId, parent: s.parentSpanContext?.spanId, scope: s.instrumentationScope.name, service: s.resource.attributes['service.name'], ended: s.ended, ms: s.duration.length })),
       }))
       server.close()
       server.closeAllConnections()
       await telemetry.stop()
     })`,
  )
  expect(await app.exited).toEqual({ code: 0, signal: null })
  const [{ answer, spans }] = app.logs as [any]
  expect(answer.tenant).toBe('acme')
  expect(spans).toHaveLength(2)
  const client = spans.find((s: any) => s.kind === 2)
  const server = spans.find((s: any) => s.kind === 1)
  expect(client.id).toMatch(/^a{10,}\d+$/)
  expect(server).toMatchObject({ parent: client.id, service: 'shop', ended: true, ms: 2 })
  expect(answer.traceparent).toContain(client.id)
  // Ours got the same spans.
  await expectTrace(app, { name: 'GET', kind: 'client', service: 'shop', children: [{ kind: 'server' }] })
  expect(app.stderr).not.toContain('ORG_OTEL_INTERNAL')
})

test.each([
  ['SIGTERM', { code: null, signal: 'SIGTERM' }],
  ['natural', { code: 0, signal: null }],
] as const)("the application's own processors are flushed when the process ends by %s", async (how, exit) => {
  const app = await run(
    `${entrances.cjs}
     const { BatchSpanProcessor } = require('@opentelemetry/sdk-trace')
     const fs = require('node:fs')
     start({ spanProcessors: [new BatchSpanProcessor({
       exporter: { export(spans, done) { fs.writeSync(1, 'got ' + spans.length + '\\n'); done({ code: 0 }) }, async shutdown() {} },
       scheduledDelayMillis: 60_000,
     })] })
     api.trace.getTracer('t').startSpan('last').end()
     console.log('ready')
     ${how === 'SIGTERM' ? 'setInterval(() => {}, 1000)' : ''}`,
  )
  if (how === 'SIGTERM') await app.stop('SIGTERM')
  expect(await app.exited).toEqual(exit)
  expect(app.stdout).toContain('got 1\n')
})

test('a processor, sampler or propagator that throws or hangs is said and changes nothing else', async () => {
  const app = await run(
    `${entrances.cjs}
     const http = require('node:http')
     const boom = () => { throw new Error('boom') }
     const never = () => new Promise(() => {})
     const telemetry = start({
       spanProcessors: [{ onStart: boom, onEnd: boom, onEnding: boom, forceFlush: never, shutdown: never }],
       sampler: { shouldSample: boom, toString: () => 'Boom' },
       propagator: { inject: boom, extract: boom, fields: boom },
       idGenerator: { generateTraceId: boom, generateSpanId: () => 'zz' },
       settings: { ORG_OTEL_EXIT_DEADLINE: '300' },
     })
     const server = http.createServer((req, res) => res.end('ok')).listen(0, '127.0.0.1', async () => {
       console.log(await (await fetch('http://127.0.0.1:' + server.address().port)).text())
       await telemetry.flush(200)
       server.close()
       server.closeAllConnections()
       await telemetry.stop()
       console.log('stopped')
     })`,
  )
  expect(await app.exited).toEqual({ code: 0, signal: null })
  expect(app.stdout).toBe('ok\nstopped\n')
  expect(app.stderr).toContain('boom')
})

test.each([
  [
    'a processor',
    `start({ spanProcessors: [{ onStart() {}, onEnd() {}, forceFlush: () => new Promise(() => {}), async shutdown() {} }] })`,
  ],
  [
    'a metric callback',
    `start(); api.metrics.getMeter('t').createObservableGauge('g').addCallback(() => new Promise(() => {}))`,
  ],
])('%s that never answers does not keep our spans from leaving at the end', async (_what, code) => {
  const app = await run(
    `${entrances.cjs}${code}
     setTimeout(() => {
       api.trace.getTracer('t').startSpan('last').end()
       console.log('ready')
     }, 50)
     setInterval(() => {}, 1000)`,
    {
      env: {
        OTEL_BSP_SCHEDULE_DELAY: '60000',
        OTEL_METRIC_EXPORT_TIMEOUT: '30000',
        OTEL_METRIC_EXPORT_INTERVAL: '60000',
        ORG_OTEL_EXIT_DEADLINE: '500',
      },
    },
  )
  expect(await app.stop('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' })
  await expectTrace(app, { name: 'last' }, { timeoutMs: 100 })
})

test('start() beside the preload gives the running handle, and says that its settings stay', async () => {
  for (const module of ['cjs', 'esm'] as const) {
    const app = await run(
      `${entrances[module]}
       const telemetry = start({ serviceName: 'other' })
       api.trace.getTracer('t').startSpan('work').end()
       telemetry.flush().then(() => console.log(telemetry.config.resource.attributes['service.name'], telemetry === start()))`,
      { module, preload: join(cwd, 'dist/register.cjs') },
    )
    expect(await app.exited).toEqual({ code: 0, signal: null })
    expect(app.stdout).toBe('shop true\n')
    expect(app.stderr.match(/ORG_OTEL_ALREADY_STARTED/g)).toHaveLength(1)
    await expectTrace(app, { name: 'work', service: 'shop' })
  }
})

test('after stop() everything is as before and start() starts again', async () => {
  const app = await run(
    `${entrances.cjs}
     const http = require('node:http')
     const before = [http.Server.prototype.emit, http.request, process.listenerCount('SIGTERM'), process.listenerCount('exit')]
     ;(async () => {
       for (const name of ['first', 'second']) {
         const telemetry = start({ serviceName: name })
         api.trace.getTracer('t').startSpan(name).end()
         await telemetry.stop()
         const after = [http.Server.prototype.emit, http.request, process.listenerCount('SIGTERM'), process.listenerCount('exit')]
         console.log(after.every((value, i) => value === before[i]), api.trace.getTracer('t').startSpan('x').isRecording())
       }
     })()`,
  )
  expect(await app.exited).toEqual({ code: 0, signal: null })
  expect(app.stdout).toBe('true false\ntrue false\n')
  await expectTrace(app, { name: 'first', service: 'first' })
  await expectTrace(app, { name: 'second', service: 'second' })
})
