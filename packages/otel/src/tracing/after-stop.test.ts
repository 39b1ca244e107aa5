// Tracers outlive their provider: the application holds them for ever. After the end they cost next to nothing.
import { type Span, trace } from '@opentelemetry/api'
import { ROOT, withSpan } from './context.ts'
import { LeanTracerProvider, type SpanProcessor } from './provider.ts'
import { alwaysOff, alwaysOn } from './sampling/fixed.ts'

function make(sampler = alwaysOn) {
  const started: Span[] = []
  const processor: SpanProcessor = {
    onStart: span => void started.push(span),
    onEnd() {},
    async forceFlush() {},
    async shutdown() {},
  }
  const provider = new LeanTracerProvider({ sink: { add() {} }, sampler, processors: [processor] })
  return { provider, tracer: provider.getTracer('t'), started }
}

test('a span started after the shutdown records nothing and is seen by no processor', async () => {
  const { provider, tracer, started } = make()
  await provider.shutdown()
  const span = tracer.startSpan('late', { attributes: { a: 1 } }, ROOT)
  expect(span.isRecording()).toBe(false)
  expect(trace.isSpanContextValid(span.spanContext())).toBe(false)
  span.setAttribute('b', 2).addEvent('e').recordException(new Error('x'))
  span.end()
  expect(started).toEqual([])
  expect(tracer.make('late', 1, undefined).record).toBeNull()
  expect(tracer.startActiveSpan('late', active => active.isRecording())).toBe(false)
  expect(provider.stats.started.reduce((a, b) => a + b)).toBe(0)
})

test.each([
  ['sampled', alwaysOn],
  ['not sampled', alwaysOff],
])('under a parent that was %s the context of the parent travels on, unchanged', async (_, sampler) => {
  const { provider, tracer } = make(sampler)
  const parent = tracer.startSpan('parent', {}, ROOT)
  await provider.shutdown()
  const late = tracer.startSpan('late', {}, withSpan(ROOT, parent))
  expect(late.spanContext()).toEqual(parent.spanContext())
  expect(late.isRecording()).toBe(false)
})

test('ending a late span does not end the parent whose context it carries', async () => {
  const { provider, tracer } = make()
  const parent = tracer.startSpan('parent', {}, ROOT)
  await provider.shutdown()
  tracer.startSpan('late', {}, withSpan(ROOT, parent)).end()
  expect(parent.isRecording()).toBe(true)
  parent.end()
  expect(parent.isRecording()).toBe(false)
})

test('a trace from another process keeps its own decision on its way through', async () => {
  const { provider, tracer } = make(alwaysOff)
  await provider.shutdown()
  const remote = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1, isRemote: true }
  const late = tracer.startSpan('late', {}, trace.setSpanContext(ROOT, remote))
  expect(late.spanContext()).toMatchObject({ traceId: remote.traceId, spanId: remote.spanId, traceFlags: 1 })
})
