// Bounds and hostile values; how processes really end is in test/e2e/in-flight.test.ts.
import { ROOT, withSpan } from '../tracing/context.ts'
import type { EndedSpan } from '../tracing/ended-span.ts'
import { LeanTracerProvider } from '../tracing/provider.ts'
import { alwaysOff } from '../tracing/sampling/fixed.ts'
import { KeepErrors } from '../tracing/sampling/keep-errors.ts'
import { endInFlight } from './in-flight.ts'

function setUp(options: object = {}) {
  const sent: EndedSpan[] = []
  const provider = new LeanTracerProvider({ sink: { add: span => void sent.push(span) }, ...options })
  return { sent, provider, tracer: provider.getTracer('t') }
}
const names = (spans: readonly EndedSpan[]) => spans.map(span => span.name)

test('every open span ends once, at the same moment or later, and says that it was not finished', () => {
  const { sent, provider, tracer } = setUp()
  const spans = ['a', 'b'].map(name => tracer.startSpan(name))
  tracer.startSpan('done').end()
  endInFlight({ provider, uncaught: [], emitFatal: undefined })
  for (const span of spans) span.end()
  endInFlight({ provider, uncaught: [], emitFatal: undefined })
  expect(names(sent)).toEqual(['done', 'a', 'b'])
  expect(sent.map(span => span.attributes)).toEqual([
    [],
    ['org.otel.span.unfinished', true],
    ['org.otel.span.unfinished', true],
  ])
  expect(provider.stats.live).toEqual([0, 0, 0])
})

test('what is too much in bytes is left out, oldest first, but never the span that threw', () => {
  const { sent, provider, tracer } = setUp()
  const big = { text: 'x'.repeat(1 << 20) }
  const threw = tracer.startSpan('threw', { attributes: big })
  for (let i = 0; i < 10; i++) tracer.startSpan(`${i}`, { attributes: big })
  const error = new Error('boom')
  endInFlight({ provider, uncaught: [{ error, context: withSpan(ROOT, threw) }], emitFatal: undefined })
  expect(names(sent)).toContain('threw')
  expect(names(sent).filter(name => name !== 'threw')).toEqual(['7', '8', '9'])
  expect(provider.open.size).toBe(11 - sent.length)
})

test('a span with as many attributes as it may have still says that it was not finished', () => {
  const { sent, provider, tracer } = setUp({ limits: { attributeCount: 1 } })
  tracer.startSpan('full', { attributes: { a: 1, b: 2 } })
  endInFlight({ provider, uncaught: [], emitFatal: undefined })
  expect(sent[0]!.attributes).toEqual(['a', 1, 'org.otel.span.unfinished', true])
})

const throws = () => {
  throw new Error('no')
}
const hostile = new Proxy({}, { get: throws, getPrototypeOf: throws, ownKeys: throws })
test.each([
  ['undefined', undefined],
  ['null', null],
  ['a symbol', Symbol('x')],
  ['a proxy', hostile],
  ['a function', throws],
])('whatever was thrown (%s), the span is sent with an error', (_, error) => {
  const { sent, provider, tracer } = setUp()
  const span = tracer.startSpan('threw')
  const logged: { body: string }[] = []
  endInFlight({
    provider,
    uncaught: [{ error, context: withSpan(ROOT, span) }],
    emitFatal: record => void logged.push(record),
  })
  expect(sent).toHaveLength(1)
  expect(sent[0]!.statusCode).toBe(2)
  expect(logged).toHaveLength(1)
})

test('a processor that throws or ends other spans changes nothing for the rest', () => {
  const spans: { end(): void }[] = []
  const processor = {
    onStart: (span: { end(): void }) => void spans.push(span),
    onEnd() {
      for (const span of spans) span.end()
      throw new Error('no')
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  }
  const { sent, provider, tracer } = setUp({ processors: [processor] })
  for (const name of ['a', 'b', 'c']) tracer.startSpan(name)
  endInFlight({ provider, uncaught: [], emitFatal: undefined })
  expect(names(sent).sort()).toEqual(['a', 'b', 'c'])
})

test('of traces held back, the one that threw is sent, and no other', () => {
  const keepErrors = new KeepErrors({ slowMs: 60_000, maxHeldSpans: 100 })
  const { sent, provider, tracer } = setUp({ sampler: alwaysOff, keepErrors })
  tracer.startSpan('other')
  const root = tracer.startSpan('root')
  const child = tracer.startSpan('child', {}, withSpan(ROOT, root))
  tracer.startSpan('ended', {}, withSpan(ROOT, root)).end()
  endInFlight({
    provider,
    uncaught: [{ error: new Error('boom'), context: withSpan(ROOT, child) }],
    emitFatal: undefined,
  })
  expect(names(sent).sort()).toEqual(['child', 'ended', 'root'])
  expect(keepErrors.held).toBe(0)
})
