import type { AttributeValue } from '@opentelemetry/api'
import type { SpanLimits } from '../config/config.ts'
import { swallowedCount } from '../self/guard.ts'
import { ROOT, withSpan } from './context.ts'
import type { EndedSpan } from './ended-span.ts'
import { LeanTracerProvider } from './provider.ts'
import { INVALID_SPAN, type LeanSpan, toLeanSpan } from './span.ts'

function record(run: (span: LeanSpan) => void, limits: Partial<SpanLimits> = {}): EndedSpan {
  const ended: EndedSpan[] = []
  const tracer = new LeanTracerProvider({ sink: { add: span => ended.push(span) }, limits }).getTracer('x')
  const span = tracer.startSpan('x', {}, ROOT) as LeanSpan
  run(span)
  span.end()
  expect(ended).toHaveLength(1)
  return ended[0] as EndedSpan
}

function attributesOf(span: EndedSpan): Record<string, AttributeValue> {
  const object: Record<string, AttributeValue> = {}
  for (let i = 0; i < span.attributes.length; i += 2)
    object[span.attributes[i] as string] = span.attributes[i + 1]
  return object
}

afterAll(() => expect(swallowedCount()).toBe(0))

test('a span that has ended keeps its ids and nothing else', () => {
  let kept!: LeanSpan
  record(span => {
    kept = span
    span.setAttribute('a', 1).addEvent('e').updateName('renamed')
    span.spanContext()
  })
  expect(kept.record).toBeNull()
  expect(kept.printed).toBeNull()
  expect(kept.spanContext()).toMatchObject({
    traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    traceFlags: 1,
  })
  expect(kept.isRecording()).toBe(false)
  expect(kept.ended).toBe(true)
})

test('nothing that is done to an ended span has an effect, and ending twice exports once', () => {
  const ended: EndedSpan[] = []
  const tracer = new LeanTracerProvider({ sink: { add: span => ended.push(span) } }).getTracer('x')
  const span = tracer.startSpan('x', {}, ROOT)
  span.end()
  const before = JSON.stringify(ended)
  span.setAttribute('a', 1).setAttributes({ b: 2 }).addEvent('e').setStatus({ code: 2 }).updateName('y')
  span.addLink({ context: span.spanContext() }).addLinks([{ context: span.spanContext() }])
  span.recordException(new Error('late'))
  span.end()
  expect(ended).toHaveLength(1)
  expect(JSON.stringify(ended)).toBe(before)
})

test('a hundred thousand attributes leave as many as the limit allows, in linear time', () => {
  const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i]))
  const from = performance.now()
  const span = record(s => s.setAttributes(many).setAttribute('k5', 'overwritten'))
  expect(performance.now() - from).toBeLessThan(1_000)
  expect(span.attributes).toHaveLength(256)
  expect(span.droppedAttributes).toBe(100_000 - 128)
  expect(attributesOf(span).k5).toBe('overwritten')
})

test('keys are found whether there are few or many', () => {
  const span = record(
    s => {
      for (let round = 0; round < 2; round++) {
        for (let i = 0; i < 500; i++) s.setAttribute(`k${i}`, `${round}:${i}`)
      }
    },
    { attributeCount: 1_000 },
  )
  expect(span.attributes).toHaveLength(1_000)
  expect(attributesOf(span).k499).toBe('1:499')
  expect(attributesOf(span).k0).toBe('1:0')
})

test('text of 10 MB is cut to the limit, in every place it may come from', () => {
  const huge = 'x'.repeat(10_000_000)
  const span = record(
    s => {
      s.setAttribute('text', huge).setAttribute('list', [huge, 'short']).setAttribute('map', { deep: huge })
      s.put('put', huge)
      s.addEvent('e', { text: huge })
      s.addLink({ context: s.spanContext(), attributes: { text: huge } })
      s.recordException(new Error(huge))
    },
    { attributeValueLength: 10 },
  )
  const ten = 'x'.repeat(10)
  expect(attributesOf(span)).toEqual({ text: ten, list: [ten, 'short'], map: { deep: ten }, put: ten })
  expect(span.events?.[0]?.attributes).toEqual({ text: ten })
  expect(span.events?.[1]?.attributes).toMatchObject({ 'exception.message': ten })
  expect(span.links?.[0]?.attributes).toEqual({ text: ten })
})

test('a value is copied: what the application does to it later is not exported', () => {
  const list = [1, 2]
  const map = { a: { b: 1 } }
  const span = record(s => {
    s.setAttribute('list', list).setAttribute('map', map)
    list.push(3)
    map.a.b = 2
  })
  expect(attributesOf(span)).toEqual({ list: [1, 2], map: { a: { b: 1 } } })
})

const cycle: Record<string, unknown> = {}
cycle.self = cycle
let doubling: unknown = 'x'
for (let i = 0; i < 60; i++) doubling = [doubling, doubling]
const refusing = new Proxy(
  {},
  {
    ownKeys() {
      throw new Error('ownKeys')
    },
    get() {
      throw new Error('get')
    },
    getPrototypeOf() {
      throw new Error('getPrototypeOf')
    },
  },
)

test.each<[string, unknown]>([
  ['a cycle', cycle],
  ['a value that doubles sixty times', doubling],
  ['a proxy that refuses', refusing],
  [
    'a revoked proxy',
    (() => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      return proxy
    })(),
  ],
  ['a BigInt', 10n],
  ['a symbol', Symbol('x')],
  ['a function', () => 1],
  [
    'a class instance',
    new (class Thing {
      secret = 1
    })(),
  ],
  ['a promise', Promise.resolve(1)],
])('%s is no attribute value, and does no harm', (_, value) => {
  const span = record(s => {
    s.setAttribute('bad', value).setAttributes({ worse: value, good: 1 })
    s.setAttributes(value as never)
    s.addEvent('e', { bad: value, good: 1 })
    s.addEvent('e', value as never)
    s.addEvent(value as never)
    s.addLink({ context: s.spanContext(), attributes: { bad: value } })
    s.addLink(value as never)
    s.setStatus(value as never)
    s.updateName(value as never)
    s.recordException(value as never)
    s.setAttribute(value as never, 1)
  })
  expect(attributesOf(span).bad).toBeUndefined()
  expect(attributesOf(span).worse).toBeUndefined()
  expect(attributesOf(span).good).toBe(1)
  expect(span.events?.[0]?.attributes).toEqual({ good: 1 })
  expect(span.events?.[0]?.droppedAttributes).toBe(1)
  expect(typeof span.name).toBe('string')
  for (const event of span.events ?? []) expect(typeof event.name).toBe('string')
})

test('a key called __proto__ is data', () => {
  const hostile = JSON.parse('{"__proto__": {"polluted": true}}') as Record<string, unknown>
  const span = record(s =>
    s.setAttribute('map', hostile).addEvent('e', JSON.parse('{"__proto__": "x"}') as never),
  )
  expect(Object.keys(attributesOf(span).map as object)).toEqual(['__proto__'])
  expect(Object.keys(span.events?.[0]?.attributes ?? {})).toEqual(['__proto__'])
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
})

test('an end before the start becomes the start', () => {
  const span = record(s => s.end(new Date(0)))
  expect(span.endMs).toBe(span.startMs)
})

test('a child ends and starts inside its parent although the wall clock is set back in between', () => {
  const ended: EndedSpan[] = []
  const tracer = new LeanTracerProvider({ sink: { add: span => ended.push(span) } }).getTracer('x')
  const parent = tracer.startSpan('parent', {}, ROOT)
  const real = Date.now
  try {
    Date.now = () => real() - 3_600_000
    tracer.startSpan('child', {}, withSpan(ROOT, parent)).end()
  } finally {
    Date.now = real
  }
  parent.end()
  const [child, outer] = ended as [EndedSpan, EndedSpan]
  expect(child.startMs).toBeGreaterThanOrEqual(outer.startMs)
  expect(child.endMs).toBeLessThanOrEqual(outer.endMs)
})

test('put skips the search and still keeps the limits', () => {
  const span = record(
    s => {
      for (let i = 0; i < 5; i++) s.put(`k${i}`, i)
    },
    { attributeCount: 3 },
  )
  expect(span.attributes).toEqual(['k0', 0, 'k1', 1, 'k2', 2])
  expect(span.droppedAttributes).toBe(2)
})

test('any span becomes a LeanSpan when its ids are valid', () => {
  const foreign = (context: unknown) => ({ spanContext: () => context }) as never
  const good = { traceId: 'A'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 }
  expect(toLeanSpan(foreign(good))?.traceId()).toBe('a'.repeat(32))
  expect(toLeanSpan(foreign({ ...good, spanId: '0'.repeat(16) }))).toBeUndefined()
  expect(toLeanSpan(foreign({ ...good, traceId: 'x' }))).toBeUndefined()
  expect(toLeanSpan(foreign(undefined))).toBeUndefined()
  expect(toLeanSpan({} as never)).toBeUndefined()
  expect(toLeanSpan(INVALID_SPAN)).toBeUndefined()
})
