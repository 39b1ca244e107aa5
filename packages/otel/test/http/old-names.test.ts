// OTEL_SEMCONV_STABILITY_OPT_IN=http/dup: what our spans and metrics have beside the stable names is what the last version of
// upstream's instrumentation-http that knew the setting (0.220) has.
import { globSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { compareRuns, type Difference, type Run, type RunSpan, tabulate } from './compare.ts'
import { buildOurs, nodes, runPrograms, upstreamPreload } from './run.ts'

/** Programs whose spans are the same under both; undici and HTTP/2 have nothing to be compared with. */
const compared = [
  'plain',
  'forwarded',
  'connections',
  'capture',
  'https',
  'nested',
  'routes',
  'bodies',
  'secrets',
]
const optIn = { OTEL_SEMCONV_STABILITY_OPT_IN: 'http/dup' }
const isOldName = (key: string): boolean =>
  /^(net\.|http\.(method|url|target|scheme|host|flavor|status_code|status_text|user_agent|client_ip|server_name|error_name|error_message|(request|response)_content_length(_uncompressed)?)$)/.test(
    key,
  )

const built = buildOurs()
afterAll(() => built.dispose())

const oldOnly = (span: RunSpan): Record<string, unknown> =>
  Object.fromEntries(Object.entries(span.attributes).filter(([key]) => isOldName(key)))

/** Upstream has no old names for fetch. */
const ofHttp = (run: Run): Run => ({
  ...run,
  results: Object.fromEntries(
    Object.entries(run.results).map(([name, result]) => [
      name,
      { ...result, spans: result.spans.filter(span => span.scope.endsWith('-http')) },
    ]),
  ),
})

/** Where ours are meant to differ, as the stable ones do: docs/http.md has the reasons. */
function isIntended({ field, upstream, ours }: Difference): boolean {
  const [theirs, own] = [String(upstream), String(ours)]
  if (theirs.includes('s3cret')) return own.includes('REDACTED') && !own.includes('s3cret')
  return field === 'http.method' && theirs === 'post' && own === 'POST'
}

/** Upstream's old metrics have any method as it came; a caller must not be able to grow ours. */
function withKnownMethod(_scope: string, attributes: Record<string, unknown>): Record<string, unknown> {
  const method = String(attributes['http.method'])
  const known = /^(get|post|put|head|delete|options|patch|trace|connect)$/i.test(method)
  return { ...attributes, 'http.method': known ? method.toUpperCase() : '_OTHER' }
}

describe.each(nodes)('on Node $version', ({ bin }) => {
  let upstream: Run
  let ours: Run
  beforeAll(async () => {
    const more = ['fetches', 'http2', 'aborts']
    ;[upstream, ours] = await Promise.all([
      runPrograms(bin, upstreamPreload, built.directory, compared, optIn),
      runPrograms(bin, built.preload, built.directory, [...compared, ...more], optIn),
    ])
  }, 120_000)

  it.each(compared)('the old names of %s are upstream’s', name => {
    const differences = compareRuns(ofHttp(upstream), ofHttp(ours))
      .filter(difference => difference.program === name && isOldName(difference.field))
      .filter(difference => !isIntended(difference))
      .map(({ span, field, upstream, ours }) => `${span} ${field}: ${upstream} ${ours}`)
    expect(differences).toEqual([])
    const spans = ofHttp(ours).results[name]!.spans
    expect(spans.length).toBeGreaterThan(0)
    for (const span of spans) expect(Object.keys(oldOnly(span)).length).toBeGreaterThan(5)
  })

  it('the stable names are the same with and without', async () => {
    const plain = await runPrograms(bin, built.preload, built.directory, compared)
    const differences = compareRuns(plain, ours).filter(({ program }) => compared.includes(program))
    expect(differences.filter(({ field }) => !isOldName(field))).toEqual([])
    expect(differences.length).toBeGreaterThan(100)
  }, 60_000)

  it('no secret is in a name, old or new', () => {
    expect(JSON.stringify(ours.results.secrets!.spans)).toContain('REDACTED')
    for (const { spans } of Object.values(ours.results)) expect(JSON.stringify(spans)).not.toContain('s3cret')
  })

  it('fetch and HTTP/2 have them, too', () => {
    const fetched = ours.results.fetches!.spans.find(
      span => span.scope.endsWith('-undici') && span.attributes['http.response.status_code'] === 200,
    )!
    const { 'url.full': url, 'user_agent.original': agent } = fetched.attributes
    expect(oldOnly(fetched)).toMatchObject({
      'http.method': 'GET',
      'http.url': url,
      'http.target': String(url).replace(/^http:\/\/[^/]+/, ''),
      'http.host': String(url).split('/')[2],
      'http.user_agent': agent,
      'http.status_code': 200,
      'http.status_text': 'OK',
      'http.flavor': '1.1',
      'net.transport': 'ip_tcp',
      'net.peer.name': '127.0.0.1',
      'net.peer.ip': '127.0.0.1',
      'net.peer.port': fetched.attributes['server.port'],
    })
    const stream = ours.results.http2!.spans.find(
      span => span.attributes['network.protocol.version'] === '2',
    )!
    expect(oldOnly(stream)).toMatchObject({
      'http.flavor': '2.0',
      'http.target': '/compat/1?token=REDACTED',
      'http.status_code': stream.attributes['http.response.status_code'],
    })
  })

  it('a failed request has the old names of its error', () => {
    const failed = ours.results.aborts!.spans.find(
      span => span.kind === 2 && span.attributes['http.error_name'],
    )!
    expect(failed.attributes).toMatchObject({
      'http.error_name': expect.any(String),
      'http.error_message': failed.status.message,
    })
  })

  it('the old durations stand beside the new ones with upstream’s unit, buckets, counts and attributes', async () => {
    // Programs whose requests are all answered and whose methods are known.
    const programs = ['plain', 'forwarded', 'capture', 'https', 'nested', 'routes', 'bodies']
    const [theirs, own] = await Promise.all(
      [upstreamPreload, built.preload].map(preload =>
        runPrograms(bin, preload, built.directory, programs, optIn),
      ),
    )
    const old = (run: Run) =>
      run.metrics.filter(({ name, scope }) => scope.endsWith('-http') && !name.includes('.request.'))
    expect(own!.metrics.map(metric => metric.name).sort()).toEqual([
      'http.client.duration',
      'http.client.duration',
      'http.client.request.duration',
      'http.client.request.duration',
      'http.server.duration',
      'http.server.request.duration',
    ])
    expect(tabulate(old(own!))).toEqual(tabulate(old(theirs!), withKnownMethod))
  }, 60_000)
})

it('nothing of upstream that we bundle reads the setting by itself: it would not see the configuration file', () => {
  const home = join(process.cwd(), 'packages/otel/node_modules/@opentelemetry')
  const files = readdirSync(home)
    .filter(name => name.startsWith('instrumentation-'))
    .flatMap(name => {
      const cwd = realpathSync(join(home, name))
      return globSync('{build,dist}/**/*.{js,cjs,mjs}', { cwd }).map(file => join(cwd, file))
    })
  expect(files.length).toBeGreaterThan(100)
  expect(
    files.filter(file => /semconvStabilityFromStr|STABILITY_OPT_IN/.test(readFileSync(file, 'utf8'))),
  ).toEqual([])
})
