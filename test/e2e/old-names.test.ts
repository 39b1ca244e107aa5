// The promise: a team that migrates gets the names its dashboards know beside the stable ones, wherever it asks for them,
// and hears when a value asks for nothing.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, runApp } from '@org/otel-devtools/testing'

const folder = mkdtempSync(join(tmpdir(), 'old-names-'))
const file = join(folder, 'otel.yaml')
let app: App | undefined
afterEach(async () => {
  await app?.dispose()
  app = undefined
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const program = `
const http = require('node:http')
const server = http.createServer((req, res) => {
  if (req.url.startsWith('/inner')) return res.end('x')
  http.get({ port: server.address().port, path: '/inner?token=s3cret' }, r => r.resume().on('end', () =>
    fetch('http://127.0.0.1:' + server.address().port + '/inner?token=s3cret').then(r => r.text()).then(t => res.end(t))))
}).listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
`
const start = async (env: Record<string, string>): Promise<App> => {
  app = await runApp(program, { cwd: join(__dirname, '..'), env, module: 'cjs' })
  return app
}
writeFileSync(
  file,
  `file_format: "1.0"
instrumentation/development:
  general:
    stability_opt_in_list: http/dup,htpp
tracer_provider:
  processors:
    - simple:
        exporter:
          otlp_http:
            endpoint: \${OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces
meter_provider:
  readers:
    - periodic:
        exporter:
          otlp_http:
            endpoint: \${OTEL_EXPORTER_OTLP_ENDPOINT}/v1/metrics
`,
)

test.each([
  ['the environment', { OTEL_SEMCONV_STABILITY_OPT_IN: 'http/dup,htpp' }],
  ['the configuration file', { OTEL_CONFIG_FILE: file }],
])('asked for by %s, server, client and fetch have both names, and no secret in either', async (_, env) => {
  const { receiver, ...running } = await start(env)
  await running.get('/outer?token=s3cret')
  await running.stop()
  const spans = receiver.store.spans({})
  const shown = spans.map(span => [
    span.kind,
    span.attributes['http.method'],
    span.attributes['http.target'],
    span.attributes['http.status_code'],
  ])
  expect(shown).toHaveLength(5)
  expect(shown).toEqual(
    expect.arrayContaining([
      ['server', 'GET', '/outer?token=REDACTED', 200],
      ['client', 'GET', '/inner?token=REDACTED', 200],
      ['server', 'GET', '/inner?token=REDACTED', 200],
    ]),
  )
  for (const { attributes } of spans) {
    expect(attributes['http.method']).toBe(attributes['http.request.method'])
    expect(attributes['http.status_code']).toBe(attributes['http.response.status_code'])
    expect(attributes['net.peer.port'] ?? attributes['network.peer.port']).toBe(
      attributes['network.peer.port'],
    )
  }
  expect(JSON.stringify(spans.map(({ name, attributes }) => [name, attributes]))).not.toContain('s3cret')
  expect(app!.stderr).toContain('"htpp" has no effect, did you mean http or http/dup?')
  const names = receiver.store.metrics().map(metric => `${metric.name} ${metric.unit}`)
  expect(names).toEqual(
    expect.arrayContaining([
      'http.server.duration ms',
      'http.client.duration ms',
      'http.server.request.duration s',
      'http.client.request.duration s',
    ]),
  )
})

test.each(['', 'http', 'http,database'])(
  'with %j there are the stable names alone, and not a word',
  async value => {
    const { receiver, ...running } = await start({ OTEL_SEMCONV_STABILITY_OPT_IN: value })
    await running.get('/outer')
    await running.stop()
    const keys = receiver.store.spans({}).flatMap(span => Object.keys(span.attributes))
    expect(keys).toContain('http.request.method')
    expect(keys.filter(key => /^(net\.|http\.(method|url|target|status_code))/.test(key))).toEqual([])
    expect(receiver.store.metrics().map(metric => metric.name)).not.toContain('http.server.duration')
    expect(app!.stderr).not.toContain('ORG_OTEL_CONFIG')
  },
)

test('a value without effect is said once, with what was meant; the others apply', async () => {
  const { receiver, ...running } = await start({
    OTEL_SEMCONV_STABILITY_OPT_IN: 'http/old,rpc/dup,http/dup,db',
  })
  await running.get('/outer')
  await running.stop()
  const said = app!.stderr.split('\n').filter(line => line.includes('OTEL_SEMCONV_STABILITY_OPT_IN'))
  expect(said).toHaveLength(1)
  expect(said[0]).toMatch(/"http\/old" has no effect, http\/dup gives/)
  expect(said[0]).toMatch(/"rpc\/dup" has no effect, /)
  expect(said[0]).toMatch(/"db" has no effect, did you mean database or database\/dup\?/)
  expect(receiver.store.spans({}).every(span => 'http.method' in span.attributes)).toBe(true)
})
