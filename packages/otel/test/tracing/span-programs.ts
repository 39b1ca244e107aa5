// Random span programs from a seed: what an application may do with the tracing API, as data, so that the same program can
// be run under two SDKs. Values that are known to be treated differently on purpose are not generated here; they have
// their own cases in differential.test.ts.
import type { Attributes, Context, Link, Span, SpanContext, TimeInput, Tracer } from '@opentelemetry/api'
import { createContextKey, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { suppressTracing, TraceState } from '@opentelemetry/core'

export type Random = () => number

/** mulberry32: small, good enough, the same everywhere. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export function pick<T>(random: Random, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T
}

function upTo(random: Random, most: number): number {
  return Math.floor(random() * (most + 1))
}

/** 2020-01-01T00:00:00Z: explicit times lie around it, far from the clock. */
export const past = 1_577_836_800_000

type Step =
  | { do: 'setAttribute'; key: string; value: unknown }
  | { do: 'setAttributes'; attributes: Attributes }
  | { do: 'addEvent'; args: unknown[] }
  | { do: 'addLink'; link: Link }
  | { do: 'addLinks'; links: Link[] }
  | { do: 'setStatus'; status: { code: number; message?: unknown } }
  | { do: 'updateName'; name: string }
  | { do: 'recordException'; exception: unknown; time: TimeInput | undefined }
  | { do: 'end'; time: TimeInput | undefined }
  | { do: 'startChild' }

export interface SpanPlan {
  name: string
  options: Record<string, unknown> | undefined
  /** Index of an earlier span, or where else the parent comes from. */
  parent: number | 'none' | SpanContext
  suppressed: boolean
  foreignContext: boolean
  steps: Step[]
}

export interface Program {
  limits: {
    attributeCount: number
    attributeValueLength: number
    eventCount: number
    linkCount: number
    attributePerEventCount: number
    attributePerLinkCount: number
  }
  spans: SpanPlan[]
}

const keys = ['a', 'b', 'http.route', 'key with space', 'ключ', '5', 'x'.repeat(300), '']

function cyclic(): unknown {
  const cycle: Record<string, unknown> = { a: 1 }
  cycle.self = cycle
  return cycle
}

function anyValue(random: Random, depth = 0): unknown {
  const makers: (() => unknown)[] = [
    () => 'text',
    () => '',
    () => 'ünïcödé 💥'.repeat(upTo(random, 4)),
    () => 'long'.repeat(50),
    () => upTo(random, 1000),
    () => -1.5,
    () => Number.NaN,
    () => Number.POSITIVE_INFINITY,
    () => -0,
    () => 2 ** 53,
    () => random() < 0.5,
    () => null,
    () => undefined,
    () => ['a', 'bcdefghij', ''],
    () => [1, 2, null, 3],
    () => [undefined, 'a'],
    () => [],
    () => [1, 'mixed', true],
    () => [[1], ['nested']],
    () => new Uint8Array([1, 2, 3, 4, 5]),
    () => Buffer.from('bytes'),
    () => new Date(past),
    () => new Map([['a', 1]]),
    () => /regexp/,
    () => 10n,
    () => Symbol('s'),
    () => () => 1,
    () => [Symbol('in array')],
    () => [10n],
    cyclic,
    () => Object.create(null, { bare: { value: 1, enumerable: true } }) as unknown,
    () => new Error('as a value'),
  ]
  if (depth < 3) {
    makers.push(
      () => ({ nested: anyValue(random, depth + 1), other: anyValue(random, depth + 1) }),
      () => [anyValue(random, depth + 1), anyValue(random, depth + 1)],
    )
  }
  return pick(random, makers)()
}

function someAttributes(random: Random): Attributes | undefined {
  if (random() < 0.2) return undefined
  const attributes: Attributes = {}
  const count = upTo(random, random() < 0.1 ? 40 : 6)
  for (let i = 0; i < count; i++) {
    attributes[random() < 0.5 ? pick(random, keys) : `k${upTo(random, 60)}`] = anyValue(random)
  }
  return attributes
}

function someTime(random: Random): TimeInput | undefined {
  const offset = upTo(random, 100_000)
  return pick<() => TimeInput | undefined>(random, [
    () => undefined,
    () => past + offset,
    () => past + offset + 0.25,
    () => new Date(past + offset),
    () => [past / 1000 + upTo(random, 100), upTo(random, 999) * 1_000_000],
    () => upTo(random, 20),
    () => 'not a time' as unknown as TimeInput,
    () => [1] as unknown as TimeInput,
  ])()
}

function hex(random: Random, length: number): string {
  let text = ''
  while (text.length < length) text += '0123456789abcdef'[upTo(random, 15)]
  return text
}

function someSpanContext(random: Random): SpanContext {
  return {
    traceId: hex(random, 32),
    spanId: hex(random, 16),
    traceFlags: upTo(random, 1),
    ...(random() < 0.7 && { isRemote: random() < 0.8 }),
    ...(random() < 0.3 && { traceState: new TraceState('vendor=value,other=1') }),
  }
}

function someLink(random: Random): Link {
  const attributes = someAttributes(random)
  return { context: someSpanContext(random), ...(attributes && { attributes }) }
}

function someException(random: Random): unknown {
  return pick<() => unknown>(random, [
    () => 'only text',
    () => '',
    () => Object.assign(new Error('with code'), { code: 'ECODE', stack: 'Error: with code\n    at x' }),
    () => Object.assign(new TypeError('typed'), { stack: 'TypeError: typed' }),
    () => ({ code: 42 }),
    () => ({ name: 'OnlyName' }),
    () => ({ message: 'only message' }),
    () => null,
    () => undefined,
  ])()
}

function someStep(random: Random): Step {
  return pick<() => Step>(random, [
    () => ({ do: 'setAttribute', key: pick(random, keys), value: anyValue(random) }),
    () => ({ do: 'setAttribute', key: `k${upTo(random, 60)}`, value: anyValue(random) }),
    () => ({ do: 'setAttributes', attributes: someAttributes(random) ?? {} }),
    () => ({
      do: 'addEvent',
      args: pick<unknown[]>(random, [
        ['event'],
        ['event', someAttributes(random)],
        ['event', someAttributes(random), someTime(random)],
        ['event', someTime(random)],
        ['event', someTime(random), someTime(random)],
      ]),
    }),
    () => ({ do: 'addLink', link: someLink(random) }),
    () => ({ do: 'addLinks', links: Array.from({ length: upTo(random, 5) }, () => someLink(random)) }),
    () => ({
      do: 'setStatus',
      status: pick<{ code: number; message?: unknown }>(random, [
        { code: 0 },
        { code: 0, message: 'ignored' },
        { code: 1 },
        { code: 1, message: 'ignored too' },
        { code: 2 },
        { code: 2, message: 'broken' },
        { code: 2, message: 5 },
      ]),
    }),
    () => ({ do: 'updateName', name: pick(random, ['renamed', '', 'GET /users/:id']) }),
    () => ({ do: 'recordException', exception: someException(random), time: someTime(random) }),
    () => ({ do: 'startChild' }),
  ])()
}

export function makeProgram(seed: number): Program {
  const random = randomFrom(seed)
  const limit = (usual: number) => (random() < 0.5 ? usual : upTo(random, 5))
  const spans: SpanPlan[] = []
  const count = 1 + upTo(random, 7)
  for (let i = 0; i < count; i++) {
    const steps = Array.from({ length: upTo(random, 12) }, () => someStep(random))
    if (random() < 0.95) steps.push({ do: 'end', time: someTime(random) })
    if (random() < 0.2) steps.push(someStep(random), { do: 'end', time: someTime(random) })
    const options: Record<string, unknown> = {}
    if (random() < 0.7) options.kind = upTo(random, 4)
    if (random() < 0.8) options.attributes = someAttributes(random)
    if (random() < 0.4) options.links = Array.from({ length: upTo(random, 8) }, () => someLink(random))
    if (random() < 0.4) options.startTime = someTime(random)
    if (random() < 0.1) options.root = true
    spans.push({
      name: pick(random, ['GET', 'query', '', 'name with 💥']),
      options: random() < 0.1 ? undefined : options,
      parent:
        i > 0 && random() < 0.6 ? upTo(random, i - 1) : random() < 0.4 ? someSpanContext(random) : 'none',
      suppressed: random() < 0.05,
      foreignContext: random() < 0.3,
      steps,
    })
  }
  return {
    limits: {
      attributeCount: limit(128),
      attributeValueLength: random() < 0.5 ? Number.POSITIVE_INFINITY : upTo(random, 12),
      eventCount: limit(128),
      linkCount: limit(128),
      attributePerEventCount: limit(128),
      attributePerLinkCount: limit(128),
    },
    spans,
  }
}

/** Runs the program; `root` is the SDK's own idea of an empty context. */
export function runProgram(program: Program, tracer: Tracer, root: Context): Span[] {
  const started: Span[] = []
  const foreignKey = createContextKey('of the application')
  for (const plan of program.spans) {
    let context = (plan.foreignContext ? ROOT_CONTEXT : root).setValue(foreignKey, 1)
    if (typeof plan.parent === 'number') context = trace.setSpan(context, started[plan.parent] as Span)
    else if (plan.parent !== 'none') context = trace.setSpanContext(context, plan.parent)
    if (plan.suppressed) context = suppressTracing(context)
    const span = tracer.startSpan(plan.name, plan.options, context)
    started.push(span)
    for (const step of plan.steps) {
      switch (step.do) {
        case 'setAttribute':
          span.setAttribute(step.key, step.value)
          break
        case 'setAttributes':
          span.setAttributes(step.attributes)
          break
        case 'addEvent':
          span.addEvent(...(step.args as Parameters<Span['addEvent']>))
          break
        case 'addLink':
          span.addLink(step.link)
          break
        case 'addLinks':
          span.addLinks(step.links)
          break
        case 'setStatus':
          span.setStatus(step.status as Parameters<Span['setStatus']>[0])
          break
        case 'updateName':
          span.updateName(step.name)
          break
        case 'recordException':
          span.recordException(step.exception as Parameters<Span['recordException']>[0], step.time)
          break
        case 'startChild':
          tracer.startSpan('child', {}, trace.setSpan(context, span)).end()
          break
        case 'end':
          span.end(step.time)
          break
      }
    }
  }
  return started
}
