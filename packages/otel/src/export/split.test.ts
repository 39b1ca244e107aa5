import { decode } from '../../test/export/otlp.ts'
import { Random } from '../../test/export/random.ts'
import { seeded } from '../../test/export/samples.ts'
import { ProtoWriter } from './protobuf.ts'
import { encodeScope, frameRequest } from './request.ts'
import { encodeResource } from './resource-encoder.ts'
import { encodeSpan } from './span-encoder.ts'
import { countItems, splitRequest } from './split.ts'

const resource = encodeResource({ attributes: { 'service.name': 'shop' }, schemaUrl: 'https://r' })

function request(random: Random, perScope: number[]): Buffer {
  const chunks = perScope.map((spans, i) => {
    const w = new ProtoWriter()
    for (let n = 0; n < spans; n++) encodeSpan(w, random.span())
    return { scope: encodeScope({ name: `scope ${i}`, schemaUrl: 'https://s' }), items: w.finish() }
  })
  return frameRequest(resource, chunks).bytes
}
const spansOf = (bytes: Buffer) =>
  decode('TraceRequest', bytes).resourceSpans.flatMap((r: any) =>
    r.scopeSpans.flatMap((s: any) =>
      (s.spans ?? []).map((span: any) => ({ scope: s.scope.name, schema: s.schemaUrl, span })),
    ),
  )

test.each([[[2]], [[1, 1]], [[5, 3, 1]], [[0, 7]], [[1, 20, 1]]])(
  'scopes of %j spans: both halves together are the whole',
  perScope => {
    const whole = request(new Random(seeded(7)), perScope)
    const [a, b] = splitRequest(whole, false)!
    expect([...spansOf(a.bytes), ...spansOf(b.bytes)]).toEqual(spansOf(whole))
    expect(a.items + b.items).toBe(countItems(whole, false))
    expect(Math.abs(a.items - b.items)).toBeLessThanOrEqual(1)
    for (const half of [a, b]) {
      const [r] = decode('TraceRequest', half.bytes).resourceSpans
      expect(r.resource.attributes).toHaveLength(1)
      expect(r.schemaUrl).toBe('https://r')
      expect(countItems(half.bytes, false)).toBe(half.items)
    }
  },
)

test('one item cannot be split', () => {
  expect(splitRequest(request(new Random(seeded(1)), [1]), false)).toBeUndefined()
})

test('a metric is split between its data points', () => {
  const w = new ProtoWriter()
  w.byte(0x12)
  const metric = w.open()
  w.byte(0x0a)
  w.string('requests')
  w.byte(0x3a)
  const sum = w.open()
  for (let i = 0; i < 5; i++) {
    w.reserve(64)
    w.byte(0x0a)
    const point = w.open()
    w.byte(0x31)
    w.fixedInt(i)
    w.close(point)
  }
  w.byte(0x10)
  w.byte(2)
  w.close(sum)
  w.close(metric)
  const whole = frameRequest(resource, [{ scope: encodeScope({ name: 'm' }), items: w.finish() }]).bytes
  const [a, b] = splitRequest(whole, true)!
  const points = (bytes: Buffer) => {
    const [m] = decode('MetricsRequest', bytes).resourceMetrics[0].scopeMetrics[0].metrics
    expect(m.name).toBe('requests')
    expect(m.sum.aggregationTemporality).toBe(2)
    return m.sum.dataPoints.map((p: any) => p.asInt)
  }
  expect(points(a.bytes)).toEqual(['0', '1'])
  expect(points(b.bytes)).toEqual(['2', '3', '4'])
})
