// The same programs under upstream's SDK and ours. What comes out is equal once ids and readings of the clock are
// normalised. What is different on purpose is the list at the end, each with its reason.
import type { Attributes, Link, SpanContext, Tracer } from '@opentelemetry/api'
import { ROOT_CONTEXT, trace } from '@opentelemetry/api'
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { swallowedCount } from '../../src/self/guard.ts'
import { ROOT } from '../../src/tracing/context.ts'
import type { EndedSpan } from '../../src/tracing/ended-span.ts'
import { printSpanId, printTraceId, printWord } from '../../src/tracing/ids.ts'
import { LeanTracerProvider } from '../../src/tracing/provider.ts'
import { alwaysOn } from '../../src/tracing/sampling/fixed.ts'
import { ParentBasedSampler } from '../../src/tracing/sampling/parent-based.ts'
import { makeProgram, type Program, past, runProgram } from './span-programs.ts'

const seeds = Number(process.env.ORG_TEST_SEEDS ?? 400)

interface NormalTime {
  /** Exact when the program gave the time, else how far from now. */
  at: number | 'now'
}
interface Normal {
  name: string
  kind: number
  trace: string
  parent: string | undefined
  sampled: boolean
  state: string | undefined
  start: NormalTime
  end: NormalTime
  attributes: [string, unknown][]
  dropped: [number, number, number]
  events: { name: string; time: NormalTime; attributes: Attributes | undefined; dropped: number }[]
  links: { context: unknown; attributes: Attributes | undefined; dropped: number }[]
  status: { code: number; message: string }
}

// Ids become the order in which they were first seen; ids the program gave stay.
function numbering(program: Program): (id: string) => string {
  const given = JSON.stringify(program.spans.map(span => span.parent))
  const seen = new Map<string, string>()
  return id => {
    if (given.includes(id)) return id
    const known = seen.get(id) ?? `#${seen.size}`
    seen.set(id, known)
    return known
  }
}

function normalTime(ms: number): NormalTime {
  // A `performance.now()` reading is a time since this process began, which may be minutes ago in a long test run.
  if (ms > performance.timeOrigin - 60_000 && ms < Date.now() + 60_000) return { at: 'now' }
  // A double of milliseconds since the epoch resolves 0.24 microseconds.
  expect(Math.abs(ms - past)).toBeLessThan(1e9)
  return { at: Math.round(ms * 100) / 100 }
}

function sortedEntries(attributes: Attributes): [string, unknown][] {
  return Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1))
}

function normalLink(link: Link & { droppedAttributesCount?: number }) {
  const { traceId, spanId, traceFlags, traceState } = link.context
  return {
    context: { traceId, spanId, traceFlags, state: traceState?.serialize() },
    attributes: link.attributes,
    dropped: link.droppedAttributesCount ?? 0,
  }
}

function hrToMs(time: [number, number]): number {
  return time[0] * 1e3 + time[1] / 1e6
}

function fromReadable(span: ReadableSpan, name: (id: string) => string): Normal {
  const context = span.spanContext()
  return {
    name: span.name,
    kind: span.kind,
    trace: name(context.traceId),
    parent: span.parentSpanContext && name(span.parentSpanContext.spanId),
    sampled: (context.traceFlags & 1) === 1,
    state: context.traceState?.serialize(),
    start: normalTime(hrToMs(span.startTime)),
    end: normalTime(hrToMs(span.endTime)),
    attributes: sortedEntries(span.attributes),
    dropped: [span.droppedAttributesCount, span.droppedEventsCount, span.droppedLinksCount],
    events: span.events.map(event => ({
      name: event.name,
      time: normalTime(hrToMs(event.time)),
      attributes: event.attributes,
      dropped: event.droppedAttributesCount ?? 0,
    })),
    links: span.links.map(normalLink),
    status: { code: span.status.code, message: span.status.message ?? '' },
  }
}

function fromEnded(span: EndedSpan, name: (id: string) => string): Normal {
  const attributes: Attributes = {}
  for (let i = 0; i < span.attributes.length; i += 2) {
    const key = span.attributes[i] as string
    expect(Object.hasOwn(attributes, key)).toBe(false)
    attributes[key] = span.attributes[i + 1]
  }
  const traceId = [span.t0, span.t1, span.t2, span.t3].map(printWord).join('')
  return {
    name: span.name,
    kind: span.kind,
    trace: name(traceId),
    parent: span.hasParent ? name(printWord(span.p0) + printWord(span.p1)) : undefined,
    sampled: (span.flags & 1) === 1,
    state: span.traceState?.serialize(),
    start: normalTime(span.startMs),
    end: normalTime(span.endMs),
    attributes: sortedEntries(attributes),
    dropped: [span.droppedAttributes, span.droppedEvents, span.droppedLinks],
    events: (span.events ?? []).map(event => ({
      name: event.name,
      time: normalTime(event.timeMs),
      attributes: event.attributes,
      dropped: event.droppedAttributes,
    })),
    links: (span.links ?? []).map(link => ({
      context: {
        traceId: printTraceId(link.t0, link.t1, link.t2, link.t3),
        spanId: printSpanId(link.s0, link.s1),
        traceFlags: link.traceFlags,
        state: link.traceState?.serialize(),
      },
      attributes: link.attributes,
      dropped: link.droppedAttributes,
    })),
    status: { code: span.statusCode, message: span.statusMessage },
  }
}

function runUpstream(program: Program): Normal[] {
  const exporter = new InMemorySpanExporter()
  const { limits } = program
  const provider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
    spanLimits: {
      attributeCountLimit: limits.attributeCount,
      attributeValueLengthLimit: limits.attributeValueLength,
      eventCountLimit: limits.eventCount,
      linkCountLimit: limits.linkCount,
      attributePerEventCountLimit: limits.attributePerEventCount,
      attributePerLinkCountLimit: limits.attributePerLinkCount,
    },
  })
  runProgram(program, provider.getTracer('program', '1'), ROOT_CONTEXT)
  const name = numbering(program)
  return exporter.getFinishedSpans().map(span => fromReadable(span, name))
}

const sampler = new ParentBasedSampler({ root: alwaysOn })

/** What the sink gets. */
function runLean(program: Program): Normal[] {
  const ended: Normal[] = []
  const name = numbering(program)
  const provider = new LeanTracerProvider({
    sink: { add: span => ended.push(fromEnded(span, name)) },
    sampler,
    limits: program.limits,
  })
  runProgram(program, provider.getTracer('program', '1'), ROOT)
  const live = provider.stats.live
  expect(live[0]).toBe(0)
  return ended
}

/** What the application's own processor gets: upstream's processor and exporter on our spans. */
function runLeanProcessor(program: Program): Normal[] {
  const exporter = new InMemorySpanExporter()
  const provider = new LeanTracerProvider({
    sink: { add() {} },
    sampler,
    limits: program.limits,
    processors: [new SimpleSpanProcessor({ exporter })],
  })
  runProgram(program, provider.getTracer('program', '1'), ROOT)
  const name = numbering(program)
  return exporter.getFinishedSpans().map(span => fromReadable(span, name))
}

test(`${seeds} random programs give the same spans under upstream's SDK, under ours, and through a processor on ours`, () => {
  let spans = 0
  for (let seed = 1; seed <= seeds; seed++) {
    const upstream = runUpstream(makeProgram(seed))
    spans += upstream.length
    try {
      expect(runLean(makeProgram(seed))).toEqual(upstream)
      expect(runLeanProcessor(makeProgram(seed))).toEqual(upstream)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
  // The generator must not have degenerated into programs that record nothing.
  expect(spans).toBeGreaterThan(seeds * 3)
  expect(swallowedCount()).toBe(0)
})

test('span contexts as the application sees them are those of upstream', () => {
  const upstream = new TracerProvider().getTracer('x')
  const lean = new LeanTracerProvider({ sink: { add() {} } }).getTracer('x')
  const parent: SpanContext = {
    traceId: '1'.repeat(32),
    spanId: '2'.repeat(16),
    traceFlags: 1,
    isRemote: true,
  }
  for (const options of [{}, { root: true }]) {
    const seen = [upstream, lean].map((tracer: Tracer) => {
      const context = tracer.startSpan('x', options, trace.setSpanContext(ROOT_CONTEXT, parent)).spanContext()
      expect(context.spanId).toMatch(/^[0-9a-f]{16}$/)
      return { ...context, spanId: '', traceId: options.root ? '' : context.traceId, traceState: undefined }
    })
    expect(seen[1]).toEqual(seen[0])
  }
})

describe('different on purpose', () => {
  function both(run: (tracer: Tracer) => void): { upstream: ReadableSpan[] | Error; lean: EndedSpan[] } {
    const exporter = new InMemorySpanExporter()
    const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
    const lean: EndedSpan[] = []
    run(new LeanTracerProvider({ sink: { add: span => lean.push(span) } }).getTracer('x'))
    try {
      run(provider.getTracer('x'))
    } catch (error) {
      return { upstream: error as Error, lean }
    }
    return { upstream: exporter.getFinishedSpans(), lean }
  }

  // What was thrown says something: upstream's exceptions have no text, or none at all is recorded.
  test.each([
    [17, '17'],
    [{}, 'an object without a message'],
    [{ error: 'in another field' }, 'in another field'],
    [{ message: { text: 'deeper' } }, 'deeper'],
    [{ message: 7, name: 'NumberMessage' }, '7'],
    [{ stack: 'only a stack' }, 'an object without a message (stack)'],
  ])('the message of the exception %j is %s', (exception, message) => {
    const { upstream, lean } = both(tracer => {
      const span = tracer.startSpan('x')
      span.recordException(exception as unknown as Error)
      span.end()
    })
    expect(lean[0]!.events![0]!.attributes!['exception.message']).toBe(message)
    const theirs = Array.isArray(upstream) ? upstream[0]?.events[0]?.attributes : undefined
    expect(theirs?.['exception.message']).not.toBe(message)
  })

  const throwing = {
    get bad(): unknown {
      throw new Error('from a getter')
    },
    good: 1,
  }

  // We run in other people's processes: a span must never fail their request.
  const throwsUpstream: [string, (tracer: Tracer) => void][] = [
    ['a getter that throws, in start attributes', t => t.startSpan('x', { attributes: throwing }).end()],
    ['a getter that throws, in setAttributes', t => t.startSpan('x').setAttributes(throwing).end()],
    ['a getter that throws, inside a value', t => t.startSpan('x').setAttribute('v', throwing).end()],
    ['a getter that throws, in an event', t => t.startSpan('x').addEvent('e', throwing).end()],
    [
      'no status',
      t =>
        t
          .startSpan('x')
          .setStatus(undefined as never)
          .end(),
    ],
    [
      'no attribute key',
      t =>
        t
          .startSpan('x')
          .setAttribute(undefined as never, 1)
          .end(),
    ],
    [
      'no link',
      t =>
        t
          .startSpan('x')
          .addLink(undefined as never)
          .end(),
    ],
    [
      'links that are no list',
      t =>
        t
          .startSpan('x')
          .addLinks(5 as never)
          .end(),
    ],
    [
      'an exception whose message throws',
      t => {
        const span = t.startSpan('x')
        span.recordException(
          Object.defineProperty(new Error('x'), 'message', {
            get: () => {
              throw new Error('no message')
            },
          }),
        )
        span.end()
      },
    ],
    [
      'a value nested a hundred thousand deep',
      t => {
        let deep: unknown = 1
        for (let i = 0; i < 100_000; i++) deep = [deep]
        t.startSpan('x').setAttribute('deep', deep).end()
      },
    ],
  ]
  test.each(throwsUpstream)('%s throws under upstream and is passed over by us', (_, run) => {
    const { upstream, lean } = both(run)
    expect(upstream).toBeInstanceOf(Error)
    expect(lean).toHaveLength(1)
  })

  test('values below the 64th level are refused, because the encoder would run out of stack', () => {
    let deep: unknown = 1
    for (let i = 0; i < 100; i++) deep = [deep]
    const { upstream, lean } = both(t => t.startSpan('x').setAttribute('deep', deep).end())
    expect((upstream as ReadableSpan[])[0]?.attributes).toHaveProperty('deep')
    expect(lean[0]?.attributes).toEqual([])
  })

  test('a link without valid hex ids is dropped and counted, because OTLP cannot carry it', () => {
    const link = { context: { traceId: 'nonsense', spanId: '', traceFlags: 1 } }
    const { upstream, lean } = both(t =>
      t
        .startSpan('x', { links: [link] })
        .addLink(link)
        .end(),
    )
    expect((upstream as ReadableSpan[])[0]?.links).toHaveLength(2)
    expect(lean[0]?.links).toEqual([])
    expect(lean[0]?.droppedLinks).toBe(2)
  })

  test('a time that is not a number means now, because NaN would make the span unreadable', () => {
    const { upstream, lean } = both(t =>
      t.startSpan('x', { startTime: Number.NaN }).end(new Date(Number.NaN)),
    )
    expect((upstream as ReadableSpan[])[0]?.startTime[0]).toBeNaN()
    expect(Math.abs((lean[0]?.startMs ?? 0) - Date.now())).toBeLessThan(5_000)
    expect(lean[0]?.endMs).toBeGreaterThanOrEqual(lean[0]?.startMs ?? Number.NaN)
  })

  test('a start without a time has the fraction of the millisecond, where upstream has whole milliseconds', () => {
    const { upstream, lean } = both(t => {
      for (let i = 0; i < 20; i++) t.startSpan('x').end()
    })
    expect((upstream as ReadableSpan[]).every(span => span.startTime[1] % 1e6 === 0)).toBe(true)
    expect(lean.some(span => span.startMs % 1 !== 0)).toBe(true)
  })

  test.each([
    [false, 1],
    [true, 3],
  ])(
    'with randomFlag %s ids we generate are exported with the flags %d; applications see what they always saw',
    (randomFlag, flags) => {
      const ended: EndedSpan[] = []
      const tracer = new LeanTracerProvider({
        sink: { add: span => ended.push(span) },
        randomFlag,
      }).getTracer('x')
      const span = tracer.startSpan('x')
      tracer.startSpan('child', {}, trace.setSpan(ROOT_CONTEXT, span)).end()
      span.end()
      expect(ended.map(one => one.flags)).toEqual([flags, flags])
      expect(span.spanContext().traceFlags).toBe(1)
    },
  )

  test('a name that is not text becomes text, because the encoder needs text', () => {
    const { lean } = both(t => {
      t.startSpan(Symbol('s') as never)
        .updateName(7 as never)
        .end()
    })
    expect(lean[0]?.name).toBe('7')
  })

  test('a status code that does not exist is ignored', () => {
    const { upstream, lean } = both(t =>
      t
        .startSpan('x')
        .setStatus({ code: 99 as never })
        .end(),
    )
    expect((upstream as ReadableSpan[])[0]?.status.code).toBe(99)
    expect(lean[0]?.statusCode).toBe(0)
  })
})
