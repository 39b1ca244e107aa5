// The promise: traces, metrics and logs over each protocol, and nothing of the others is loaded.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type App, type AppOptions, expectLog, expectTrace, runApp } from '@org/otel-devtools/testing'

const cwd = join(__dirname, '..')
const { version } = JSON.parse(readFileSync(join(cwd, '../packages/otel/package.json'), 'utf8')) as {
  version: string
}
const apps: App[] = []
afterEach(() => Promise.all(apps.splice(0).map(app => app.dispose())))

async function run(code: string, options: AppOptions = {}): Promise<App> {
  const env = { OTEL_SERVICE_NAME: 'shop', ...options.env }
  const app = await runApp(code, { cwd, ...options, env })
  apps.push(app)
  return app
}

// Writes a span, a metric and a log line, and says on demand which modules of Node and of ours it has.
const program = `
const { metrics, trace } = require('@opentelemetry/api')
const { dirname, join, basename } = require('node:path')
const pino = require('pino')
const dist = dirname(process.env.NODE_OPTIONS.match(/"(.*)"/)[1])
const log = pino(pino.destination({ dest: 2, sync: true }))
const jobs = metrics.getMeter('app').createCounter('jobs')
trace.getTracer('app').startActiveSpan('job', span => { log.info('working'); jobs.add(1); span.end() })
process.on('SIGUSR2', () => {
  const chunks = Object.keys(require.cache).filter(file => file.startsWith(dist)).map(file => basename(file))
  console.log(JSON.stringify({ senders: chunks.filter(name => name.endsWith('-sender.cjs')), http2: process.moduleLoadList.includes('NativeModule http2'), chunks }))
})
console.log('ready')
setInterval(() => {}, 1000)
`

const protocols = {
  grpc: { senders: ['grpc-sender.cjs'], http2: true },
  'http/protobuf': { senders: ['http-sender.cjs'], http2: false },
  'http/json': { senders: ['json-sender.cjs'], http2: false },
}

test.each(Object.entries(protocols))(
  '%s delivers all three signals and loads only itself',
  async (protocol, loaded) => {
    const app = await run(program, {
      env: { OTEL_EXPORTER_OTLP_PROTOCOL: protocol, ORG_OTEL_LOG_SENDING: 'true' },
    })
    const { match } = await expectTrace(app, { name: 'job' })
    await expectLog(app, { body: 'working', traceId: match.traceId })
    await app.receiver.store.waitFor(store => store.metrics('jobs')[0])
    const used = new Set(app.receiver.requests.map(request => `${request.signal} ${request.protocol}`))
    expect([...used].sort()).toEqual(['logs', 'metrics', 'traces'].map(signal => `${signal} ${protocol}`))
    const agents = new Set(app.receiver.requests.map(({ headers }) => headers['user-agent']))
    expect([...agents]).toEqual([`org-otel-node/${version}`])
    process.kill(app.pid, 'SIGUSR2')
    await app.waitForOutput(/senders/)
    const { senders, http2 } = app.logs.find(line => 'senders' in line)!
    expect({ senders: senders.sort(), http2 }).toEqual(loaded)
    expect(app.stderr).not.toMatch(/ORG_OTEL_INTERNAL|Warning/)
  },
)

test.each([
  ['grpc', 4317],
  ['http/protobuf', 4318],
])('without a protocol, %s is chosen for port %i', async (protocol, port) => {
  const app = await run('console.log("ready")', {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` },
  })
  await app.exited
  expect(app.stderr).toContain(`-> ${protocol} 127.0.0.1:${port} |`)
})

test.each([
  [{}, 'grpc localhost:4317'],
  [{ NODE_IP: '10.1.2.3' }, 'grpc 10.1.2.3:4317'],
  [{ NODE_IP: 'fd00::7' }, 'grpc [fd00::7]:4317'],
  [{ NODE_IP: '10.1.2.3', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }, 'http/protobuf 10.1.2.3:4318'],
])('without an endpoint, %j sends to %s', async (env, target) => {
  const app = await run('', {
    module: 'cjs',
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: undefined, OTEL_TRACES_EXPORTER: 'otlp', ...env },
  })
  expect(await app.exited).toEqual({ code: 0, signal: null })
  expect(app.stderr).toContain(`-> ${target} |`)
})

test('nothing of gRPC, HTTP/2 or TLS is loaded before there is something to send', async () => {
  const app = await run(
    `const { basename } = require('node:path')
     console.log(JSON.stringify({
       ours: Object.keys(require.cache).map(file => basename(file)).filter(name => name.endsWith('.cjs')),
       node: process.moduleLoadList.filter(name => /NativeModule (http2|tls|https|zlib|worker_threads|cluster|child_process)$/.test(name)),
     }))`,
    { module: 'cjs' },
  )
  await app.exited
  const [{ ours, node }] = app.logs as [any]
  expect(ours.filter((name: string) => !name.startsWith('app-')).sort()).toEqual(['core.cjs', 'register.cjs'])
  expect(node).toEqual([])
})

test('the startup line names version, service, target, sampler and what is instrumented, and can be switched off', async () => {
  const code = `require('express'); setTimeout(() => {}, 400)`
  const [app, silent] = await Promise.all([
    run(code, { env: { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' } }),
    run(code, { env: { ORG_OTEL_STARTUP_LINE: 'false' } }),
  ])
  await Promise.all([app.exited, silent.exited])
  const lines = app.stderr.trim().split('\n')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(
    /^\[otel\] \d+\.\d+\.\d+ service=shop .*-> grpc 127\.0\.0\.1:\d+ \| sampler parentbased ratio 0\.25 \| instrumenting .*express/,
  )
  expect(silent.stderr).toBe('')
  expect([app.stdout, silent.stdout]).toEqual(['', ''])
})
