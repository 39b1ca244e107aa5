// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written as text here.
import { machine } from '../../test/config/machine.ts'
import { codes } from '../self/codes.ts'
import type { Env } from './read-env.ts'
import { resolveConfig } from './resolve.ts'
import { settings } from './settings.ts'
import { checkUserOptions, readUserOptions, type UserOptions } from './user-options.ts'

function resolve(env: Env, code?: UserOptions) {
  return resolveConfig({
    env,
    facts: machine,
    ...(code === undefined ? {} : { code: readUserOptions(code) }),
  })
}

/** The whole line, as it appears on stderr. */
function lines(env: Env): string[] {
  return resolve(env).problems.map(p => `${p.code} ${p.subject}: ${p.message}`)
}

describe('with nothing set', () => {
  const { config, problems, origins } = resolve({})

  test('there is nothing to complain about, and everything is a default', () => {
    expect(problems).toEqual([])
    expect(new Set(Object.values(origins).map(o => o.from))).toEqual(new Set(['default']))
  })

  test('traces and metrics go to localhost:4317 over gRPC in plain text', () => {
    for (const target of [config.traces.otlp, config.metrics.otlp, config.logs.otlp]) {
      expect(target).toMatchObject({
        protocol: 'grpc',
        endpoint: 'http://localhost:4317',
        tls: { insecure: true },
      })
    }
    expect(config.traces.exporters).toEqual(['otlp'])
    expect(config.metrics.exporters).toEqual(['otlp'])
  })

  test('log lines are correlated and none is sent', () => {
    expect(config.logs).toMatchObject({ correlation: true, sending: false, exporters: [] })
    expect(config.logs.fields).toEqual({ traceId: 'trace_id', spanId: 'span_id', traceFlags: 'trace_flags' })
  })

  test('what the specification defines has its default', () => {
    expect(config.traces.sampler).toEqual({ type: 'parent_based', root: { type: 'always_on' } })
    expect(config.traces.limits).toEqual({
      attributeCount: 128,
      attributeValueLength: Number.POSITIVE_INFINITY,
      eventCount: 128,
      linkCount: 128,
      attributePerEventCount: 128,
      attributePerLinkCount: 128,
    })
    expect(config.traces.batch).toMatchObject({
      maxQueueSize: 2048,
      maxExportBatchSize: 2048,
      exportTimeoutMs: 30000,
    })
    expect(config.metrics).toMatchObject({ intervalMs: 60000, timeoutMs: 30000, temporality: 'cumulative' })
    expect(config.metrics.exemplarFilter).toBe('trace_based')
    expect(config.propagators).toEqual(['tracecontext', 'baggage'])
    expect(config.logLevel).toBe('info')
    expect(config.enabled).toBe(true)
  })

  test('the decision is frozen', () => {
    expect(() => {
      ;(config.traces.otlp as { endpoint: string }).endpoint = 'http://elsewhere'
    }).toThrow(TypeError)
  })
})

describe('the endpoint', () => {
  const cases: readonly (readonly [title: string, env: Env, protocol: string, endpoint: string])[] = [
    ['with port 4317 means gRPC', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4317' }, 'grpc', 'http://c:4317'],
    [
      'with port 4318 means HTTP, and gets the path of the signal',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' },
      'http/protobuf',
      'http://c:4318/v1/traces',
    ],
    [
      'with another port means gRPC',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:5000' },
      'grpc',
      'http://c:5000',
    ],
    [
      'with a path means HTTP, and keeps the path as a prefix',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://gw.example.com/otlp/' },
      'http/protobuf',
      'https://gw.example.com/otlp/v1/traces',
    ],
    [
      'of the signal is used exactly as it is',
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4318/custom/path' },
      'http/protobuf',
      'http://c:4318/custom/path',
    ],
    [
      'of the signal wins over the one for all',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:4318', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://b:4317' },
      'grpc',
      'http://b:4317',
    ],
    [
      'follows the protocol when only that is set',
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' },
      'http/protobuf',
      'http://localhost:4318/v1/traces',
    ],
    [
      'follows the protocol of the signal',
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' },
      'http/json',
      'http://localhost:4318/v1/traces',
    ],
    ['is the node of NODE_IP when none is set', { NODE_IP: '10.0.0.7' }, 'grpc', 'http://10.0.0.7:4317'],
    ['puts an IPv6 node into brackets', { NODE_IP: 'fd00::7' }, 'grpc', 'http://[fd00::7]:4317'],
    ['takes an IPv6 node that has its brackets', { NODE_IP: '[fd00::7]' }, 'grpc', 'http://[fd00::7]:4317'],
    ['leaves out the zone of an IPv6 node', { NODE_IP: 'fe80::1%eth0' }, 'grpc', 'http://[fe80::1]:4317'],
    [
      'is the node over HTTP when the protocol says so',
      { NODE_IP: '10.0.0.7', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
      'http/json',
      'http://10.0.0.7:4318/v1/traces',
    ],
    [
      'wins over the node',
      { NODE_IP: '10.0.0.7', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4317' },
      'grpc',
      'http://c:4317',
    ],
    [
      'may be an IPv6 address',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://[::1]:4318' },
      'http/protobuf',
      'http://[::1]:4318/v1/traces',
    ],
    [
      'is secure when it has no scheme, as specified for gRPC',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'c:4317' },
      'grpc',
      'https://c:4317',
    ],
    [
      'without a scheme is plain text when INSECURE says so',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'c:4317', OTEL_EXPORTER_OTLP_INSECURE: 'true' },
      'grpc',
      'http://c:4317',
    ],
    [
      'with https stays secure whatever INSECURE says',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c:4317', OTEL_EXPORTER_OTLP_INSECURE: 'true' },
      'grpc',
      'https://c:4317',
    ],
    [
      'with https and no port means 443',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c' },
      'grpc',
      'https://c:443',
    ],
    [
      'with http and no port means 4317',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c' },
      'grpc',
      'http://c:4317',
    ],
    [
      'keeps its query behind the path of the signal',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c/p?tenant=a' },
      'http/protobuf',
      'https://c/p/v1/traces?tenant=a',
    ],
    [
      'loses a /v1/traces that is added for each signal',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/v1/traces' },
      'http/protobuf',
      'http://c:4318/v1/traces',
    ],
  ]

  test.each(cases)('%s', (_, env, protocol, endpoint) => {
    const { otlp } = resolve(env).config.traces
    expect([otlp.protocol, otlp.endpoint]).toEqual([protocol, endpoint])
    expect(otlp.tls.insecure).toBe(endpoint.startsWith('http://'))
  })

  test('for all signals gives each signal its own path', () => {
    const { config } = resolve({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' })
    expect(config.metrics.otlp.endpoint).toBe('http://c:4318/v1/metrics')
    expect(config.logs.otlp.endpoint).toBe('http://c:4318/v1/logs')
  })

  test('with user and password becomes an authorization header and leaves the address', () => {
    const { otlp } = resolve({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://me:p%40ss@c:4318' }).config.traces
    expect(otlp.endpoint).toBe('https://c:4318/v1/traces')
    expect(otlp.headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`)
  })
})

describe('compression', () => {
  test.each<[string, Record<string, string>, 'gzip' | 'none']>([
    ['nothing is set: the collector is on this machine', {}, 'none'],
    ['the address is 127.0.0.2', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.2:4318' }, 'none'],
    ['the address is ::1', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://[::1]:4318' }, 'none'],
    ['the address is link-local', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://169.254.1.1:4318' }, 'none'],
    ['the agent of the node is used', { NODE_IP: '10.0.0.7' }, 'none'],
    [
      'the agent of the node is named',
      { NODE_IP: '10.0.0.7', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://10.0.0.7:4317' },
      'none',
    ],
    ['the collector is elsewhere', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://10.0.0.8:4317' }, 'gzip'],
    [
      'a host is only called like it',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost.example:4317' },
      'gzip',
    ],
    ['gzip is asked for', { OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' }, 'gzip'],
    [
      'none is asked for',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4317', OTEL_EXPORTER_OTLP_COMPRESSION: 'none' },
      'none',
    ],
  ])('when %s', (_, env, compression) => {
    expect(resolve(env).config.traces.otlp.compression).toBe(compression)
  })
})

describe('headers', () => {
  test('are percent-decoded, lower-cased, and those of the signal are added', () => {
    const { config, problems } = resolve({
      OTEL_EXPORTER_OTLP_HEADERS: 'API-Key=a%20b, x=1==',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x=2',
    })
    expect(problems).toEqual([])
    expect(config.traces.otlp.headers).toEqual({ 'api-key': 'a b', x: '2' })
    expect(config.metrics.otlp.headers).toEqual({ 'api-key': 'a b', x: '1==' })
  })

  test('never show in a problem, an origin or the list of settings', () => {
    const { problems, origins } = resolve({
      OTEL_EXPORTER_OTLP_HEADERS:
        'Authorization: Bearer canary-1, x=%zz-canary-2, =canary-3, a=b%0d%0acanary-4',
    })
    expect(problems).toHaveLength(1)
    expect(JSON.stringify([problems, origins])).not.toContain('canary')
  })
})

describe('values that cannot be used', () => {
  // Each line is what a person reads: what, from where, what was expected, what was done.
  const cases: readonly (readonly [Env, string])[] = [
    [
      { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '1.5' },
      'ORG_OTEL_CONFIG_INVALID OTEL_TRACES_SAMPLER_ARG="1.5" (environment): expected a number from 0 to 1; using 1',
    ],
    [
      { OTEL_TRACES_SAMPLER: 'parentbased_traceid_ratio' },
      'ORG_OTEL_CONFIG_INVALID OTEL_TRACES_SAMPLER="parentbased_traceid_ratio" (environment): expected always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio (did you mean parentbased_traceidratio?); using parentbased_always_on',
    ],
    [
      { OTEL_TRACES_SAMPLER_ARG: '0.1' },
      'ORG_OTEL_CONFIG_CONFLICT OTEL_TRACES_SAMPLER_ARG="0.1" (environment): has no effect on the sampler parentbased_always_on; set OTEL_TRACES_SAMPLER=parentbased_traceidratio to use it',
    ],
    [
      { OTEL_BSP_SCHEDULE_DELAY: '5s' },
      'ORG_OTEL_CONFIG_INVALID OTEL_BSP_SCHEDULE_DELAY="5s" (environment): expected milliseconds without a unit, as 5000; using 1000',
    ],
    [
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grcp' },
      'ORG_OTEL_CONFIG_INVALID OTEL_EXPORTER_OTLP_PROTOCOL="grcp" (environment): expected grpc, http/protobuf, http/json (did you mean grpc?); it is ignored',
    ],
    [
      { OTEL_TRACES_EXPORTER: 'oltp' },
      'ORG_OTEL_CONFIG_INVALID OTEL_TRACES_EXPORTER="oltp" (environment): unknown "oltp" left out, expected otlp, console, zipkin, none (did you mean otlp?); using otlp',
    ],
    [
      { OTEL_TRACES_EXPORTER: 'none,otlp' },
      'ORG_OTEL_CONFIG_INVALID OTEL_TRACES_EXPORTER="none,otlp" (environment): "none" beside others is left out',
    ],
    [
      { OTEL_SDK_DISABLED: '1' },
      'ORG_OTEL_CONFIG_INVALID OTEL_SDK_DISABLED="1" (environment): expected true or false, and only true is true; using false',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://$(NODE_IP):4317' },
      'ORG_OTEL_CONFIG_INVALID OTEL_EXPORTER_OTLP_ENDPOINT="http://$(NODE_IP):4317" (environment): $(NODE_IP) was not expanded; it is ignored',
    ],
    [
      { OTEL_RESOURCE_ATTRIBUTES: 'a=1,k8s.pod.name=${POD_NAME}' },
      'ORG_OTEL_CONFIG_INVALID OTEL_RESOURCE_ATTRIBUTES="a=1,k8s.pod.name=${POD_NAME}" (environment): k8s.pod.name is left out because ${POD_NAME} was not expanded',
    ],
    [
      { OTEL_SERVICE_NAME: '"checkout"' },
      'ORG_OTEL_CONFIG_INVALID OTEL_SERVICE_NAME="\\"checkout\\"" (environment): the quotes are part of the value (env files are not read by a shell); using it without them',
    ],
    [
      { OTEL_SERVICE_NAME: 'checkout\r' },
      'ORG_OTEL_CONFIG_INVALID OTEL_SERVICE_NAME="checkout\\r" (environment): ends in a carriage return (a file with Windows line ends); using it without',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://c' },
      'ORG_OTEL_CONFIG_INVALID OTEL_EXPORTER_OTLP_ENDPOINT="ftp://c" (environment): expected http:// or https://, not ftp://; it is ignored',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' },
      'ORG_OTEL_CONFIG_CONFLICT OTEL_EXPORTER_OTLP_ENDPOINT="http://c:4317" (environment): port 4317 is for OTLP over gRPC, but the protocol is http/protobuf; using http/protobuf as asked',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/v1/traces' },
      'ORG_OTEL_CONFIG_CONFLICT OTEL_EXPORTER_OTLP_ENDPOINT="http://c:4318/v1/traces" (environment): the endpoint for all signals ends in /v1/traces, which is added for each signal; using it without',
    ],
    [
      { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://c:4318' },
      'ORG_OTEL_CONFIG_CONFLICT OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="http://c:4318" (environment): is used exactly as written, with path /; collectors listen on /v1/metrics',
    ],
    [
      { OTEL_BSP_MAX_QUEUE_SIZE: '100', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '200' },
      'ORG_OTEL_CONFIG_CONFLICT OTEL_BSP_MAX_EXPORT_BATCH_SIZE=200: cannot be above OTEL_BSP_MAX_QUEUE_SIZE=100; using 100',
    ],
    [
      { OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'htpp,pg' },
      'ORG_OTEL_CONFIG_INVALID OTEL_NODE_DISABLED_INSTRUMENTATIONS="htpp,pg" (environment): there is no instrumentation "htpp", did you mean http?',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'c:4317' },
      'ORG_OTEL_CONFIG_INVALID OTEL_EXPORTER_OTLP_ENDPOINT="c:4317" (environment): the scheme is missing; using https:// (TLS) as specified, write http:// for plain text',
    ],
    [
      { NODE_IP: 'not an ip' },
      'ORG_OTEL_CONFIG_INVALID NODE_IP="not an ip" (environment): expected an IP address; it is ignored',
    ],
    [
      { ORG_OTEL_SAMPLING_RULES: '/a=drop,/b=sometimes' },
      'ORG_OTEL_CONFIG_INVALID ORG_OTEL_SAMPLING_RULES="/a=drop,/b=sometimes" (environment): "/b=sometimes" is left out, expected match=drop, match=always or match=<0 to 1>, separated by commas',
    ],
    [
      { ORG_OTEL_INSTRUMENTATION_OPTIONS: '{"pgg":{}}' },
      'ORG_OTEL_CONFIG_INVALID ORG_OTEL_INSTRUMENTATION_OPTIONS (environment): there is no instrumentation "pgg", did you mean pg?; its options are ignored',
    ],
    [
      { ORG_OTEL_INSTRUMENTATION_NOPE_X: '1' },
      'ORG_OTEL_CONFIG_UNKNOWN ORG_OTEL_INSTRUMENTATION_NOPE_X (environment): is ignored, expected ORG_OTEL_INSTRUMENTATION_<NAME>_<OPTION> with the name of an instrumentation',
    ],
  ]

  test.each(cases)('%j is said in one line', (env, line) => {
    expect(lines(env)).toEqual([line])
  })

  test('are all said at once, each with a code of the table, and the rest still applies', () => {
    const { config, problems } = resolve(
      Object.assign({}, ...cases.map(([env]) => env), { OTEL_SERVICE: 'x' }),
    )
    expect(problems.length).toBeGreaterThan(15)
    const known = new Set<string>(codes.map(row => row.code))
    for (const problem of problems) expect(known).toContain(problem.code)
    expect(config.instrumentations.disabled).toEqual(new Set(['pg']))
  })

  test('never make it throw, whatever is in the environment', () => {
    const nasty = [
      '',
      ' ',
      '\u0000',
      '%',
      '%%%',
      '=',
      ',',
      ',,=,',
      '{',
      '[',
      '[1]',
      '[null]',
      'null',
      '💥',
      'a'.repeat(100_000),
      '$(',
      '${',
      'http://',
      'constructor',
      '__proto__',
      'constructor=1',
      '{"__proto__":{"a":1}}',
      '::',
      '1e999',
      '-1',
      'NaN',
    ]
    const names = Object.keys(resolve({}).origins)
    expect(names.length).toBeGreaterThan(100)
    for (const value of nasty) {
      const env: Record<string, string> = {}
      for (const row of settings) {
        for (const name of row.env) env[name] = value
      }
      env.ORG_OTEL_INSTRUMENTATION_PG_X = value
      env.NODE_ENV = value
      expect(() => resolve(env)).not.toThrow()
      // What every object inherits is not a value of any setting.
      expect(JSON.stringify(resolve(env).config)).not.toContain('native code')
      expect(typeof resolve(env).config.logLevel).toBe('string')
    }
  })
})

describe('logs', () => {
  test.each([
    [{ OTEL_LOGS_EXPORTER: 'otlp' }, true, ['otlp']],
    [{ OTEL_LOGS_EXPORTER: 'console' }, true, ['console']],
    [{ OTEL_LOGS_EXPORTER: 'none' }, false, []],
    [{ ORG_OTEL_LOG_SENDING: 'true' }, true, ['otlp']],
    [{ ORG_OTEL_LOG_SENDING: 'false', OTEL_LOGS_EXPORTER: 'otlp' }, false, []],
  ] as const)('%j decides about sending', (env, sending, exporters) => {
    expect(resolve(env).config.logs).toMatchObject({ sending, exporters })
  })

  test('a preset names the fields and single names can be changed', () => {
    const { fields } = resolve({ ORG_OTEL_LOG_PRESET: 'gcp', ORG_OTEL_LOG_FIELDS: 'span_id=span' }).config
      .logs
    expect(fields.traceId).toBe('logging.googleapis.com/trace')
    expect(fields.spanId).toBe('span')
  })
})

describe('limits', () => {
  test('for spans fall back to the general ones', () => {
    const { config } = resolve({
      OTEL_ATTRIBUTE_COUNT_LIMIT: '10',
      OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '20',
      OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '30',
      OTEL_SPAN_ATTRIBUTE_PER_EVENT_COUNT_LIMIT: '5',
    })
    expect(config.traces.limits).toMatchObject({
      attributeCount: 30,
      attributeValueLength: 20,
      attributePerEventCount: 5,
    })
    expect(config.logs).toMatchObject({ attributeCount: 10, attributeValueLength: 20 })
  })
})

describe('samplers', () => {
  test.each([
    ['always_on', { type: 'always_on' }],
    ['always_off', { type: 'always_off' }],
    ['traceidratio', { type: 'ratio', ratio: 0.25 }],
    ['parentbased_always_off', { type: 'parent_based', root: { type: 'always_off' } }],
    ['parentbased_traceidratio', { type: 'parent_based', root: { type: 'ratio', ratio: 0.25 } }],
    ['ParentBased_TraceIdRatio', { type: 'parent_based', root: { type: 'ratio', ratio: 0.25 } }],
  ])('%s', (name, sampler) => {
    expect(
      resolve({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: '0.25' }).config.traces.sampler,
    ).toEqual(sampler)
  })

  test('what we add is read from its own variables', () => {
    const { extras } = resolve({
      ORG_OTEL_SAMPLING: 'keep-errors',
      ORG_OTEL_SAMPLING_SLOW_THRESHOLD: '250',
      ORG_OTEL_SAMPLING_MAX_PER_SECOND: '100',
      ORG_OTEL_SAMPLING_RULES: '/healthz=drop,/pay/*=always,/search*=0.05',
      ORG_OTEL_SAMPLING_RATIO_FILE: '/etc/ratio',
    }).config.traces
    expect(extras).toEqual({
      keepErrors: true,
      slowMs: 250,
      maxPerSecond: 100,
      rules: [
        { match: '/healthz', action: 'drop' },
        { match: '/pay/*', action: 'always' },
        { match: '/search*', action: { ratio: 0.05 } },
      ],
      ratioFile: '/etc/ratio',
      maxHeldSpans: 10000,
    })
  })
})

describe('instrumentations', () => {
  test('are named shortly, by package, or by what people call them', () => {
    const { instrumentations } = resolve({
      OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'http, @opentelemetry/instrumentation-pg ,fetch',
    }).config
    expect(instrumentations.enabled).toEqual(new Set(['http', 'pg', 'undici']))
  })

  test('take options from JSON and one by one, the single one winning', () => {
    const { config, problems } = resolve({
      ORG_OTEL_INSTRUMENTATION_OPTIONS: '{"pg":{"enhancedDatabaseReporting":true,"requireParentSpan":true}}',
      ORG_OTEL_INSTRUMENTATION_PG_REQUIRE_PARENT_SPAN: 'false',
      ORG_OTEL_INSTRUMENTATION_AWS_SDK_SUPPRESS_INTERNAL_INSTRUMENTATION: 'true',
      ORG_OTEL_INSTRUMENTATION_GRAPHQL_DEPTH: '2',
      ORG_OTEL_INSTRUMENTATION_HTTP_REQUIRE_PARENT_FOR_OUTGOING_SPANS: 'true',
      ORG_OTEL_INSTRUMENTATION_EXPRESS_IGNORE_LAYERS_TYPE: '["middleware"]',
      ORG_OTEL_INSTRUMENTATION_FS_ENABLED: 'false',
    })
    expect(problems).toEqual([])
    expect(config.instrumentations.options).toEqual({
      pg: { enhancedDatabaseReporting: true, requireParentSpan: false },
      'aws-sdk': { suppressInternalInstrumentation: true },
      graphql: { depth: 2 },
      http: { requireParentforOutgoingSpans: true },
      express: { ignoreLayersType: ['middleware'] },
      fs: { enabled: false },
    })
    expect(config.instrumentations.disabled).toEqual(new Set(['fs']))
  })
})

describe('code', () => {
  test('wins over the environment, and the origin says so', () => {
    const { config, origins } = resolve(
      { OTEL_SERVICE_NAME: 'env', OTEL_TRACES_SAMPLER: 'always_off', OTEL_EXPORTER_OTLP_HEADERS: 'a=1' },
      { serviceName: 'code', sampler: 0.5, endpoint: 'http://c:4318', headers: { 'X-Key': 'k' } },
    )
    expect(config.resource.attributes['service.name']).toBe('code')
    expect(config.traces.sampler).toEqual({ type: 'parent_based', root: { type: 'ratio', ratio: 0.5 } })
    expect(config.traces.otlp).toMatchObject({
      endpoint: 'http://c:4318/v1/traces',
      headers: { 'x-key': 'k' },
    })
    expect(origins.serviceName).toEqual({ from: 'code', name: 'serviceName' })
  })

  test('cannot keep us on when the environment switches us off', () => {
    expect(resolve({ OTEL_SDK_DISABLED: 'true' }, { serviceName: 'x' }).config.enabled).toBe(false)
  })

  test('reaches every setting by the name of its variable', () => {
    const { config } = resolve(
      {},
      { settings: { ORG_OTEL_LOG_PRESET: 'ecs', OTEL_BSP_SCHEDULE_DELAY: '50' } },
    )
    expect(config.logs.preset).toBe('ecs')
    expect(config.traces.batch.scheduleDelayMs).toBe(50)
  })

  test('switches signals off and on', () => {
    const { config } = resolve({}, { traces: false, metrics: ['prometheus'], logs: true })
    expect(config.traces.exporters).toEqual([])
    expect(config.metrics.exporters).toEqual(['prometheus'])
    expect(config.logs).toMatchObject({ sending: true, exporters: ['otlp'] })
  })

  test('does not change what it was given', () => {
    const options: UserOptions = Object.freeze({
      resourceAttributes: Object.freeze({ 'team.name': 'pay' }),
      instrumentations: Object.freeze({ options: Object.freeze({ pg: { hook() {} } }) }),
    })
    const { config } = resolve({}, options)
    expect(config.resource.attributes['team.name']).toBe('pay')
    expect(Object.isFrozen(options.instrumentations!.options!.pg)).toBe(false)
  })
})

describe('checkUserOptions', () => {
  test.each([
    [undefined],
    [{}],
    [{ serviceName: 'a', sampler: 'always_on', logLevel: 'warn', startupLine: false }],
    [{ sampler: { shouldSample: () => ({ decision: 2 }) } }],
    [{ spanProcessors: [{ onStart() {}, onEnd() {}, async forceFlush() {}, async shutdown() {} }] }],
    [{ serviceName: undefined }],
  ])('has nothing against %j', options => {
    expect(checkUserOptions(options)).toEqual([])
  })

  test.each([
    [{ protocol: 'grcp' }, 'protocol', 'did you mean grpc'],
    [{ sampler: 1.5 }, 'sampler', 'from 0 to 1'],
    [{ sampler: {} }, 'sampler', 'shouldSample'],
    [{ servicename: 'x' }, 'servicename', 'did you mean serviceName'],
    [{ endpoint: 'nope nope' }, 'endpoint', 'expected a URL'],
    [{ headers: { a: 'b\r\nc: d' } }, 'headers', 'line breaks'],
    [{ spanProcessors: [{}] }, 'spanProcessors', 'onStart'],
    [{ instrumentations: { disabled: ['htpp'] } }, 'instrumentations', 'did you mean http'],
    [{ instrumentations: { options: { pgg: {} } } }, 'instrumentations', 'no instrumentation "pgg"'],
    [{ settings: { OTEL_SERVICE: 'x' } }, 'settings', 'did you mean OTEL_SERVICE_NAME'],
    [{ settings: { OTEL_BSP_SCHEDULE_DELAY: '5s' } }, 'settings', 'milliseconds'],
    [{ metrics: ['otlpp'] }, 'metrics', 'did you mean otlp'],
    ['text', 'start()', 'an object of options'],
  ])('refuses %j', (options, where, why) => {
    const problems = checkUserOptions(options)
    expect(problems).toHaveLength(1)
    expect(problems[0]!.code).toBe('ORG_OTEL_ARGUMENT')
    expect(problems[0]!.subject).toContain(where)
    expect(problems[0]!.message).toContain(why)
  })

  test('survives options that throw when they are looked at', () => {
    const options = {
      get serviceName(): string {
        throw new Error('not now')
      },
      headers: new Proxy(
        {},
        {
          ownKeys() {
            throw new Error('never')
          },
        },
      ),
    }
    expect(checkUserOptions(options).map(p => p.message)).toEqual([
      'cannot be read: not now',
      'cannot be read: never',
    ])
  })

  test('reports every bad option at once', () => {
    expect(checkUserOptions({ protocol: 1, sampler: 'x', logs: 'y' })).toHaveLength(3)
  })
})
