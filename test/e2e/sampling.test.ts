// The promise: less is kept, and what matters is among it.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, runApp } from '@org/otel-devtools/testing'

const folder = mkdtempSync(join(tmpdir(), 'sampling-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let app: App
afterEach(() => app.dispose())

const program = `
const http = require('node:http')
const { trace } = require('@opentelemetry/api')
const tracer = trace.getTracer('shop')
http.createServer(async (req, res) => {
  await tracer.startActiveSpan('step', async span => {
    tracer.startSpan('detail').end()
    if (req.url.startsWith('/slow')) await new Promise(done => setTimeout(done, 300))
    span.end()
  })
  res.statusCode = req.url.startsWith('/fail') ? 500 : 200
  res.end()
}).listen(0, '127.0.0.1', function () { console.log('listening ' + this.address().port) })
`
const start = async (env: Record<string, string>) => {
  app = await runApp(program, { cwd: join(__dirname, '..'), env: { OTEL_SERVICE_NAME: 'shop', ...env } })
  return app
}
const roots = (path: string | RegExp) =>
  app.receiver.store
    .spans({ kind: 'server' })
    .filter(span => new RegExp(path).test(String(span.attributes['url.path'])))
const times = async (count: number, path: string) => {
  for (let i = 0; i < count; i += 20)
    await Promise.all(Array.from({ length: Math.min(20, count - i) }, () => app.get(path)))
}

test('keep-errors at a tenth keeps every failed and every slow root with all below it, and a tenth of the rest', async () => {
  await start({
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.1',
    ORG_OTEL_SAMPLING: 'keep-errors',
    ORG_OTEL_SAMPLING_SLOW_THRESHOLD: '200',
  })
  await times(40, '/fail')
  await times(20, '/slow')
  await times(400, '/fine')
  await app.stop()
  expect([roots('/fail').length, roots('/slow').length]).toEqual([40, 20])
  // Binomial, 400 times 0.1: outside of 10 to 75 once in ten million runs.
  expect(roots('/fine').length).toBeGreaterThan(9)
  expect(roots('/fine').length).toBeLessThan(76)
  for (const root of [...roots('/fail'), ...roots('/slow')]) {
    const below = app.receiver.store.spans({ traceId: root.traceId }).map(span => span.name)
    expect(below.sort()).toEqual(['GET', 'detail', 'step'])
  }
})

test('rules by route: drop, always and a ratio, whatever the sampler says', async () => {
  await start({
    OTEL_TRACES_SAMPLER: 'always_off',
    ORG_OTEL_SAMPLING_RULES: '/quiet*=drop,/pay/*=always,/none=0,/all=1',
  })
  for (const path of ['/quiet/1', '/pay/1', '/none', '/all', '/other']) await times(5, path)
  await app.stop()
  const counts = Object.fromEntries(
    ['/quiet', '/pay', '/none', '/all', '/other'].map(path => [path, roots(path).length]),
  )
  expect(counts).toEqual({ '/quiet': 0, '/pay': 5, '/none': 0, '/all': 5, '/other': 0 })
})

test('the rate cap holds when a thousand requests come at once', async () => {
  await start({ ORG_OTEL_SAMPLING_MAX_PER_SECOND: '10' })
  const began = performance.now()
  await times(500, '/burst')
  const seconds = (performance.now() - began) / 1000
  await app.stop()
  expect(roots('/burst').length).toBeGreaterThanOrEqual(10)
  expect(roots('/burst').length).toBeLessThanOrEqual(Math.ceil(10 + 10 * seconds) + 1)
})

test('the ratio changes while the process runs, also by the rename of a mounted file, and is back when it goes', async () => {
  const file = join(folder, 'ratio')
  await start({
    OTEL_TRACES_SAMPLER: 'traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0',
    ORG_OTEL_SAMPLING_RATIO_FILE: file,
  })
  await times(20, '/before')
  writeFileSync(`${file}.new`, 'ratio=1\n')
  renameSync(`${file}.new`, file)
  await app.waitForOutput('ORG_OTEL_RATIO_CHANGED')
  await times(20, '/incident')
  rmSync(file)
  await app.waitForOutput(/the file is gone/)
  await times(20, '/after')
  await app.stop()
  expect([roots('/before').length, roots('/incident').length, roots('/after').length]).toEqual([0, 20, 0])
})

test.each([
  ['01', {}],
  ['03', { ORG_OTEL_TRACE_ID_RANDOM_FLAG: 'true' }],
])(
  'a sampled trace that begins here goes out with the flags %s; what a caller put into ot= is carried on',
  async (flags, env) => {
    app = await runApp(
      `const http = require('node:http')
     const server = http.createServer((req, res) => {
       if (req.url === '/echo') return res.end(JSON.stringify([req.headers.traceparent, req.headers.tracestate]))
       http.get({ port: server.address().port, path: '/echo' }, r => r.pipe(res))
     }).listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))`,
      {
        cwd: join(__dirname, '..'),
        env: { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.99999', ...env },
      },
    )
    const [traceparent, ot] = JSON.parse((await app.get('/')).body)
    expect(traceparent).toMatch(new RegExp(`-${flags}$`))
    expect(ot).toBe('ot=th:0001')
    const id = '4bf92f3577b34da6a3ce929d0e0e4736'
    const sent = await app.get('/', {
      headers: {
        traceparent: `00-${id}-00f067aa0ba902b7-03`,
        tracestate: 'ot=th:8;rv:a3ce929d0e0e47,acme=1',
      },
    })
    const [forwarded, state] = JSON.parse(sent.body)
    expect(forwarded).toMatch(new RegExp(`^00-${id}-[0-9a-f]{16}-03$`))
    expect(state).toBe('ot=th:8;rv:a3ce929d0e0e47,acme=1')
    await app.receiver.store.waitFor(store => store.spans({ traceId: id, kind: 'server' })[0])
  },
)
