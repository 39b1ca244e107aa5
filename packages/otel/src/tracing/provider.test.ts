import { ROOT_CONTEXT, type Span, SpanKind, trace } from '@opentelemetry/api'
import { suppressTracing } from '@opentelemetry/core'
import { BatchSpanProcessor, InMemorySpanExporter } from '@opentelemetry/sdk-trace'
import { swallowedCount } from '../self/guard.ts'
import { active, ROOT, spanOf, withContext, withSpan } from './context.ts'
import type { EndedSpan } from './ended-span.ts'
import { LeanTracerProvider, type SpanProcessor, type TracerProviderOptions } from './provider.ts'
import { alwaysOff, alwaysOn } from './sampling/fixed.ts'
import { ParentBasedSampler } from './sampling/parent-based.ts'
import { adaptSampler } from './sampling/user-sampler.ts'
import type { LeanSpan } from './span.ts'

function make(options: Partial<TracerProviderOptions> = {}) {
  const ended: EndedSpan[] = []
  const provider = new LeanTracerProvider({ sink: { add: span => ended.push(span) }, ...options })
  return { ended, provider, tracer: provider.getTracer('test', '1') }
}

const remote = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), isRemote: true }

test('a tracer is made once per name, version and schema', () => {
  const { provider } = make()
  expect(provider.getTracer('a', '1')).toBe(provider.getTracer('a', '1'))
  expect(provider.getTracer('a', '1')).not.toBe(provider.getTracer('a', '2'))
  expect(provider.getTracer('a', '1', { schemaUrl: 's' })).not.toBe(provider.getTracer('a', '1'))
  expect(provider.getTracer('a', '1', { schemaUrl: 's' }).scope).toEqual({
    name: 'a',
    version: '1',
    schemaUrl: 's',
  })
})

test('startActiveSpan takes its three forms, makes the span active, and returns or throws what the function does', () => {
  const { tracer, ended } = make()
  const parent = tracer.startSpan('parent')
  const seen = (span: Span) => {
    expect(spanOf(active())).toBe(span)
    span.end()
    return 'result'
  }
  expect(tracer.startActiveSpan('one', seen)).toBe('result')
  expect(tracer.startActiveSpan('two', { kind: SpanKind.CLIENT }, seen)).toBe('result')
  expect(tracer.startActiveSpan('three', {}, withSpan(ROOT, parent), seen)).toBe('result')
  expect(() =>
    tracer.startActiveSpan('four', () => {
      throw new Error('of the application')
    }),
  ).toThrow('of the application')
  expect(ended.map(span => [span.name, span.kind, span.hasParent])).toEqual([
    ['one', 0, false],
    ['two', 2, false],
    ['three', 0, true],
  ])
  expect(spanOf(active())).toBeUndefined()
})

test('a suppressed context gives a span that records and propagates nothing', () => {
  const { tracer, ended } = make()
  for (const root of [ROOT, ROOT_CONTEXT]) {
    const span = tracer.startSpan('x', {}, suppressTracing(root))
    expect(span.isRecording()).toBe(false)
    expect(trace.isSpanContextValid(span.spanContext())).toBe(false)
    span.end()
  }
  expect(ended).toEqual([])
})

test('make starts a span from values, as our own instrumentation does', () => {
  const { tracer, ended } = make()
  const parent = tracer.make('parent', 1, undefined, ['a', 1])
  const child = tracer.make('child', 2, parent, [], ROOT, 1_577_836_800_000.5)
  child.put('b', 2)
  child.end()
  parent.end()
  expect(ended.map(span => [span.name, span.kind, span.attributes])).toEqual([
    ['child', 2, ['b', 2]],
    ['parent', 1, ['a', 1]],
  ])
  expect(ended[0]?.startMs).toBe(1_577_836_800_000.5)
  expect([ended[0]?.p0, ended[0]?.p1]).toEqual([ended[1]?.s0, ended[1]?.s1])
})

test('ids are never zero and never repeat', () => {
  const { tracer } = make()
  const seen = new Set<string>()
  for (let i = 0; i < 20_000; i++) {
    const { traceId, spanId } = tracer.startSpan('x', {}, ROOT).spanContext()
    seen.add(traceId).add(spanId)
  }
  expect(seen.size).toBe(40_000)
})

test("the application's id generator is used, and replaced where it gives nonsense", () => {
  const ids = { generateTraceId: () => 'c'.repeat(32), generateSpanId: () => 'd'.repeat(16) }
  const { tracer } = make({ idGenerator: ids })
  const span = tracer.startSpan('x', {}, ROOT) as LeanSpan
  expect(span.spanContext()).toEqual({ traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), traceFlags: 1 })
  // Nobody said that these are random.
  expect(span.flags).toBe(1)
  const bad = {
    generateTraceId: () => 'nonsense',
    generateSpanId: () => {
      throw new Error('no')
    },
  }
  const own = make({ idGenerator: bad }).tracer.startSpan(
    'x',
    {},
    trace.setSpanContext(ROOT, { ...remote, traceFlags: 1 }),
  )
  expect(own.spanContext()).toMatchObject({
    traceId: remote.traceId,
    spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
  })
})

test('spans are counted by where the parent came from and what the sampler said', () => {
  const { tracer, provider } = make({ sampler: new ParentBasedSampler({ root: alwaysOn }) })
  const at = (origin: number, result: number) => provider.stats.started[origin * 3 + result]
  const root = tracer.startSpan('root', {}, ROOT)
  tracer.startSpan('child', {}, withSpan(ROOT, root))
  tracer.startSpan('dropped', {}, trace.setSpanContext(ROOT, { ...remote, traceFlags: 0 }))
  expect([at(0, 2), at(1, 2), at(2, 0)]).toEqual([1, 1, 1])
  expect(provider.stats.live).toEqual([0, 0, 2])
  root.end()
  expect(provider.stats.live).toEqual([0, 0, 1])
})

test('an unsampled span has ids of its own, the trace of its parent, and costs no record', () => {
  const { tracer, ended } = make({ sampler: new ParentBasedSampler({ root: alwaysOff }) })
  const root = tracer.startSpan('x', {}, ROOT) as LeanSpan
  const child = tracer.startSpan('y', {}, withSpan(ROOT, root)) as LeanSpan
  expect(root.record).toBeNull()
  expect(root.isRecording()).toBe(false)
  expect(child.spanContext().traceId).toBe(root.spanContext().traceId)
  expect(child.spanContext().spanId).not.toBe(root.spanContext().spanId)
  child.end()
  root.end()
  expect(ended).toEqual([])
})

describe('span processors of the application', () => {
  function spy(calls: unknown[]): SpanProcessor {
    return {
      onStart: (span, context) =>
        calls.push(['start', span.name, span.attributes, spanOf(context) !== undefined]),
      onEnding: span => {
        span.setAttribute('added.late', true)
        calls.push(['ending', span.isRecording()])
      },
      onEnd: span => calls.push(['end', span.name, span.isRecording(), span.attributes, span.ended]),
      forceFlush: async () => void calls.push(['flush']),
      shutdown: async () => void calls.push(['shutdown']),
    }
  }

  test('see the start, the ending and the end, and what they add is exported', async () => {
    const calls: unknown[] = []
    const { tracer, provider, ended } = make({ processors: [spy(calls)] })
    tracer.startSpan('x', { attributes: { a: 1 } }, ROOT).end()
    await provider.forceFlush()
    await provider.shutdown()
    await provider.shutdown()
    expect(calls).toEqual([
      ['start', 'x', { a: 1 }, false],
      ['ending', true],
      ['end', 'x', false, { a: 1, 'added.late': true }, true],
      ['flush'],
      ['shutdown'],
    ])
    expect(ended[0]?.attributes).toEqual(['a', 1, 'added.late', true])
  })

  test('that throw do not disturb the span nor each other', async () => {
    const before = swallowedCount()
    const calls: unknown[] = []
    const broken = {
      onStart() {
        throw new Error('onStart')
      },
      onEnd() {
        throw new Error('onEnd')
      },
      forceFlush: () => Promise.reject(new Error('flush failed')),
      shutdown: async () => {},
    }
    const { tracer, provider, ended } = make({ processors: [broken, spy(calls)] })
    tracer.startSpan('x', {}, ROOT).end()
    expect(calls).toHaveLength(3)
    expect(ended).toHaveLength(1)
    await expect(provider.forceFlush()).rejects.toThrow('flush failed')
    // These are the application's failures, not ours.
    expect(swallowedCount()).toBe(before)
  })

  test("upstream's batch processor and exporter work on our spans", async () => {
    const exporter = new InMemorySpanExporter()
    const { tracer, provider } = make({
      processors: [new BatchSpanProcessor({ exporter })],
      resource: { attributes: { 'service.name': 'x' } },
    })
    const parent = tracer.startSpan('parent', {}, ROOT)
    tracer.startSpan('child', { links: [{ context: parent.spanContext() }] }, withSpan(ROOT, parent)).end()
    await provider.forceFlush()
    const [child] = exporter.getFinishedSpans()
    expect(child?.parentSpanContext).toEqual(parent.spanContext())
    expect(child?.links[0]?.context.spanId).toBe(parent.spanContext().spanId)
    expect(child?.resource.attributes).toEqual({ 'service.name': 'x' })
    expect(child?.instrumentationScope).toMatchObject({ name: 'test', version: '1' })
    expect(child?.duration[0]).toBe(0)
    await provider.shutdown()
  })

  test('see spans that are recorded but not sampled; the sink does not', () => {
    const calls: unknown[] = []
    const recordOnly = adaptSampler({ shouldSample: () => ({ decision: 1 }), toString: () => 'RecordOnly' })
    const { tracer, provider, ended } = make({ processors: [spy(calls)], sampler: recordOnly })
    const span = tracer.startSpan('x', {}, ROOT)
    expect(span.isRecording()).toBe(true)
    expect(span.spanContext().traceFlags).toBe(0)
    expect(provider.stats.live).toEqual([0, 1, 0])
    span.end()
    expect(calls).toHaveLength(3)
    expect(ended).toEqual([])
  })
})

test('after shutdown spans still work for the application and go nowhere', async () => {
  const { tracer, provider, ended } = make()
  const open = tracer.startSpan('open', {}, ROOT)
  await provider.shutdown()
  open.end()
  tracer.startSpan('late', {}, ROOT).end()
  expect(ended).toEqual([])
  expect(provider.stats.live).toEqual([0, 0, 0])
})

test('a context that is none is the active one', () => {
  const { tracer, ended } = make()
  const parent = tracer.startSpan('parent', {}, ROOT)
  withContext(withSpan(ROOT, parent), () => {
    for (const nothing of [undefined, null, 5, {}]) tracer.startSpan('x', {}, nothing as never).end()
  })
  expect(ended.map(span => span.hasParent)).toEqual([true, true, true, true])
})
