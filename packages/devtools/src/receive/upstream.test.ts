// Golden: what the reference exporters send is what the store holds, over every protocol and with compression.
import { join } from 'node:path'
import { type App, runApp } from '../testing/app.ts'

const sender = join(__dirname, '../../test/apps/upstream-sender.cjs')

describe.each([
  { protocol: 'grpc', encoding: 'none', used: 'identity' },
  { protocol: 'grpc', encoding: 'gzip', used: 'gzip' },
  { protocol: 'http/protobuf', encoding: 'none', used: 'identity' },
  { protocol: 'http/protobuf', encoding: 'gzip', used: 'gzip' },
  { protocol: 'http/json', encoding: 'none', used: 'identity' },
  { protocol: 'http/json', encoding: 'gzip', used: 'gzip' },
])('what upstream sends over $protocol with compression $encoding', ({ protocol, encoding, used }) => {
  let app: App
  beforeAll(async () => {
    app = await runApp(sender, { preload: false, args: [protocol, encoding] })
    expect(await app.exited).toEqual({ code: 0, signal: null })
  })
  afterAll(() => app.dispose())

  test('as spans arrives with ids, times, attributes of every type, events, links and status', () => {
    const [received] = app.receiver.store.traces()
    const [root, leaf] = received!.spans
    const [ids] = app.logs
    expect(received!.traceId).toBe(ids!.traceId)
    expect(root).toMatchObject({
      name: 'parent',
      kind: 'server',
      spanId: ids!.spanId,
      parentSpanId: undefined,
      startNano: 1_700_000_000_000_250_000n,
      durationMs: 375.5,
      service: 'golden',
      scope: { name: 'scope', version: '0.1' },
      status: { code: 'unset', message: '' },
    })
    expect(root!.resource.attributes).toMatchObject({ 'service.version': '1.2.3' })
    expect(leaf).toMatchObject({
      name: 'child',
      kind: 'producer',
      parentSpanId: ids!.spanId,
      attributes: {
        string: 'snow ☃',
        int: 42,
        negative: -7,
        double: 1.5,
        bool: true,
        strings: ['a', 'b'],
        ints: [1, 2, 3],
      },
      events: [{ name: 'retry', attributes: { attempt: 2 } }],
      links: [{ traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), attributes: { why: 'batch' } }],
      status: { code: 'error', message: 'no luck' },
      dropped: { attributes: 0, events: 0, links: 0 },
    })
    const requests = app.receiver.requests.filter(request => request.signal === 'traces')
    expect(requests).toMatchObject([{ protocol, encoding: used, items: 2 }])
  })

  test('as metrics arrives with every data type and its points', () => {
    const one = (name: string) => app.receiver.store.metrics(name)[0]!
    expect(one('count')).toMatchObject({
      type: 'sum',
      monotonic: true,
      temporality: 'cumulative',
      unit: '{call}',
      service: 'golden',
      attributes: { route: '/a' },
      latest: { value: 3 },
    })
    expect(one('open')).toMatchObject({ type: 'sum', monotonic: false, latest: { value: -2 } })
    expect(one('level')).toMatchObject({ type: 'gauge', latest: { value: 0.5 } })
    expect(one('took')).toMatchObject({
      type: 'histogram',
      latest: { count: 3, sum: 11, min: 0.5, max: 9, bounds: [1, 2], counts: [1, 1, 1] },
    })
    expect(one('exp')).toMatchObject({
      type: 'exponentialHistogram',
      latest: { count: 4, sum: 7, zeroCount: 1, min: 0, max: 4 },
    })
    expect(one('exp').latest.positive!.counts.reduce((a, b) => a + b)).toBe(3)
  })

  test('as a log record arrives with body, severity, attributes and the ids of its trace', () => {
    expect(app.receiver.store.logs()).toMatchObject([
      {
        body: { order: 7, tags: ['x', null], deep: { big: 2 ** 40 } },
        severity: 'warn',
        severityNumber: 13,
        timeMs: 1_700_000_000_123,
        attributes: { user: 'u1', bytes: new Uint8Array([1, 2, 255]) },
        traceId: '12'.repeat(16),
        spanId: '34'.repeat(8),
        service: 'golden',
      },
    ])
    expect(app.receiver.stats).toMatchObject({ rejected: {}, failed: 0 })
  })
})
