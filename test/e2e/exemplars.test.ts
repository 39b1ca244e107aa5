// The promise: a metric of an unmodified application leads to the trace that explains it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, expectExemplar, expectTrace, runApp, startReceiver } from '@org/otel-devtools/testing'
import { parseOpenMetrics } from '../../packages/exemplars/test/strict-parser.ts'

const root = join(__dirname, '..')
const openMetrics =
  'application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
const apps: App[] = []
afterEach(() => Promise.all(apps.splice(0).map(app => app.dispose())))

async function run(code: string, options: Parameters<typeof runApp>[1] = {}): Promise<App> {
  const env = {
    OTEL_SERVICE_NAME: 'shop',
    OTEL_METRIC_EXPORT_INTERVAL: '300',
    OTEL_METRIC_EXPORT_TIMEOUT: '300',
    ...options.env,
  }
  const app = await runApp(code, { cwd: root, ...options, env })
  apps.push(app)
  return app
}

const shop = `
const duration = new prom.Histogram({ name: 'work_duration_seconds', help: 'w', labelNames: ['kind'], buckets: [0.5, 5] })
const jobs = new prom.Counter({ name: 'jobs', help: 'j' })
const app = express()
app.get('/work', (req, res) => {
  duration.observe({ kind: 'slow' }, 3)
  jobs.inc()
  res.send('done')
})
app.get('/metrics', async (req, res) => res.set('Content-Type', prom.register.contentType).end(await prom.register.metrics()))
const server = app.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
`
const programs = {
  cjs: `const express = require('express'), prom = require('prom-client')\n${shop}`,
  esm: `import express from 'express'\nimport * as all from 'prom-client'\nconst prom = all.default\nif (all.Histogram !== prom.Histogram) throw new Error('two copies')\n${shop}`,
}
const cases = [20, 22, 24, 26].flatMap(major => (['cjs', 'esm'] as const).map(kind => ({ major, kind })))

test.each(cases)('prom-client leads to the trace, Node $major, $kind', async ({ major, kind }) => {
  const { nodePath } = await import('../../scripts/nodes.mjs')
  const node = nodePath(major)
  const [app, without] = await Promise.all([
    run(programs[kind], { node, module: kind }),
    run(programs[kind], { node, module: kind, preload: false }),
  ])
  await Promise.all([app.get('/work'), without.get('/work')])
  const page = await app.get('/metrics', { headers: { accept: openMetrics } })
  expect(page.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
  const exemplars = parseOpenMetrics(page.body).flatMap(({ samples }) =>
    samples.flatMap(({ exemplar }) => (exemplar ? [exemplar] : [])),
  )
  expect(exemplars).toMatchObject([{ value: 3 }])
  const { trace_id: traceId, span_id: spanId } = exemplars[0]!.labels
  const { spans, match } = await expectTrace(app, { name: 'GET /work', kind: 'server' })
  expect(match.traceId).toBe(traceId)
  // The handler's own span where the framework has one, else the request's.
  expect(spans.map(span => span.spanId)).toContain(spanId)
  const [plain, expected] = await Promise.all([app.get('/metrics'), without.get('/metrics')])
  expect([plain.body, plain.headers.get('content-type')]).toEqual([
    expected.body,
    expected.headers.get('content-type'),
  ])
})

const downstream = `
import http from 'node:http'
import { metrics } from '@opentelemetry/api'
const meter = metrics.getMeter('app', '1.0')
const size = meter.createHistogram('order.size', { advice: { explicitBucketBoundaries: [10, 100] } })
const jobs = meter.createCounter('jobs')
const open = meter.createUpDownCounter('open')
const level = meter.createGauge('level')
const server = http.createServer((req, res) => {
  size.record(42, { kind: 'big' })
  jobs.add(1)
  open.add(-2)
  level.record(21.5)
  if (req.url === '/fetch') return fetch('http://127.0.0.1:' + server.address().port).then(inner => inner.text()).then(text => res.end(text))
  if (req.url !== '/outer') return res.end('inner')
  http.get({ port: server.address().port, path: '/inner' }, inner => { inner.resume(); inner.on('end', () => res.end('outer')) })
})
server.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
`

test.each(['grpc', 'http/protobuf', 'http/json'])(
  'OTLP metrics lead to the span that was active, requests to their own span, over %s',
  async protocol => {
    const app = await run(downstream, { module: 'esm', env: { OTEL_EXPORTER_OTLP_PROTOCOL: protocol } })
    await app.get('/outer')
    const { spans } = await expectTrace(app, {
      kind: 'server',
      attributes: { 'url.path': '/outer' },
      children: [{ kind: 'client' }],
    })
    const kindOf = (spanId: string | undefined) => spans.find(span => span.spanId === spanId)?.kind
    for (const [metric, kind] of [
      ['order.size', 'server'],
      ['jobs', 'server'],
      ['open', 'server'],
      ['level', 'server'],
      ['http.server.request.duration', 'server'],
      ['http.client.request.duration', 'client'],
    ]) {
      const exemplar = await expectExemplar(app, { metric: metric! })
      expect([metric, kindOf(exemplar.spanId)]).toEqual([metric, kind])
    }
  },
)

test.each(['grpc', 'http/protobuf', 'http/json'])(
  'exponential histograms have exemplars too, with the attributes that a view dropped, over %s',
  async protocol => {
    const receiver = await startReceiver()
    const folder = mkdtempSync(join(tmpdir(), 'exemplars-'))
    try {
      const send = (path: string) =>
        protocol === 'grpc'
          ? `otlp_grpc: { endpoint: "${receiver.grpcUrl}" }`
          : `otlp_http: { endpoint: "${receiver.url}/v1/${path}", encoding: ${protocol.slice(5)} }`
      const file = join(folder, 'otel.yaml')
      writeFileSync(
        file,
        `file_format: "1.0"
propagator: { composite_list: tracecontext }
tracer_provider:
  processors: [{ batch: { exporter: { ${send('traces')} } } }]
meter_provider:
  readers: [{ periodic: { interval: 300, timeout: 300, exporter: { ${send('metrics')} } } }]
  views:
    - selector: { instrument_name: order.size }
      stream: { attribute_keys: { included: [none] }, aggregation: { base2_exponential_bucket_histogram: {} } }
`,
      )
      const app = await run(downstream, { module: 'esm', receiver, env: { OTEL_CONFIG_FILE: file } })
      const traceId = '0af7651916cd43dd8448eb211c80319c'
      await app.get('/inner', { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } })
      const { series, ...exemplar } = await expectExemplar(app, { metric: 'order.size' })
      expect(exemplar).toMatchObject({ value: 42, traceId, attributes: { kind: 'big' } })
      expect(series.attributes).toEqual({})
      const metric = receiver.store.metrics().find(({ name }) => name === 'order.size')
      expect(metric?.type).toBe('exponentialHistogram')
      await app.dispose()
    } finally {
      rmSync(folder, { recursive: true })
      await receiver.close()
    }
  },
)

test('the pages of cluster workers, put together by AggregatorRegistry, lead to the traces of the workers', async () => {
  const code = `const cluster = require('node:cluster'), http = require('node:http'), prom = require('prom-client')
    const registry = new prom.AggregatorRegistry()
    if (cluster.isPrimary) {
      let ready = 0
      const workers = [0, 1].map(() => cluster.fork().on('message', message => {
        if (message !== 'counted' || ++ready < 2) return
        const server = http.createServer(async (req, res) => {
          res.setHeader('content-type', registry.contentType)
          res.end(await registry.clusterMetrics())
        }).listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
      }))
    } else {
      const work = new prom.Histogram({ name: 'work_seconds', help: 'w', buckets: [1, 2] })
      const server = http.createServer((req, res) => {
        work.observe(cluster.worker.id - 0.5)
        res.end()
        process.send('counted')
      // Port 0 would be shared.
      }).listen({ port: 0, host: '127.0.0.1', exclusive: true }, () => fetch('http://127.0.0.1:' + server.address().port + '/work'))
    }`
  const app = await run(code, { module: 'cjs' })
  const open = await app.get('/metrics', { headers: { accept: openMetrics } })
  expect(open.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
  const exemplars = parseOpenMetrics(open.body)
    .flatMap(family => family.samples)
    .flatMap(({ exemplar }) => (exemplar ? [exemplar] : []))
  expect(exemplars.map(({ value }) => value)).toEqual([0.5, 1.5])
  for (const { labels } of exemplars) {
    const { trace_id: traceId, span_id: spanId } = labels
    const span = await app.receiver.store.waitFor(
      store => store.spans({ traceId: traceId!, spanId: spanId! })[0],
    )
    expect(span).toMatchObject({ kind: 'server', attributes: { 'url.path': '/work' } })
  }
  const plain = await app.get('/metrics')
  expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(plain.body).not.toMatch(/trace_id|# EOF/)
})

test('span metrics, asked for, count every span that enters or leaves by name, kind and status up to their limit and lead to it', async () => {
  const env = { ORG_OTEL_SPAN_METRICS: 'true', ORG_OTEL_SPAN_METRICS_MAX_SERIES: '20' }
  const code = `const http = require('node:http')
    const { trace } = require('@opentelemetry/api')
    const tracer = trace.getTracer('app')
    const server = http.createServer((req, res) => {
      for (let i = 0; i < 200; i++) tracer.startSpan('job ' + i, { kind: 2 }).end()
      for (let i = 0; i < 50; i++) tracer.startSpan('inner ' + i).end()
      const failing = tracer.startSpan('failing', { kind: 3 })
      failing.setStatus({ code: 2 })
      failing.end()
      res.end('ok')
    }).listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))`
  const app = await run(code, { module: 'cjs', env })
  await app.get('/work')
  const { match } = await expectTrace(app, { kind: 'server' })
  const exemplar = await expectExemplar(app, { metric: 'traces.span.metrics.duration' })
  expect(exemplar.traceId).toBe(match.traceId)
  const series = await app.receiver.store.waitFor(store => {
    const found = store.metrics('traces.span.metrics.duration')
    return found.reduce((sum, { points }) => sum + points.at(-1)!.count!, 0) === 202 ? found : undefined
  })
  expect(series.length).toBeLessThanOrEqual(20)
  expect(series.map(({ attributes }) => attributes['span.name'])).toContain('_other')
})

test('without being asked for there are no span metrics', async () => {
  const app = await run(downstream, { module: 'esm' })
  await app.get('/inner')
  await expectExemplar(app, { metric: 'jobs' })
  expect(
    app.receiver.store
      .metrics()
      .map(({ name }) => name)
      .filter(name => name.startsWith('traces.')),
  ).toEqual([])
})

test('a bucket shows one new exemplar in the interval that was configured', async () => {
  const app = await run(programs.cjs, { module: 'cjs', env: { ORG_OTEL_EXEMPLARS_MIN_INTERVAL: '60000' } })
  const pages: string[] = []
  for (let i = 0; i < 3; i++) {
    await app.get('/work')
    pages.push((await app.get('/metrics', { headers: { accept: openMetrics } })).body)
  }
  const shown = pages.map(page => /_bucket\{le="5",[^\n]*trace_id="(\w+)"/.exec(page)?.[1])
  expect(shown[0]).toMatch(/^\w{32}$/)
  expect(new Set(shown).size).toBe(1)
})

test('a request by fetch leads to its own client span', async () => {
  const app = await run(downstream, { module: 'esm' })
  await app.get('/fetch')
  const { spans } = await expectTrace(app, {
    kind: 'server',
    attributes: { 'url.path': '/fetch' },
    children: [{ kind: 'client' }],
  })
  const { spanId } = await expectExemplar(app, { metric: 'http.client.request.duration' })
  expect(spans.find(span => span.spanId === spanId)?.kind).toBe('client')
})

test('the prometheus exporter serves exemplars beside the application', async () => {
  const { freePort } = await import('../real/parts/process.ts')
  const port = await freePort()
  const env = {
    OTEL_METRICS_EXPORTER: 'prometheus',
    OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
    OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
  }
  const app = await run(downstream, { module: 'esm', env })
  await app.get('/outer')
  const page = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept: openMetrics } })
  const families = parseOpenMetrics(await page.text())
  const { match, spans } = await expectTrace(app, { kind: 'server', attributes: { 'url.path': '/outer' } })
  for (const name of [
    'order_size',
    'http_server_request_duration_seconds',
    'http_client_request_duration_seconds',
  ]) {
    const family = families.find(one => one.name === name)
    const exemplar = family?.samples.find(sample => sample.exemplar !== undefined)?.exemplar
    expect([name, exemplar?.labels.trace_id]).toEqual([name, match.traceId])
    expect(spans.map(span => span.spanId)).toContain(exemplar?.labels.span_id)
  }
  // The exporter's own requests are nobody's traffic: still the outer and the inner request.
  const again = parseOpenMetrics(await (await fetch(page.url, { headers: { accept: openMetrics } })).text())
  const count = again
    .flatMap(family => family.samples)
    .filter(sample => sample.name === 'http_server_request_duration_seconds_count')
  expect(count.map(sample => sample.value)).toEqual([2])
})

test('a metric filter of always_off turns exemplars off everywhere', async () => {
  const app = await run(programs.cjs, { module: 'cjs', env: { OTEL_METRICS_EXEMPLAR_FILTER: 'always_off' } })
  await app.get('/work')
  const page = await app.get('/metrics', { headers: { accept: openMetrics } })
  expect(page.body).not.toContain('trace_id')
})

test('fastify-metrics leads to the trace without a line of code', async () => {
  const code = `import fastify from 'fastify'
    import metrics from 'fastify-metrics'
    const app = fastify()
    await app.register(metrics, { endpoint: '/metrics' })
    app.get('/work', async () => 'done')
    await app.listen({ port: 0, host: '127.0.0.1' })
    console.log('listening ' + app.server.address().port)`
  // Where the plugin is installed: version 14, which brings @prometheus-io/client.
  const app = await run(code, {
    module: 'esm',
    cwd: join(root, '../packages/exemplars'),
    preload: join(root, '../packages/otel/dist/register.cjs'),
  })
  await app.get('/work')
  const page = await app.get('/metrics', { headers: { accept: openMetrics } })
  const samples = parseOpenMetrics(page.body).flatMap(family => family.samples)
  const exemplar = samples.find(
    ({ name, exemplar }) => exemplar && name.startsWith('http_request_duration'),
  )?.exemplar
  const { match } = await expectTrace(app, { name: 'GET /work', kind: 'server' })
  expect(exemplar?.labels.trace_id).toBe(match.traceId)
})
