// Hand-made and random spans, logs and the configuration around them.
import type { Config, OtlpTarget, Protocol } from '../../src/config/config.ts'
import type { EndedSpan } from '../../src/tracing/ended-span.ts'

export const scope = { name: 'test-scope', version: '1.2.3', schemaUrl: undefined }

export function endedSpan(change: Partial<EndedSpan> = {}): EndedSpan {
  return {
    scope,
    name: 'GET /users/{id}',
    kind: 1,
    t0: 0x01234567,
    t1: -0x76543211,
    t2: 0x11223344,
    t3: -0x55667788,
    s0: 0x0a0b0c0d,
    s1: -0x01020304,
    p0: 0,
    p1: 0,
    hasParent: false,
    parentIsRemote: false,
    flags: 1,
    traceState: undefined,
    startMs: 1_763_712_000_123.25,
    endMs: 1_763_712_000_456.5,
    attributes: [],
    common: null,
    droppedAttributes: 0,
    events: null,
    droppedEvents: 0,
    links: null,
    droppedLinks: 0,
    unfinished: false,
    statusCode: 0,
    statusMessage: '',
    ...change,
  }
}

/** Ten attributes, as a server span of an HTTP request has. */
export const httpAttributes = [
  'http.request.method',
  'GET',
  'url.scheme',
  'http',
  'url.path',
  '/users/12345/orders',
  'server.address',
  'api.shop.internal',
  'server.port',
  8080,
  'network.peer.address',
  '10.12.244.17',
  'network.protocol.version',
  '1.1',
  'user_agent.original',
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)',
  'http.route',
  '/users/:id/orders',
  'http.response.status_code',
  200,
]

/** Deterministic: a failing seed is a test case. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export function target(
  protocol: Protocol,
  port: number,
  path = '',
  change: Partial<OtlpTarget> = {},
): OtlpTarget {
  return {
    protocol,
    endpoint: `http://127.0.0.1:${port}${protocol === 'grpc' ? '' : path}`,
    headers: {},
    timeoutMs: 2000,
    compression: 'gzip',
    tls: { insecure: true },
    ...change,
  }
}

export interface ConfigChange {
  protocol?: Protocol
  port?: number
  traces?: Partial<Config['traces']>
  logs?: Partial<Config['logs']>
  metrics?: Partial<Config['metrics']>
  otlp?: Partial<OtlpTarget>
  bufferBytes?: number
  exit?: Partial<Config['exit']>
}

/** Only the parts that export reads. */
export function exportConfig(change: ConfigChange = {}): Config {
  const { protocol = 'http/protobuf', port = 4318, otlp = {} } = change
  const batch = { maxQueueSize: 2048, maxExportBatchSize: 512, scheduleDelayMs: 50, exportTimeoutMs: 30_000 }
  const part = {
    resource: { attributes: { 'service.name': 'checkout' }, detectors: [] },
    traces: {
      exporters: ['otlp'],
      otlp: target(protocol, port, '/v1/traces', otlp),
      batch,
      zipkinEndpoint: `http://127.0.0.1:${port}/api/v2/spans`,
      ...change.traces,
    },
    metrics: {
      exporters: ['otlp'],
      otlp: target(protocol, port, '/v1/metrics', otlp),
      timeoutMs: 30_000,
      ...change.metrics,
    },
    logs: { exporters: ['otlp'], otlp: target(protocol, port, '/v1/logs', otlp), batch, ...change.logs },
    exit: { deadlineMs: 1000, lastWordsMs: 500, ...change.exit },
    export: { bufferBytes: change.bufferBytes ?? 16 << 20 },
  }
  return part as unknown as Config
}
