// What an application can hand to startSpan: the limits hold there as they do for setAttribute, and nothing throws.
import type { SpanOptions } from '@opentelemetry/api'
import { ROOT } from './context.ts'
import type { EndedSpan } from './ended-span.ts'
import { LeanTracerProvider, type TracerProviderOptions } from './provider.ts'

function start(
  options: SpanOptions,
  limits: TracerProviderOptions['limits'] = {},
  name: unknown = 'work',
): EndedSpan {
  const ended: EndedSpan[] = []
  const provider = new LeanTracerProvider({ sink: { add: span => ended.push(span) }, limits })
  const span = provider.getTracer('t').startSpan(name as string, options, ROOT)
  span.end()
  span.end()
  expect(ended).toHaveLength(1)
  return ended[0]!
}

test('a hundred thousand attributes at the start leave as many as the limit allows, in linear time', () => {
  const attributes = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i]))
  const from = performance.now()
  const span = start({ attributes })
  expect(performance.now() - from).toBeLessThan(1_000)
  expect(span.attributes).toHaveLength(256)
  expect(span.droppedAttributes).toBe(100_000 - 128)
  expect(span.attributes.slice(0, 2)).toEqual(['k0', 0])
})

test('text of 10 MB at the start is cut to the limit', () => {
  const text = 'x'.repeat(10_000_000)
  const context = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 }
  const span = start(
    { attributes: { text, list: [text, text] }, links: [{ context, attributes: { text } }] },
    { attributeValueLength: 100 },
  )
  expect(span.attributes).toEqual(['text', 'x'.repeat(100), 'list', ['x'.repeat(100), 'x'.repeat(100)]])
  expect(JSON.stringify(span.links).length).toBeLessThan(1_000)
})

test('more links than the limit: the last ones stay, the others are counted', () => {
  const links = Array.from({ length: 1_000 }, (_, i) => ({
    context: { traceId: 'a'.repeat(32), spanId: (i + 1).toString(16).padStart(16, '0'), traceFlags: 1 },
  }))
  const span = start({ links })
  expect(span.links).toHaveLength(128)
  expect(span.droppedLinks).toBe(1_000 - 128)
})

const cycle: Record<string, unknown> = {}
cycle.self = cycle
const throwing = {
  get bad(): never {
    throw new Error('getter')
  },
  good: 1,
}
const refusing = new Proxy(
  {},
  { get: boom, ownKeys: boom, has: boom, getPrototypeOf: boom, getOwnPropertyDescriptor: boom },
)
function boom(): never {
  throw new Error('trap')
}

test('a getter that throws costs its own attribute and no other', () => {
  const span = start({ attributes: throwing })
  expect(span.attributes).toEqual(['good', 1])
  expect(span.droppedAttributes).toBe(1)
})

test.each<[string, unknown]>([
  ['a cycle', cycle],
  ['a proxy that refuses', refusing],
  ['a BigInt', 10n],
  ['a symbol', Symbol('x')],
  ['a function', () => 1],
  ['a text', 'text'],
  ['null', null],
  ['NaN', Number.NaN],
])('%s in any place of the options does no harm', (_, value) => {
  for (const options of [
    { attributes: value },
    { attributes: { value, good: 1 } },
    { links: value },
    { links: [value, { context: value }] },
    { kind: value },
    { startTime: value },
    { root: value },
  ]) {
    const span = start(options as SpanOptions)
    expect(span.kind).toBe(0)
    expect(span.startMs).toBeGreaterThan(0)
    expect(span.endMs).toBeGreaterThanOrEqual(span.startMs)
  }
  expect(typeof start({}, {}, value).name).toBe('string')
})
