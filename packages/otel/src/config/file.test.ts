// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written as text here.
import { machine } from '../../test/config/machine.ts'
import { parseConfigFile } from './file.ts'
import { substitute } from './file-yaml.ts'
import type { Env } from './read-env.ts'
import { resolveConfig } from './resolve.ts'

function resolve(text: string | undefined, env: Env = {}) {
  const facts = {
    ...machine,
    uuid: () => 'uuid',
    readText: (path: string) => (path === '/etc/otel.yaml' ? text : undefined),
  }
  return resolveConfig({
    env: { OTEL_CONFIG_FILE: '/etc/otel.yaml', ...env },
    facts,
    loadFileParser: () => parseConfigFile,
  })
}

const head = 'file_format: "1.0"\n'

describe('a complete file', () => {
  const { config, problems, origins } = resolve(
    `${head}
log_level: warn2
attribute_limits: { attribute_count_limit: 64, attribute_value_length_limit: 4096 }
resource:
  schema_url: https://opentelemetry.io/schemas/1.38.0
  attributes_list: "\${OTEL_RESOURCE_ATTRIBUTES}"
  attributes:
    - { name: service.name, value: "\${SERVICE:-fallback}" }
    - { name: shards, value: [1, 2], type: int_array }
    - { name: ratio, value: "0.5", type: double }
  detection/development:
    detectors: [{ host: }, { process: }]
propagator:
  composite: [{ tracecontext: }, { b3: }]
  composite_list: "b3,baggage"
tracer_provider:
  processors:
    - batch:
        schedule_delay: 777
        max_queue_size: 100
        max_export_batch_size: 50
        exporter:
          otlp_http:
            endpoint: https://c:4318/v1/traces
            encoding: json
            compression: gzip
            timeout: 3000
            headers: [{ name: Api-Key, value: "\${KEY}" }, { name: skipped, value: null }]
            headers_list: "api-key=lower,tenant=a%20b"
            tls: { ca_file: /ca.pem }
    - simple: { exporter: { console: } }
  limits: { event_count_limit: 7, event_attribute_count_limit: 8 }
  sampler:
    parent_based:
      root: { trace_id_ratio_based: { ratio: 0.25 } }
      remote_parent_not_sampled: { always_off: }
meter_provider:
  readers:
    - periodic:
        interval: 5000
        timeout: 4000
        exporter:
          otlp_grpc: { endpoint: "c:4317", tls: { insecure: true }, temporality_preference: delta, default_histogram_aggregation: base2_exponential_bucket_histogram }
    - pull: { exporter: { prometheus/development: { host: 0.0.0.0, port: 9999 } } }
  exemplar_filter: always_on
  views:
    - selector: { instrument_name: http.server.*, instrument_type: histogram }
      stream: { name: renamed, aggregation: { explicit_bucket_histogram: { boundaries: [1, 2, 3] } }, attribute_keys: { included: [a] } }
logger_provider:
  processors:
    - batch: { exporter: { otlp_grpc: { } } }
instrumentation/development:
  general: { http: { server: { request_captured_headers: [X-A] } }, stability_opt_in_list: messaging }
  js: { pg: { enhanced_database_reporting: true }, aws_sdk: { suppressInternalInstrumentation: true }, fs: { enabled: false } }
  java: { anything: { at: all } }
distribution:
  org_otel: { log_preset: ecs, sampling: keep-errors, http_probe_paths: [/up], startup_line: false }
  someone_else: { x: 1 }
`,
    { KEY: 'k1', OTEL_RESOURCE_ATTRIBUTES: 'team=pay,service.name=listed' },
  )

  test('is read without a problem', () => {
    expect(problems).toEqual([])
  })

  test('decides about traces', () => {
    expect(config.traces).toMatchObject({
      exporters: ['otlp', 'console'],
      otlp: {
        protocol: 'http/json',
        endpoint: 'https://c:4318/v1/traces',
        headers: { 'api-key': 'k1', tenant: 'a b' },
        timeoutMs: 3000,
        compression: 'gzip',
        tls: { insecure: false, caFile: '/ca.pem' },
      },
      sampler: {
        type: 'parent_based',
        root: { type: 'ratio', ratio: 0.25 },
        remoteParentNotSampled: { type: 'always_off' },
      },
      batch: { scheduleDelayMs: 777, maxQueueSize: 100, maxExportBatchSize: 50 },
      limits: { attributeCount: 64, attributeValueLength: 4096, eventCount: 7, attributePerEventCount: 8 },
    })
  })

  test('decides about metrics', () => {
    expect(config.metrics).toMatchObject({
      exporters: ['otlp', 'prometheus'],
      otlp: { protocol: 'grpc', endpoint: 'http://c:4317', compression: 'none', tls: { insecure: true } },
      intervalMs: 5000,
      timeoutMs: 4000,
      temporality: 'delta',
      histogramAggregation: 'base2_exponential_bucket_histogram',
      exemplarFilter: 'always_on',
      prometheus: { host: '0.0.0.0', port: 9999 },
    })
    expect(config.metrics.views).toEqual([
      {
        selector: { instrumentName: 'http.server.*', instrumentType: 'histogram' },
        stream: {
          name: 'renamed',
          aggregation: { type: 'explicit_bucket_histogram', boundaries: [1, 2, 3], recordMinMax: true },
          attributeKeys: { included: ['a'] },
        },
      },
    ])
  })

  test('decides about logs, propagation and levels', () => {
    expect(config.logs).toMatchObject({
      sending: true,
      exporters: ['otlp'],
      otlp: { endpoint: 'http://localhost:4317' },
    })
    expect(config.propagators).toEqual(['tracecontext', 'b3', 'baggage'])
    expect(config.logLevel).toBe('warn')
  })

  test('describes the resource: entries win over the list, types are kept, the environment is not asked', () => {
    expect(config.resource.attributes).toMatchObject({
      'service.name': 'fallback',
      team: 'pay',
      shards: [1, 2],
      ratio: 0.5,
      'host.name': 'host-1',
      'process.pid': 42,
    })
    expect(config.resource.attributes).not.toHaveProperty('service.instance.id')
    expect(config.resource.schemaUrl).toBe('https://opentelemetry.io/schemas/1.38.0')
  })

  test('reaches instrumentations and our own settings', () => {
    expect(config.instrumentations.options).toMatchObject({
      pg: { enhancedDatabaseReporting: true },
      'aws-sdk': { suppressInternalInstrumentation: true },
    })
    expect(config.instrumentations.disabled).toEqual(new Set(['fs']))
    expect(config.http.captureRequestHeaders).toEqual(['x-a'])
    expect(config.semconvOptIn).toEqual(['messaging'])
    expect(config.logs.preset).toBe('ecs')
    expect(config.traces.extras.keepErrors).toBe(true)
    expect(config.http.probePaths).toEqual(['/up'])
    expect(config.startupLine).toBe(false)
  })

  test('is the origin of what it decided, with the place in the file', () => {
    expect(origins['logs.preset']).toEqual({
      from: 'file',
      name: '/etc/otel.yaml#/distribution/org_otel/log_preset',
      text: 'ecs',
    })
    expect(origins.attributeCount.name).toBe('/etc/otel.yaml#/attribute_limits/attribute_count_limit')
  })
})

describe('beside a file', () => {
  const file = `${head}tracer_provider: { processors: [{ batch: { exporter: { otlp_http: { } } } }] }\n`

  test('other OTEL_* are ignored, as specified, and that is said once', () => {
    const { config, problems } = resolve(file, {
      OTEL_TRACES_SAMPLER: 'always_off',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:1',
      OTEL_SERVICE_NAME: 'x',
      OTEL_PROPAGATORS: 'b3',
    })
    expect(problems).toEqual([
      {
        code: 'ORG_OTEL_CONFIG_CONFLICT',
        subject:
          'OTEL_SERVICE_NAME, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_PROPAGATORS, OTEL_TRACES_SAMPLER (environment)',
        message: 'OTEL_CONFIG_FILE is set, so what the file does not refer to is ignored, as specified',
      },
    ])
    expect(config.traces.sampler).toEqual({ type: 'parent_based', root: { type: 'always_on' } })
    expect(config.traces.otlp.endpoint).toBe('http://localhost:4318/v1/traces')
    expect(config.resource.attributes['service.name']).toBe('unknown_service:node')
  })

  test('ORG_OTEL_* still apply, and win over it', () => {
    const { config } = resolve(`${file}distribution: { org_otel: { log_preset: ecs } }\n`, {
      ORG_OTEL_LOG_PRESET: 'gcp',
    })
    expect(config.logs.preset).toBe('gcp')
  })

  test('OTEL_SDK_DISABLED still switches everything off', () => {
    expect(resolve(`${head}disabled: false\n`, { OTEL_SDK_DISABLED: 'true' }).config.enabled).toBe(false)
    expect(resolve(`${head}disabled: true\n`).config.enabled).toBe(false)
  })

  test('what it does not name is off: providers and propagators', () => {
    const { config } = resolve(head)
    expect(config.traces.exporters).toEqual([])
    expect(config.metrics.exporters).toEqual([])
    expect(config.logs.sending).toBe(false)
    expect(config.propagators).toEqual([])
  })

  test('the service detector is the one that reads OTEL_SERVICE_NAME', () => {
    const text = `${head}resource: { detection/development: { detectors: [{ service: }] } }\n`
    const { attributes } = resolve(text, { OTEL_SERVICE_NAME: 'x' }).config.resource
    expect(attributes).toMatchObject({ 'service.name': 'x', 'service.instance.id': 'uuid' })
  })
})

test('a misspelt exporter is said with the one that was meant', () => {
  const { problems } = resolve(
    `${head}tracer_provider: { processors: [{ batch: { exporter: { otlp_grcp: { endpoint: "http://c:4317" } } } }] }\n`,
  )
  expect(problems.map(({ message }) => message)).toEqual([
    'is not an exporter we have and is ignored; did you mean otlp_grpc?',
  ])
})

describe('a file that cannot be used is said in one line, and the environment is used', () => {
  const cases: readonly (readonly [string, string | undefined, string])[] = [
    ['is missing', undefined, 'the file cannot be read'],
    ['is empty', '', 'the file is empty or not a mapping'],
    ['is a list', '- a\n', 'the file is empty or not a mapping'],
    ['is not YAML', 'a: [1\nb: }', 'not valid YAML'],
    ['is binary', '\u0000\u0001\ufffd', 'the file is empty or not a mapping'],
    ['has no format', 'disabled: true\n', 'file_format is missing, expected "1.0" or "1.1"'],
    ['has a format of another kind', 'file_format: nope\n', 'file_format is "nope", expected "1.0" or "1.1"'],
    ['has a format of the next generation', 'file_format: "2.0"\n', 'file_format 2.0 is not supported'],
    ['is a bomb of aliases', `file_format: "1.0"\n${bomb()}`, 'not valid YAML'],
  ]

  test.each(cases)('%s', (_, text, why) => {
    const { config, problems } = resolve(text, { OTEL_SERVICE_NAME: 'from-env' })
    expect(problems).toHaveLength(1)
    expect(problems[0]!.code).toBe('ORG_OTEL_CONFIG_FILE')
    expect(problems[0]!.subject).toContain('/etc/otel.yaml')
    expect(problems[0]!.message).toContain(why)
    expect(problems[0]!.message).toContain('using the environment instead')
    expect(problems[0]!.message).not.toContain('\n')
    expect(problems[0]!.message).not.toContain(':;')
    expect(config.resource.attributes['service.name']).toBe('from-env')
    expect(config.traces.exporters).toEqual(['otlp'])
  })
})

function bomb(): string {
  let text = 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n'
  for (let i = 1; i < 10; i++)
    text += `a${i}: &a${i} [${Array(10)
      .fill(`*a${i - 1}`)
      .join(', ')}]\n`
  return text
}

describe('what has no effect is said, node by node', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['surprise: 1', '/surprise'],
    [
      'tracer_provider: { processors: [], tracer_configurator/development: { } }',
      '/tracer_provider/tracer_configurator/development',
    ],
    ['tracer_provider: { processors: [{ custom: { } }] }', '/tracer_provider/processors/0/custom'],
    [
      'tracer_provider: { processors: [{ batch: { exporter: { otlp_file/development: } } }] }',
      '/tracer_provider/processors/0/batch/exporter/otlp_file/development',
    ],
    [
      'tracer_provider: { processors: [], sampler: { jaeger_remote/development: { } } }',
      '/tracer_provider/sampler/jaeger_remote/development',
    ],
    [
      'meter_provider: { readers: [{ periodic: { exporter: { console: }, cardinality_limits: { default: 1 } } }] }',
      '/meter_provider/readers/0/periodic/cardinality_limits',
    ],
    [
      'resource: { detection/development: { detectors: [{ mainframe: }] } }',
      '/resource/detection/development/detectors/0/mainframe',
    ],
    [
      'tracer_provider: { processors: [{ batch: { exporter: { otlp_grpc: } } }, { batch: { exporter: { otlp_http: } } }] }',
      '/tracer_provider/processors/1/batch',
    ],
    ['file_format: "1.9"', '/file_format'],
  ]

  test.each(cases)('%s', (yaml, place) => {
    const { problems } = resolve(yaml.startsWith('file_format') ? yaml : head + yaml)
    expect(problems.map(p => [p.code, p.subject])).toEqual([
      ['ORG_OTEL_CONFIG_UNUSED', `${place} (/etc/otel.yaml)`],
    ])
  })
})

describe('values that cannot be used are said with their place', () => {
  const cases: readonly (readonly [string, string])[] = [
    [
      'tracer_provider: { processors: [{ batch: { schedule_delay: soon, exporter: { console: } } }] }',
      'schedule_delay="soon"',
    ],
    ['tracer_provider: { processors: [], sampler: { trace_id_ratio_based: { ratio: 2 } } }', 'ratio=2'],
    ['tracer_provider: { processors: 5 }', '/tracer_provider/processors=5'],
    ['tracer_provider: yes please', '/tracer_provider="yes please"'],
    ['log_level: loud', '/log_level="loud"'],
    ['propagator: { composite_list: "tracecontext,w3c" }', 'tracecontext,w3c'],
    ['resource: { attributes: [{ value: 1 }] }', '/resource/attributes/0'],
    ['distribution: { org_otel: { log_preset: fancy } }', 'log_preset="fancy"'],
    ['distribution: { org_otel: { log_presset: ecs } }', 'log_presset'],
  ]

  test.each(cases)('%s', (yaml, shown) => {
    const { problems } = resolve(head + yaml)
    expect(problems).toHaveLength(1)
    expect(problems[0]!.subject).toContain(shown)
  })

  test('without the values of headers', () => {
    const yaml =
      'tracer_provider: { processors: [{ batch: { exporter: { otlp_http: { headers: [canary-1], headers_list: "canary-2: x,a=%zzcanary-3" } } } }] }'
    const { problems, origins } = resolve(head + yaml)
    expect(problems.length).toBeGreaterThan(0)
    expect(JSON.stringify(problems.map(p => p.message)) + JSON.stringify(origins)).not.toContain('canary-3')
    expect(JSON.stringify(problems)).not.toContain('canary-1')
  })
})

describe('substitution', () => {
  const env: Env = { A: 'a', EMPTY: '', INJECT: 'x\nb: ${A}' }
  test.each([
    ['${A}', 'a'],
    ['${env:A}', 'a'],
    ['-${A}-${A}-', '-a-a-'],
    ['${MISSING}', ''],
    ['${MISSING:-d}', 'd'],
    ['${EMPTY:-d}', 'd'],
    ['${MISSING:-a:-b}', 'a:-b'],
    ['$${A}', '${A}'],
    ['$$$${A}', '$${A}'],
    ['$A', '$A'],
    ['${1A}', '${1A}'],
    ['${constructor}', ''],
    ['${INJECT}', 'x\nb: ${A}'],
  ])('%s is %j', (text, result) => {
    expect(substitute(text, env)).toBe(result)
  })

  test('gives numbers and booleans to plain scalars, text to quoted ones, and never structure', () => {
    const yaml = `${head}attribute_limits:
  attribute_count_limit: \${N}
resource:
  attributes:
    - name: plain
      value: \${N}
    - name: quoted
      value: "\${N}"
    - name: list
      value: \${L}
`
    const { config } = resolve(yaml, { N: '12', L: '[1, 2]' })
    expect(config.traces.limits.attributeCount).toBe(12)
    expect(config.resource.attributes).toMatchObject({ plain: 12, quoted: '12', list: '[1, 2]' })
  })
})
