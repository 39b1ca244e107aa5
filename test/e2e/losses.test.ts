// The promise: nothing is lost silently. What was made, sent, waits and was dropped adds up in the metrics that the
// process sends about itself, whatever the collector does.
import { join } from 'node:path'
import { type App, runApp } from '@org/otel-devtools/testing'

let app: App
afterEach(() => app.dispose())

const program = `
const http = require('node:http')
const { trace } = require('@opentelemetry/api')
const tracer = trace.getTracer('t')
let made = 0
http.createServer((req, res) => {
  const count = Number(new URL(req.url, 'http://x').searchParams.get('spans'))
  for (let i = 0; i < count; i++) { tracer.startSpan('work', { attributes: { text: Math.random().toString(36).repeat(40) } }).end(); made++ }
  res.end(String(made))
}).listen(0, '127.0.0.1', function () { console.log('listening ' + this.address().port) })
`

const start = async (env: Record<string, string> = {}) => {
  app = await runApp(program, {
    cwd: join(__dirname, '..'),
    env: {
      OTEL_SERVICE_NAME: 'shop',
      OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'http,undici',
      OTEL_METRIC_EXPORT_INTERVAL: '200',
      OTEL_METRIC_EXPORT_TIMEOUT: '200',
      ...env,
    },
  })
  return app
}

/** Newest value of a self metric, over the series that have these attributes; -1 before there is one. */
function newest(name: string, attributes: Record<string, unknown> = {}): number {
  const series = app.receiver.store
    .metrics(name)
    .filter(one => Object.entries(attributes).every(([key, value]) => one.attributes[key] === value))
  return series.length === 0 ? -1 : series.reduce((sum, one) => sum + (one.latest.value ?? 0), 0)
}
// Distinct ones: OTLP delivers at least once, and a request whose answer got lost is sent again.
const arrived = () => new Set(app.receiver.store.spans({ name: 'work' }).map(span => span.spanId)).size
const started = () => newest('otel.sdk.span.started')
const exported = (errorType?: string) =>
  newest('otel.sdk.exporter.span.exported', { 'error.type': errorType })
const lost = () => newest('otel.sdk.processor.span.processed', { 'error.type': 'queue_full' })

test('with a collector that works, as many spans are exported as were started and arrive', async () => {
  await start()
  await app.get('/?spans=3000')
  await app.receiver.store.waitFor(() => exported() === 3000)
  expect(started()).toBe(3000)
  expect(arrived()).toBe(3000)
  expect(newest('otel.sdk.span.live')).toBe(0)
})

test('spans that the collector refuses for good are dropped as rejected, and only those', async () => {
  await start()
  await app.receiver.fail({ mode: 'status', status: 400, signal: 'traces', times: 1 })
  await app.get('/?spans=100')
  const rejected = await app.receiver.store.waitFor(() =>
    exported('rejected') > 0 ? exported('rejected') : undefined,
  )
  await app.get('/?spans=50')
  await app.receiver.store.waitFor(() => started() === 150 && exported() + exported('rejected') === 150)
  expect(exported('rejected')).toBe(rejected)
  expect(arrived()).toBe(150 - rejected)
  expect(app.stderr).toMatch(/ORG_OTEL_EXPORT_[A-Z]+/)
})

test('a collector that is away for a while loses nothing', async () => {
  await start()
  await app.receiver.fail({ mode: 'refuse' })
  await app.get('/?spans=2000')
  await app.waitForOutput('ORG_OTEL_EXPORT_UNREACHABLE')
  await app.receiver.heal()
  await app.receiver.store.waitFor(() => arrived() === 2000, {
    timeoutMs: 20_000,
  })
  await app.receiver.store.waitFor(() => exported() === 2000)
})

test('a buffer that is full drops the oldest, and says how many', async () => {
  await start({ ORG_OTEL_BUFFER_BYTES: '65536' })
  await app.receiver.fail({ mode: 'status', status: 503, signal: 'traces' })
  for (let i = 0; i < 8; i++) await app.get('/?spans=500')
  await app.receiver.store.waitFor(() => (started() === 4000 && lost() > 0 ? true : undefined))
  await app.receiver.heal()
  const settled = () => Math.max(0, exported()) + lost()
  await app.receiver.store.waitFor(() => (settled() === 4000 ? true : undefined), { timeoutMs: 20_000 })
  expect(arrived()).toBe(4000 - lost())
})

test('a process that ends while the collector is silent says what was lost with it', async () => {
  await start({ ORG_OTEL_EXIT_DEADLINE: '200', ORG_OTEL_EXIT_LAST_WORDS: '100' })
  await app.receiver.fail({ mode: 'hang' })
  await app.get('/?spans=7')
  const { signal } = await app.stop()
  expect(signal).toBe(process.platform === 'win32' ? null : 'SIGTERM')
  expect(app.stderr).toMatch(/ORG_OTEL_EXPORT_UNSENT not delivered when the process ended: 7 spans/)
})
