import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:net'
import { gzipSync } from 'node:zlib'
import { Collector, until } from '../../test/export/collector.ts'
import { encode } from '../../test/export/otlp.ts'
import { type ConfigChange, endedSpan, exportConfig, httpAttributes } from '../../test/export/samples.ts'
import type { Protocol } from '../config/config.ts'
import { swallowedCount } from '../self/guard.ts'
import { setLogLevel } from '../self/log.ts'
import { version } from '../self/version.ts'
import { createExport, type Export } from './export.ts'

const cleanups: (() => unknown)[] = []
const stderr: string[] = []
// `say` writes to the descriptor; what it says is part of the promise.
jest.mock('node:fs', () => ({
  ...jest.requireActual('node:fs'),
  writeSync: (fd: number, text: string) => {
    if (fd !== 2) return jest.requireActual('node:fs').writeSync(fd, text)
    stderr.push(text)
    return text.length
  },
}))

beforeEach(() => {
  stderr.length = 0
  setLogLevel('info')
})
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  expect(swallowedCount()).toBe(0)
})

async function collector(kind: 'http' | 'grpc', port = 0): Promise<Collector> {
  const c = await Collector.start(kind, port)
  cleanups.push(() => c.stop())
  return c
}

function exporting(change: ConfigChange): Export {
  const e = createExport(exportConfig(change))
  cleanups.push(() => e.shutdown(10))
  return e
}

let nextName = 0
function addSpans(e: Export, count: number, attributes: any[] = []): string[] {
  const names = Array.from({ length: count }, () => `span ${nextName++}`)
  for (const name of names) e.spans.add(endedSpan({ name, attributes }))
  return names
}

/** Does not compress. */
function addNoisySpans(e: Export, count: number): string[] {
  return Array.from(
    { length: count },
    () => addSpans(e, 1, ['noise', randomBytes(100).toString('base64')])[0]!,
  )
}

function line(e: Export, signal = 'traces') {
  return e.account.lines().find(l => l.signal === signal)!
}

/** The promise: at every moment. */
function expectBalance(e: Export): void {
  for (const l of e.account.lines()) {
    const dropped = Object.values(l.dropped).reduce((a, b) => a + b, 0)
    expect(l.created).toBe(l.exported + dropped + l.pending)
    expect(l.pending).toBeGreaterThanOrEqual(0)
  }
  expect(e.account.bufferedBytes()).toBeGreaterThanOrEqual(0)
}

const protocols: [Protocol, 'http' | 'grpc'][] = [
  ['http/protobuf', 'http'],
  ['grpc', 'grpc'],
]

describe.each(protocols)('over %s', (protocol, kind) => {
  test('spans and logs arrive whole, with resource, scope and headers', async () => {
    const c = await collector(kind)
    const e = exporting({ protocol, port: c.port, otlp: { headers: { 'X-Tenant': 'blue' } } })
    const names = addSpans(e, 3, httpAttributes)
    e.logs.add({ scope: { name: 'l' }, observedMs: 1, body: 'hello', severityNumber: 9 })
    await e.flush(5000)
    expect(c.names.sort()).toEqual([...names, 'hello'].sort())
    const trace = c.accepted.find(r => r.signal === 'traces')!
    expect(trace.message.resourceSpans[0].resource.attributes).toEqual([
      { key: 'service.name', value: { stringValue: 'checkout' } },
    ])
    expect(trace.message.resourceSpans[0].scopeSpans[0].scope).toEqual({
      name: 'test-scope',
      version: '1.2.3',
    })
    expect(trace.headers['x-tenant']).toBe('blue')
    expect(trace.headers['user-agent']).toBe(`org-otel-node/${version}`)
    expectBalance(e)
    expect(line(e)).toMatchObject({ created: 3, exported: 3, pending: 0 })
    expect(e.account.bufferedBytes()).toBe(0)
    expect(stderr).toEqual([])
  })

  test('batches leave by size and by time on one connection, compressed when it is worth it', async () => {
    const c = await collector(kind)
    const e = exporting({ protocol, port: c.port })
    addSpans(e, 600, httpAttributes)
    await until(() => c.names.length === 600, 'all spans arrive')
    expect(c.accepted.map(r => r.itemNames.length)).toEqual([512, 88])
    expect(c.accepted[0]!.headers[kind === 'http' ? 'content-encoding' : 'grpc-encoding']).toBe('gzip')
    addSpans(e, 1)
    await until(() => c.names.length === 601, 'the last span arrives')
    expect(c.connections).toBe(1)
    expect(c.accepted[2]!.headers[kind === 'http' ? 'content-encoding' : 'grpc-encoding']).toBeUndefined()
    expectBalance(e)
  })

  test('nothing is lost while nobody listens, and it is said once when it begins and once when it ends', async () => {
    const c = await collector(kind)
    await c.stop()
    const e = exporting({ protocol, port: c.port })
    const names = addSpans(e, 700, httpAttributes)
    await until(() => stderr.length > 0, 'the outage is noticed')
    names.push(...addSpans(e, 5))
    await e.flush(1000)
    expectBalance(e)
    expect(line(e)).toMatchObject({ created: 705, exported: 0, pending: 705 })
    await c.listen()
    await until(() => c.names.length >= 705, 'everything arrives after the outage', 20_000)
    expect(c.names.sort()).toEqual(names.sort())
    await until(() => line(e).exported === 705, 'everything is accounted for')
    expectBalance(e)
    expect(stderr).toHaveLength(2)
    expect(stderr[0]).toContain('ORG_OTEL_EXPORT_UNREACHABLE')
    expect(stderr[0]).toContain('ECONNREFUSED')
    expect(stderr[1]).toContain('ORG_OTEL_EXPORT_RECOVERED')
    expect(stderr[1]).toContain('0 were dropped')
  }, 30_000)

  test('a collector that says nothing costs the deadline, not the data', async () => {
    const c = await collector(kind)
    c.reply = (_, i) => (i === 0 ? 'hang' : 'ok')
    const e = exporting({ protocol, port: c.port, otlp: { timeoutMs: 300 } })
    const names = addSpans(e, 10)
    await until(() => line(e).exported === 10, 'the second attempt succeeds')
    expect(c.names.sort()).toEqual(names.sort())
    expectBalance(e)
  }, 20_000)

  test('a connection reset before the answer is retried', async () => {
    const c = await collector(kind)
    c.reply = (_, i) => (i === 0 ? 'reset' : 'ok')
    const e = exporting({ protocol, port: c.port })
    addSpans(e, 10)
    await until(() => line(e).exported === 10, 'the retry succeeds')
    expectBalance(e)
  })

  test('items refused in an accepted request are counted as such, and said', async () => {
    const c = await collector(kind)
    c.reply = () => ({
      body: encode('ExportResponse', { partialSuccess: { rejected: 2, errorMessage: 'too old' } }),
    })
    const e = exporting({ protocol, port: c.port })
    addSpans(e, 10)
    await e.flush(3000)
    expect(line(e)).toMatchObject({ exported: 8, pending: 0 })
    expect(line(e).dropped.partial_success).toBe(2)
    expect(stderr.join()).toContain('too old')
    expectBalance(e)
  })

  test('garbage in the answer changes nothing', async () => {
    const c = await collector(kind)
    c.reply = () => ({ body: Buffer.from('ffffffffffffffff0f', 'hex') })
    const e = exporting({ protocol, port: c.port })
    addSpans(e, 10)
    await e.flush(3000)
    expect(line(e)).toMatchObject({ exported: 10, pending: 0 })
  })

  test('an answer that never ends is cut off', async () => {
    const c = await collector(kind)
    c.reply = () => ({ body: Buffer.alloc(9 << 20) })
    const e = exporting({ protocol, port: c.port })
    addSpans(e, 2)
    await e.flush(3000)
    expectBalance(e)
    expect(process.memoryUsage().rss).toBeLessThan(1 << 30)
  })

  test('a request that is too large is cut in two until it fits, and later ones before they are sent', async () => {
    const c = await collector(kind)
    c.reply = ({ itemNames }) =>
      itemNames.length <= 3
        ? 'ok'
        : kind === 'http'
          ? { status: 413 }
          : {
              grpcStatus: 8,
              grpcMessage: 'grpc: received message larger than max (5 vs. 4)',
              trailersOnly: true,
            }
    const e = exporting({ protocol, port: c.port })
    const names = addSpans(e, 10)
    await e.flush(5000)
    expect(c.names).toEqual(names)
    const before = c.seen.length
    const more = addSpans(e, 10)
    await e.flush(5000)
    expect(c.names).toEqual([...names, ...more])
    expect(c.seen.length - before).toBeLessThan(before)
    expectBalance(e)
    expect(line(e)).toMatchObject({ exported: 20, pending: 0 })
  })

  test('a single item that is too large is dropped and said', async () => {
    const c = await collector(kind)
    c.reply = () => (kind === 'http' ? { status: 413 } : { grpcStatus: 8, grpcMessage: 'message too large' })
    const e = exporting({ protocol, port: c.port })
    addSpans(e, 2)
    await e.flush(3000)
    expect(line(e).dropped.too_large).toBe(2)
    expect(stderr).toHaveLength(1)
    expectBalance(e)
  })

  test('a full buffer loses the oldest, counts them and says so', async () => {
    const c = await collector(kind)
    await c.stop()
    const e = exporting({ protocol, port: c.port, bufferBytes: 300_000 })
    const names: string[] = []
    for (let i = 0; i < 12; i++) {
      names.push(...addNoisySpans(e, 512))
      await e.flush(500)
      expectBalance(e)
      expect(e.account.bufferedBytes()).toBeLessThanOrEqual(300_000)
    }
    const lost = line(e).dropped.queue_full
    expect(lost).toBeGreaterThan(0)
    expect(stderr.filter(s => s.includes('ORG_OTEL_EXPORT_BUFFER_FULL'))).toHaveLength(1)
    await c.listen()
    await e.flush(5000)
    expect(c.names).toEqual(names.slice(lost))
    expect(stderr.at(-1)).toContain(`${lost} were dropped`)
    expectBalance(e)
  }, 30_000)

  test('flush ends at its deadline when nobody answers', async () => {
    const c = await collector(kind)
    c.reply = () => 'hang'
    const e = exporting({ protocol, port: c.port, otlp: { timeoutMs: 60_000 } })
    addSpans(e, 1)
    const began = performance.now()
    await e.flush(200)
    expect(performance.now() - began).toBeLessThan(1000)
    expect(line(e)).toMatchObject({ pending: 1, inFlight: 1 })
  })

  test('what comes after the shutdown is counted as dropped', async () => {
    const c = await collector(kind)
    const e = exporting({ protocol, port: c.port })
    addSpans(e, 2)
    await e.shutdown(2000)
    addSpans(e, 3)
    expect(line(e)).toMatchObject({ created: 5, exported: 2, pending: 0 })
    expect(line(e).dropped.shutdown).toBe(3)
    expectBalance(e)
  })
})

describe('HTTP answers', () => {
  test.each([
    [400, 'is this an OTLP endpoint?'],
    [401, 'OTEL_EXPORTER_OTLP_HEADERS'],
    [403, 'OTEL_EXPORTER_OTLP_HEADERS'],
    [404, '/v1/traces'],
    [302, 'redirect'],
    [500, 'HTTP 500'],
  ])('%i is not retried and said in one line that names the endpoint', async (status, hint) => {
    const c = await collector('http')
    c.reply = () => ({ status, headers: { location: `http://127.0.0.1:${c.port}/elsewhere` } })
    const e = exporting({ port: c.port, otlp: { headers: { authorization: 'Bearer canary-secret' } } })
    addSpans(e, 4)
    await e.flush(3000)
    addSpans(e, 1)
    await e.flush(3000)
    expect(c.seen).toHaveLength(2)
    expect(line(e).dropped.rejected).toBe(5)
    expect(stderr).toHaveLength(1)
    expect(stderr[0]).toContain(`http://127.0.0.1:${c.port}/v1/traces`)
    expect(stderr[0]).toContain(hint)
    expect(stderr[0]).not.toContain('canary')
    expectBalance(e)
  })

  test.each([
    ['seconds', () => '1'],
    ['a date', () => new Date(Date.now() + 1900).toUTCString()],
  ])('Retry-After in %s is waited for', async (_, header) => {
    const c = await collector('http')
    const times: number[] = []
    c.reply = (_r, i) => {
      times.push(performance.now())
      return i === 0 ? { status: 503, headers: { 'retry-after': header() } } : 'ok'
    }
    const e = exporting({ port: c.port })
    addSpans(e, 1)
    await until(() => line(e).exported === 1, 'accepted after the pause')
    expect(times[1]! - times[0]!).toBeGreaterThan(880)
    expectBalance(e)
  })

  test.each(['-1', 'soon', ''])('Retry-After %j is ignored in favour of our own back-off', async header => {
    const c = await collector('http')
    c.reply = (_r, i) => (i === 0 ? { status: 429, headers: { 'retry-after': header } } : 'ok')
    const e = exporting({ port: c.port })
    addSpans(e, 1)
    await until(() => line(e).exported === 1, 'accepted', 5000)
  })

  test('one stuck signal does not hold up the other', async () => {
    const c = await collector('http')
    c.reply = ({ signal }) => (signal === 'logs' ? { status: 503, headers: { 'retry-after': '60' } } : 'ok')
    const e = exporting({ port: c.port })
    e.logs.add({ scope: { name: 'l' }, observedMs: 1, body: 'stuck' })
    await e.flush(1000)
    addSpans(e, 3)
    await until(() => line(e).exported === 3, 'spans pass')
    expect(line(e, 'logs').pending).toBe(1)
  })

  test('a compressed answer is not unpacked', async () => {
    const c = await collector('http')
    c.reply = () => ({ headers: { 'content-encoding': 'gzip' }, body: gzipSync(Buffer.alloc(64 << 20)) })
    const e = exporting({ port: c.port })
    addSpans(e, 1)
    await e.flush(3000)
    expect(line(e).exported).toBe(1)
  })

  test('a login page is not taken for success', async () => {
    const c = await collector('http')
    c.reply = () => ({ headers: { 'content-type': 'text/html' }, body: '<!doctype html><title>Login' })
    const e = exporting({ port: c.port })
    addSpans(e, 1)
    await e.flush(3000)
    expect(line(e).dropped.rejected).toBe(1)
    expect(stderr[0]).toContain('HTML')
  })

  test('a reset in the middle of the answer to an accepted request is not a reason to send it twice', async () => {
    const c = await collector('http')
    c.reply = () => 'reset-in-body'
    const e = exporting({ port: c.port })
    addSpans(e, 3)
    await e.flush(3000)
    expect(line(e).exported).toBe(3)
    expect(c.seen).toHaveLength(1)
  })

  test('a connection the collector closed while idle costs neither a retry pause nor a warning', async () => {
    const c = await collector('http')
    const e = exporting({ port: c.port })
    addSpans(e, 1)
    await e.flush(3000)
    await c.stop()
    await c.listen()
    addSpans(e, 1)
    await e.flush(3000)
    expect(line(e).exported).toBe(2)
    expect(stderr).toEqual([])
  })

  test('HTTP to a gRPC port is explained', async () => {
    const c = await collector('grpc')
    const e = exporting({ port: c.port })
    addSpans(e, 1)
    await e.flush(3000)
    expect(stderr[0]).toContain('4317 is gRPC')
    expect(line(e).pending).toBe(1)
  })
})

describe('gRPC answers', () => {
  test('RESOURCE_EXHAUSTED with RetryInfo waits as long as it says', async () => {
    const c = await collector('grpc')
    const times: number[] = []
    const details = encode('RpcStatus', {
      code: 8,
      details: [
        { typeUrl: 'type.googleapis.com/google.rpc.Help', value: Buffer.from('x') },
        {
          typeUrl: 'type.googleapis.com/google.rpc.RetryInfo',
          value: encode('RetryInfo', { retryDelay: { seconds: 1, nanos: 200_000_000 } }),
        },
      ],
    })
    c.reply = (_r, i) => {
      times.push(performance.now())
      return i === 0
        ? { grpcStatus: 8, grpcMessage: 'slow down', grpcDetails: details, trailersOnly: true }
        : 'ok'
    }
    const e = exporting({ protocol: 'grpc', port: c.port })
    addSpans(e, 1)
    await until(() => line(e).exported === 1, 'accepted after the pause')
    expect(times[1]! - times[0]!).toBeGreaterThan(1150)
    expectBalance(e)
  })

  test.each([
    [8, 'RESOURCE_EXHAUSTED'],
    [3, 'INVALID_ARGUMENT'],
    [16, 'OTEL_EXPORTER_OTLP_HEADERS'],
    [12, 'does not offer'],
  ])('status %i without RetryInfo is not retried', async (grpcStatus, hint) => {
    const c = await collector('grpc')
    c.reply = () => ({ grpcStatus, grpcMessage: 'no' })
    const e = exporting({ protocol: 'grpc', port: c.port })
    addSpans(e, 2)
    await e.flush(3000)
    expect(line(e).dropped.rejected).toBe(2)
    expect(c.seen).toHaveLength(1)
    expect(stderr[0]).toContain(hint)
  })

  test.each([1, 4, 10, 11, 14, 15])('status %i is retried', async grpcStatus => {
    const c = await collector('grpc')
    c.reply = (_, i) => (i === 0 ? { grpcStatus, trailersOnly: true } : 'ok')
    const e = exporting({ protocol: 'grpc', port: c.port })
    addSpans(e, 2)
    await until(() => line(e).exported === 2, 'the retry succeeds')
  })

  test('a proxy that answers in HTTP is read as gRPC says', async () => {
    const c = await collector('grpc')
    c.reply = (_, i) => (i === 0 ? { status: 503 } : i === 1 ? { status: 401 } : 'ok')
    const e = exporting({ protocol: 'grpc', port: c.port })
    addSpans(e, 2)
    await until(() => line(e).dropped.rejected === 2, '401 is final')
    expect(c.seen).toHaveLength(2)
  })

  test('a session the collector closes with GOAWAY is replaced without a word', async () => {
    const c = await collector('grpc')
    const e = exporting({ protocol: 'grpc', port: c.port })
    addSpans(e, 1)
    await e.flush(3000)
    for (const session of c.sessions) session.close()
    await until(() => c.sessions.size === 0, 'the session is gone')
    addSpans(e, 1)
    await e.flush(3000)
    expect(line(e).exported).toBe(2)
    expect(c.connections).toBe(2)
    expect(stderr).toEqual([])
  })

  test('gRPC to an HTTP port is explained', async () => {
    const c = await collector('http')
    const e = exporting({ protocol: 'grpc', port: c.port })
    addSpans(e, 1)
    await e.flush(5000)
    expect(stderr[0]).toContain('does this port speak gRPC?')
    expect(line(e).pending).toBe(1)
  })

  test('a half-open connection is replaced', async () => {
    // A server that accepts TCP and never says anything, then a real one on the same port.
    const sockets: any[] = []
    const silent: Server = createServer(s => void sockets.push(s))
    await new Promise<void>(r => silent.listen(0, '127.0.0.1', r))
    const { port } = silent.address() as { port: number }
    const e = exporting({ protocol: 'grpc', port, otlp: { timeoutMs: 500 } })
    addSpans(e, 3)
    await until(() => line(e).inFlight === 3, 'the attempt begins')
    await until(() => line(e).inFlight === 0, 'the attempt ends')
    for (const s of sockets) s.destroy()
    await new Promise(r => silent.close(r))
    const c = await collector('grpc', port)
    await until(() => line(e).exported === 3, 'a fresh connection delivers')
    expect(c.names).toHaveLength(3)
  }, 25_000)
})

test('the other exporters get the same spans: JSON, Zipkin', async () => {
  const c = await collector('http')
  const json = exporting({ protocol: 'http/json', port: c.port })
  json.spans.add(
    endedSpan({ name: 'as json', attributes: httpAttributes, statusCode: 2, statusMessage: 'bad' }),
  )
  await json.flush(3000)
  const body = JSON.parse(c.seen[0]!.bytes.toString())
  expect(c.seen[0]!.headers['content-type']).toBe('application/json')
  expect(body.resourceSpans[0].scopeSpans[0].spans[0]).toMatchObject({
    name: 'as json',
    traceId: '0123456789abcdef11223344aa998878',
    kind: 2,
    startTimeUnixNano: '1763712000123250000',
    status: { code: 2, message: 'bad' },
  })
  const zipkin = exporting({ port: c.port, traces: { exporters: ['zipkin'] } })
  zipkin.spans.add(endedSpan({ name: 'as zipkin', attributes: httpAttributes }))
  await zipkin.flush(3000)
  const [span] = JSON.parse(c.seen[1]!.bytes.toString())
  expect(c.seen[1]!.headers[':path']).toBe('/api/v2/spans')
  expect(span).toMatchObject({
    traceId: '0123456789abcdef11223344aa998878',
    id: '0a0b0c0dfefdfcfc',
    name: 'as zipkin',
    kind: 'SERVER',
    timestamp: 1763712000123250,
    duration: 333250,
    localEndpoint: { serviceName: 'checkout' },
  })
  expect(span.tags['http.response.status_code']).toBe('200')
})

test('building it opens nothing and loads no sender', () => {
  const before = Object.keys(require.cache).filter(k => /-sender|http-post|compression/.test(k))
  const e = createExport(exportConfig({ port: 1 }))
  expect(Object.keys(require.cache).filter(k => /-sender|http-post|compression/.test(k))).toEqual(before)
  expect(e.account.lines().map(l => [l.signal, l.component])).toEqual([
    ['traces', 'otlp_http_span_exporter'],
    ['metrics', 'otlp_http_metric_exporter'],
    ['logs', 'otlp_http_log_exporter'],
  ])
})
