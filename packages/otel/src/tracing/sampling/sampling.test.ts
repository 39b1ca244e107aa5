import { createTraceState, defaultTextMapGetter, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'
import type { SamplerConfig, SamplingExtras } from '../../config/config.ts'
import { ROOT, spanOf, withSpan } from '../context.ts'
import type { EndedSpan } from '../ended-span.ts'
import { buildPropagator } from '../propagation/propagator.ts'
import { LeanTracerProvider } from '../provider.ts'
import { fromSpanContext, KNOWN_RANDOM, type LeanSpan, SAMPLED } from '../span.ts'
import { buildSampler, buildSampling } from './build-sampling.ts'
import { TokenBucket } from './rate-cap.ts'
import { RatioSampler } from './ratio.ts'
import type { HeadSampler, Question } from './sampler.ts'
import type { UserSampler } from './user-sampler.ts'

const none: SamplingExtras = {
  keepErrors: false,
  slowMs: 1_000,
  maxPerSecond: Number.POSITIVE_INFINITY,
  rules: [],
  maxHeldSpans: 1_000,
}

function ask(question: Partial<Question> & { traceId?: string }): Question {
  const id = fromSpanContext({
    traceId: question.traceId ?? '1'.repeat(32),
    spanId: '1'.repeat(16),
    traceFlags: 0,
  })
  const { t0, t1, t2, t3 } = id as LeanSpan
  return {
    context: ROOT,
    parent: undefined,
    t0,
    t1,
    t2,
    t3,
    random: false,
    name: 'x',
    kind: 0,
    attributes: [],
    links: null,
    traceState: undefined,
    added: null,
    final: false,
    ...question,
  }
}

function make(config: SamplerConfig, extras: Partial<SamplingExtras> = {}, user?: UserSampler) {
  const ended: EndedSpan[] = []
  const sampling = buildSampling(config, { ...none, ...extras }, user)
  const provider = new LeanTracerProvider({
    sink: { add: span => ended.push(span) },
    sampler: sampling.sampler,
    ...(sampling.keepErrors && { keepErrors: sampling.keepErrors }),
  })
  return { ended, ...sampling, provider, tracer: provider.getTracer('test') }
}

const remote = (traceFlags: number) =>
  trace.setSpanContext(ROOT, { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags, isRemote: true })

let seed = 7
function randomId(): string {
  let text = ''
  while (text.length < 32) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    text += seed.toString(16).padStart(8, '0')
  }
  return text
}

describe('the specified samplers', () => {
  test.each([0, 1e-9, 0.001, 0.1, 1 / 3, 0.5, 0.9, 1])(
    'traceidratio %d decides ids that are not known to be random as upstream does, bit for bit',
    ratio => {
      const theirs = new TraceIdRatioBasedSampler(ratio)
      const standalone = buildSampler({ type: 'ratio', ratio })
      const asRoot = buildSampler({ type: 'parent_based', root: { type: 'ratio', ratio } })
      for (let i = 0; i < 5_000; i++) {
        const traceId = randomId()
        const expected = theirs.shouldSample(ROOT_CONTEXT, traceId).decision
        expect(standalone.decide(ask({ traceId }))).toBe(expected)
        expect(standalone.decide(ask({ traceId, random: true }))).toBe(expected)
        expect(asRoot.decide(ask({ traceId }))).toBe(expected)
      }
    },
  )

  test('parent based asks the delegate that the parent calls for, as upstream does', () => {
    const answers: [SamplerConfig, AlwaysOnSampler | AlwaysOffSampler][] = [
      [{ type: 'always_on' }, new AlwaysOnSampler()],
      [{ type: 'always_off' }, new AlwaysOffSampler()],
    ]
    for (let bits = 0; bits < 32; bits++) {
      const [root, a, b, c, d] = [0, 1, 2, 3, 4].map(bit => answers[(bits >> bit) & 1]) as [
        (typeof answers)[0],
        (typeof answers)[0],
        (typeof answers)[0],
        (typeof answers)[0],
        (typeof answers)[0],
      ]
      const ours = buildSampler({
        type: 'parent_based',
        root: root[0],
        remoteParentSampled: a[0],
        remoteParentNotSampled: b[0],
        localParentSampled: c[0],
        localParentNotSampled: d[0],
      })
      const theirs = new ParentBasedSampler({
        root: root[1],
        remoteParentSampled: a[1],
        remoteParentNotSampled: b[1],
        localParentSampled: c[1],
        localParentNotSampled: d[1],
      })
      expect(String(ours)).toBe(theirs.toString())
      expect(ours.decide(ask({}))).toBe(
        theirs.shouldSample(ROOT_CONTEXT, '1'.repeat(32), 'x', 0, {}, []).decision,
      )
      for (const isRemote of [true, false]) {
        for (const traceFlags of [0, 1, 2, 3]) {
          const context = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags, isRemote }
          const parent = fromSpanContext(context) as LeanSpan
          const theirContext = trace.setSpanContext(ROOT_CONTEXT, context)
          expect(ours.decide(ask({ parent }))).toBe(
            theirs.shouldSample(theirContext, '1'.repeat(32), 'x', 0, {}, []).decision,
          )
        }
      }
    }
  })

  test('descriptions are those of upstream', () => {
    const config: SamplerConfig = { type: 'parent_based', root: { type: 'ratio', ratio: 0.25 } }
    const theirs = new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(0.25) })
    expect(String(buildSampler(config))).toBe(theirs.toString())
  })
})

describe('probability sampling of random ids', () => {
  // Thresholds as the Collector's sampling package prints them.
  test.each([
    [0.5, '8'],
    [0.25, 'c'],
    [0.1, 'e666'],
    [1 / 3, 'aaab'],
    [0.01, 'fd70a'],
    [0.001, 'ffbe77'],
  ])('a ratio of %d has the threshold %s', (ratio, th) => {
    const sampler = new RatioSampler(ratio, true)
    const question = ask({ random: true, t2: -1, t3: -1 })
    expect(sampler.decide(question)).toBe(2)
    expect(question.traceState?.serialize()).toBe(`ot=th:${th}`)
  })

  test('the last 56 bits at the threshold are sampled, those one below are not', () => {
    const sampler = new RatioSampler(0.5, true)
    expect(sampler.decide(ask({ random: true, traceId: `${'f'.repeat(18)}80000000000000` }))).toBe(2)
    expect(sampler.decide(ask({ random: true, traceId: `${'f'.repeat(18)}7fffffffffffff` }))).toBe(0)
  })

  test('a higher ratio keeps all that a lower one keeps', () => {
    const [low, high] = [new RatioSampler(0.1, true), new RatioSampler(0.3, true)]
    let kept = 0
    for (let i = 0; i < 20_000; i++) {
      const traceId = randomId()
      if (low.decide(ask({ traceId, random: true })) === 0) continue
      kept++
      expect(high.decide(ask({ traceId, random: true }))).toBe(2)
    }
    expect(kept).toBeGreaterThan(1_800)
    expect(kept).toBeLessThan(2_200)
  })

  test('an explicit randomness value stands in for the id, and other members stay', () => {
    const sampler = new RatioSampler(0.5, true)
    const yes = ask({ traceState: createTraceState('ot=rv:80000000000000;th:0;p:1,vendor=1') })
    expect(sampler.decide(yes)).toBe(2)
    expect(yes.traceState?.serialize()).toBe('ot=th:8;rv:80000000000000;p:1,vendor=1')
    const no = ask({ random: true, traceState: createTraceState('ot=rv:7fffffffffffff;th:0,vendor=1') })
    expect(sampler.decide(no)).toBe(0)
    expect(no.traceState?.serialize()).toBe('ot=rv:7fffffffffffff,vendor=1')
  })

  test('a threshold that came in says that the id is random, whatever the flag says', () => {
    const sampler = new RatioSampler(0.5, true)
    for (const random of [true, false]) {
      const bits = { yes: '80000000000000', no: '7fffffffffffff' }
      const state = () => createTraceState('ot=th:4,vendor=1')
      // By upstream's formula both would be decided the other way.
      const yes = ask({ random, traceId: `ffffffff0000000000${bits.yes}`, traceState: state() })
      expect(sampler.decide(yes)).toBe(2)
      expect(yes.traceState?.serialize()).toBe('ot=th:8,vendor=1')
      const no = ask({ random, traceId: `00000000ff00000000${bits.no}`, traceState: state() })
      expect(sampler.decide(no)).toBe(0)
      expect(no.traceState?.serialize()).toBe('vendor=1')
    }
  })

  test('a service further down that samples less keeps exactly those of our traces whose ids are above its threshold', () => {
    const quarter: SamplerConfig = { type: 'ratio', ratio: 0.25 }
    const caller = make({ type: 'parent_based', root: { type: 'ratio', ratio: 0.5 } })
    const called = make({ type: 'parent_based', root: quarter, remoteParentSampled: quarter })
    const propagator = buildPropagator(['tracecontext'])
    let kept = 0
    for (let i = 0; i < 4_000; i++) {
      const carrier: Record<string, string> = {}
      const span = caller.tracer.startSpan('caller', {}, ROOT)
      propagator.injectInto(withSpan(ROOT, span), (key, value) => void (carrier[key] = value))
      if (!span.isRecording()) continue
      const server = called.tracer.startSpan(
        'called',
        { kind: 1 },
        propagator.extract(ROOT, carrier, defaultTextMapGetter),
      )
      expect(server.isRecording()).toBe(Number.parseInt(span.spanContext().traceId.slice(18, 20), 16) >= 0xc0)
      if (!server.isRecording()) continue
      kept++
      expect(server.spanContext().traceState?.get('ot')).toBe('th:c')
    }
    expect(kept).toBeGreaterThan(800)
    expect(kept).toBeLessThan(1_200)
  })

  test('local children are decided by the id as well', () => {
    const half: SamplerConfig = { type: 'ratio', ratio: 0.5 }
    const { tracer } = make({ type: 'parent_based', root: { type: 'always_on' }, localParentSampled: half })
    for (let i = 0; i < 500; i++) {
      const root = tracer.startSpan('root', {}, ROOT)
      const child = tracer.startSpan('child', {}, withSpan(ROOT, root))
      expect(child.isRecording()).toBe(Number.parseInt(root.spanContext().traceId.slice(18, 20), 16) >= 0x80)
    }
  })

  test('a new trace tells the services it calls the threshold, with the one flag that every SDK reads', () => {
    const { tracer } = make({ type: 'parent_based', root: { type: 'ratio', ratio: 0.5 } })
    const headers: Record<string, string> = {}
    let span = tracer.startSpan('x', {}, ROOT)
    while (!span.isRecording()) span = tracer.startSpan('x', {}, ROOT)
    buildPropagator(['tracecontext']).injectInto(withSpan(ROOT, span), (k, v) => void (headers[k] = v))
    expect(headers.tracestate).toBe('ot=th:8')
    expect(headers.traceparent).toMatch(/-01$/)
    // An unsampled one has no threshold to tell.
    while (span.isRecording()) span = tracer.startSpan('x', {}, ROOT)
    expect(span.spanContext().traceState).toBeUndefined()
  })

  test('at a ratio of one no header is spent', () => {
    const { tracer } = make({ type: 'parent_based', root: { type: 'ratio', ratio: 1 } })
    expect(tracer.startSpan('x', {}, ROOT).spanContext().traceState).toBeUndefined()
  })
})

describe("the application's own sampler", () => {
  test('is asked with what upstream asks it with, and its answer is taken', () => {
    const seen: unknown[] = []
    const state = createTraceState('own=1')
    const { tracer, ended } = make(
      { type: 'always_off' },
      {},
      {
        shouldSample(context, traceId, name, kind, attributes, links) {
          seen.push([trace.getSpanContext(context)?.spanId, traceId, name, kind, attributes, links])
          return {
            decision: 2,
            attributes: { 'sampler.says': 'yes', given: 'overwritten' },
            traceState: state,
          }
        },
        toString: () => 'Own',
      },
    )
    const link = { context: { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), traceFlags: 1 } }
    tracer.startSpan('x', { kind: 3, attributes: { given: 1 }, links: [link] }, remote(0)).end()
    tracer.startSpan('y', { root: true }, remote(0)).end()
    expect(seen[0]).toEqual(['b'.repeat(16), 'a'.repeat(32), 'x', 3, { given: 1 }, [link]])
    expect(seen[1]).toMatchObject([undefined, expect.not.stringMatching(/^a+$/), 'y', 0, {}, []])
    expect(ended[0]?.attributes).toEqual(['given', 'overwritten', 'sampler.says', 'yes'])
    expect(ended[0]?.traceState).toBe(state)
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['answers nonsense', () => ({ decision: 7 })],
    ['answers nothing', () => undefined],
  ])('that %s follows the parent, and samples new traces', (_, shouldSample) => {
    const user = { shouldSample: shouldSample as never, toString: () => 'Broken' }
    const { tracer } = make({ type: 'always_off' }, {}, user)
    expect(tracer.startSpan('x', {}, ROOT).isRecording()).toBe(true)
    expect(tracer.startSpan('x', {}, remote(TraceFlags.SAMPLED)).isRecording()).toBe(true)
    expect(tracer.startSpan('x', {}, remote(TraceFlags.NONE)).isRecording()).toBe(false)
  })

  test('may start spans itself', () => {
    const made = make(
      { type: 'always_off' },
      {},
      {
        shouldSample(_context, _traceId, name) {
          if (name === 'outer') made.tracer.startSpan('inner', { attributes: { inner: 1 } }, ROOT).end()
          return { decision: 2 }
        },
        toString: () => 'Nesting',
      },
    )
    made.tracer.startSpan('outer', { attributes: { outer: 1 } }, remote(1)).end()
    expect(made.ended.map(span => [span.name, span.attributes, span.hasParent])).toEqual([
      ['inner', ['inner', 1], false],
      ['outer', ['outer', 1], true],
    ])
  })
})

describe('keep-errors', () => {
  const off: SamplerConfig = { type: 'parent_based', root: { type: 'always_off' } }

  test('an unsampled root that ends in an error is exported with all that happened below it', () => {
    const { tracer, ended, keepErrors } = make(off, { keepErrors: true })
    const root = tracer.startSpan('root', {}, ROOT)
    const child = tracer.startSpan('child', {}, withSpan(ROOT, root))
    tracer.startSpan('grandchild', {}, withSpan(ROOT, child)).end()
    child.end()
    expect(ended).toEqual([])
    expect(keepErrors?.held).toBe(3)
    root.setStatus({ code: 2 }).end()
    expect(ended.map(span => [span.name, span.flags & SAMPLED])).toEqual([
      ['grandchild', 1],
      ['child', 1],
      ['root', 1],
    ])
    expect(keepErrors).toMatchObject({ held: 0, kept: 1, refused: 0 })
    expect(ended[0]?.t3).toBe(ended[2]?.t3)
  })

  test('one that ends well is forgotten, however many of them there are', () => {
    const { tracer, ended, keepErrors, provider } = make(off, { keepErrors: true })
    for (let i = 0; i < 5_000; i++) {
      const root = tracer.startSpan('root', {}, ROOT)
      tracer.startSpan('failed child', {}, withSpan(ROOT, root)).setStatus({ code: 2 }).end()
      root.end()
    }
    expect(ended).toEqual([])
    expect(keepErrors).toMatchObject({ held: 0, kept: 0, refused: 0 })
    expect(keepErrors?.open.size).toBe(0)
    expect(provider.stats.live).toEqual([0, 0, 0])
  })

  test('one that is slow is kept', () => {
    const { tracer, ended } = make(off, { keepErrors: true, slowMs: 500 })
    const start = Date.now() - 10_000
    tracer.startSpan('slow', { startTime: start }, ROOT).end(start + 501)
    tracer.startSpan('quick', { startTime: start }, ROOT).end(start + 499)
    expect(ended.map(span => span.name)).toEqual(['slow'])
  })

  test('a caller that did not sample is no obstacle: the local root is kept as its child', () => {
    const { tracer, ended } = make(off, { keepErrors: true })
    tracer.startSpan('server', { kind: 1 }, remote(0)).setStatus({ code: 2 }).end()
    expect(ended[0]).toMatchObject({ name: 'server', hasParent: true, parentIsRemote: true, flags: SAMPLED })
  })

  test('other services are told the decision made at the head, and stay consistent with each other', () => {
    const { tracer } = make(off, { keepErrors: true })
    const span = tracer.startSpan('x', {}, ROOT) as LeanSpan
    span.setStatus({ code: 2 })
    const headers: Record<string, string> = {}
    buildPropagator(['tracecontext']).injectInto(withSpan(ROOT, span), (k, v) => void (headers[k] = v))
    expect(headers.traceparent).toMatch(/-00$/)
    expect(span.spanContext().traceFlags).toBe(0)
    span.end()
    expect(span.flags).toBe(KNOWN_RANDOM)
  })

  test('children that outlive a kept root are exported, those of a forgotten one are not', () => {
    const { tracer, ended } = make(off, { keepErrors: true })
    for (const code of [2, 0]) {
      const root = tracer.startSpan(`root ${code}`, {}, ROOT)
      const running = tracer.startSpan('running', {}, withSpan(ROOT, root))
      root.setStatus({ code }).end()
      running.end()
      tracer.startSpan('late', {}, withSpan(ROOT, root)).end()
    }
    expect(ended.map(span => span.name)).toEqual(['root 2', 'running', 'late'])
  })

  test('memory is bounded: what does not fit is not recorded, and the room comes back', () => {
    const { tracer, ended, keepErrors } = make(off, { keepErrors: true, maxHeldSpans: 3 })
    const root = tracer.startSpan('root', {}, ROOT)
    for (let i = 0; i < 5; i++) tracer.startSpan(`child ${i}`, {}, withSpan(ROOT, root)).end()
    const other = tracer.startSpan('other root', {}, ROOT)
    expect(other.isRecording()).toBe(false)
    root.setStatus({ code: 2 }).end()
    other.end()
    expect(ended.map(span => span.name)).toEqual(['child 0', 'child 1', 'root'])
    expect(keepErrors).toMatchObject({ held: 0, refused: 4 })
    expect(tracer.startSpan('next', {}, ROOT).isRecording()).toBe(true)
  })

  test('roots that never end do not use the room up for good: what is slow already is kept early', () => {
    const { tracer, ended, keepErrors } = make(off, { keepErrors: true, maxHeldSpans: 2, slowMs: -1 })
    const stuck = tracer.startSpan('stuck', {}, ROOT)
    tracer.startSpan('child', {}, withSpan(ROOT, stuck)).end()
    expect(tracer.startSpan('next', {}, ROOT).isRecording()).toBe(true)
    expect(ended.map(span => span.name)).toEqual(['child'])
    stuck.end()
    expect(ended.map(span => span.name)).toEqual(['child', 'stuck'])
    expect(keepErrors).toMatchObject({ held: 1, kept: 1 })
  })

  test('without it nothing is held', () => {
    const { tracer, keepErrors } = make(off)
    expect(keepErrors).toBeUndefined()
    expect((tracer.startSpan('x', {}, ROOT) as LeanSpan).record).toBeNull()
  })
})

describe('rate cap', () => {
  test('the bucket fills at the rate, up to one second of it', () => {
    let now = 0
    const bucket = new TokenBucket(5, () => now)
    const taken = () => Array.from({ length: 100 }, () => bucket.take()).filter(Boolean).length
    expect(taken()).toBe(5)
    now += 400
    expect(taken()).toBe(2)
    now += 60_000
    expect(taken()).toBe(5)
  })

  test('a rate below one still lets one through', () => {
    let now = 0
    const bucket = new TokenBucket(0.1, () => now)
    expect([bucket.take(), bucket.take()]).toEqual([true, false])
    now += 10_000
    expect([bucket.take(), bucket.take()]).toEqual([true, false])
  })

  test('local roots are capped whoever called, their children follow', () => {
    const { tracer, ended } = make(
      { type: 'parent_based', root: { type: 'always_on' } },
      { maxPerSecond: 0.01 },
    )
    for (let i = 0; i < 100; i++) {
      const root = tracer.startSpan('root', {}, i % 2 ? ROOT : remote(1))
      tracer.startSpan('child', {}, withSpan(ROOT, root)).end()
      root.end()
    }
    expect(ended.map(span => span.name)).toEqual(['child', 'root'])
  })

  test('a capped trace claims no threshold', () => {
    const { tracer } = make(
      { type: 'parent_based', root: { type: 'ratio', ratio: 0.9999 } },
      { maxPerSecond: 0.01 },
    )
    const spans = Array.from({ length: 50 }, () => tracer.startSpan('x', {}, ROOT))
    for (const span of spans) expect(span.spanContext().traceState !== undefined).toBe(span.isRecording())
    expect(spans.filter(span => span.isRecording())).toHaveLength(1)
  })
})

describe('rules', () => {
  const on: SamplerConfig = { type: 'parent_based', root: { type: 'always_on' } }
  const off: SamplerConfig = { type: 'parent_based', root: { type: 'always_off' } }
  const server = (path: string) => ({ kind: 1, attributes: { 'url.path': path } })

  test('the first rule that matches route, path or name decides', () => {
    const { tracer, ended } = make(on, {
      rules: [
        { match: '/health*', action: 'drop' },
        { match: 'redis PING', action: 'drop' },
        { match: '/never/*', action: { ratio: 0 } },
      ],
    })
    tracer.startSpan('GET', server('/healthz'), ROOT).end()
    tracer.startSpan('GET', server('/never/1'), ROOT).end()
    tracer.startSpan('GET', { attributes: { 'http.route': '/never/:id' } }, ROOT).end()
    const kept = tracer.startSpan('GET', server('/users'), ROOT)
    tracer.startSpan('redis PING', {}, withSpan(ROOT, kept)).end()
    kept.end()
    expect(ended.map(span => span.attributes)).toEqual([['url.path', '/users']])
  })

  test('always keeps a local root against sampler, caller and cap', () => {
    const { tracer } = make(off, { rules: [{ match: '/pay', action: 'always' }], maxPerSecond: 1 })
    for (let i = 0; i < 10; i++)
      expect(tracer.startSpan('POST', server('/pay'), remote(0)).isRecording()).toBe(true)
    expect(tracer.startSpan('POST', server('/other'), ROOT).isRecording()).toBe(false)
  })

  test('a ratio leaves traces alone that a caller decided about', () => {
    const { tracer } = make(on, { rules: [{ match: '*', action: { ratio: 0 } }] })
    expect(tracer.startSpan('x', {}, ROOT).isRecording()).toBe(false)
    expect(tracer.startSpan('x', {}, remote(1)).isRecording()).toBe(true)
  })

  test('what a rule drops is not held for keep-errors either', () => {
    const { tracer, ended } = make(off, { keepErrors: true, rules: [{ match: '/health*', action: 'drop' }] })
    tracer.startSpan('GET', server('/health'), ROOT).setStatus({ code: 2 }).end()
    tracer.startSpan('GET', server('/other'), ROOT).setStatus({ code: 2 }).end()
    expect(ended.map(span => span.attributes)).toEqual([['url.path', '/other']])
  })
})

test('extras that are off leave the plain sampler', () => {
  const plain: HeadSampler = buildSampling({ type: 'always_on' }, none).sampler
  expect(plain).toBe(buildSampler({ type: 'always_on' }))
  expect(spanOf(ROOT)).toBeUndefined()
})
