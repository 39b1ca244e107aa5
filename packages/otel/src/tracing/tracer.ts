// The API's Tracer, and `make`, the way in for our own instrumentation: no options object, no cleaning, no closures.
import type { AttributeValue, Context, Link, Span, SpanOptions, TimeInput, Tracer } from '@opentelemetry/api'
import type { SpanLimits } from '../config/config.ts'
import { printError } from '../self/error-text.ts'
import { say } from '../self/log.ts'
import { cleanValue, type FlatAttributes, isToBeCut, ownKeys, read } from './attributes.ts'
import { clockOrigin, monotonicMs, toEpochMs } from './clock.ts'
import { active, isSuppressed, LeanContext, ROOT, spanOf, withContext, withSpan } from './context.ts'
import type { Scope, SpanLink } from './ended-span.ts'
import { randomWord } from './ids.ts'
import type { IdGenerator, LeanTracerProvider } from './provider.ts'
import type { LocalTrace } from './sampling/keep-errors.ts'
import { DROP, RECORD_AND_SAMPLE, RECORD_ONLY } from './sampling/sampler.ts'
import {
  cleanLink,
  fromSpanContext,
  HeldSpan,
  INVALID_SPAN,
  KNOWN_RANDOM,
  LeanSpan,
  RANDOM,
  SAMPLED,
  SpanRecord,
  toLeanSpan,
  toText,
} from './span.ts'

const noAttributes: FlatAttributes = []

/** Either says that the trace id is random; a child has them from its parent. */
const randomBits = RANDOM | KNOWN_RANDOM

export class LeanTracer implements Tracer {
  readonly provider: LeanTracerProvider
  readonly scope: Scope

  constructor(provider: LeanTracerProvider, scope: Scope) {
    this.provider = provider
    this.scope = scope
  }

  startSpan(name: string, options?: SpanOptions, context?: Context): Span {
    const ctx = isContext(context) ? context : active()
    if (isSuppressed(ctx)) return INVALID_SPAN
    const parent = options?.root === true ? undefined : toLeanSpan(spanOf(ctx))
    if (options === undefined || options === null) {
      return touch(this.begin(toText(name), 0, parent, [], 0, null, 0, ctx, undefined))
    }
    const attributes: FlatAttributes = []
    const dropped = flatten(options.attributes, attributes)
    const { links, lost } = flattenLinks(options.links, this.provider)
    return touch(
      this.begin(
        toText(name),
        toKind(options.kind),
        parent,
        attributes,
        dropped,
        links,
        lost,
        ctx,
        options.startTime ?? undefined,
      ),
    )
  }

  startActiveSpan<F extends (span: Span) => unknown>(name: string, fn: F): ReturnType<F>
  startActiveSpan<F extends (span: Span) => unknown>(name: string, options: SpanOptions, fn: F): ReturnType<F>
  startActiveSpan<F extends (span: Span) => unknown>(
    name: string,
    options: SpanOptions,
    context: Context,
    fn: F,
  ): ReturnType<F>
  startActiveSpan(name: string, ...rest: unknown[]): unknown {
    const fn = rest[Math.min(rest.length, 3) - 1] as ((span: Span) => unknown) | undefined
    if (rest.length === 0) return undefined
    const options = rest.length > 1 ? (rest[0] as SpanOptions) : undefined
    const context = rest.length > 2 ? (rest[1] as Context) : undefined
    const ctx = isContext(context) ? context : active()
    const span = this.startSpan(name, options, ctx)
    return withContext(withSpan(ctx, span), fn as (span: Span) => unknown, undefined, span)
  }

  /** Whether anybody would see a span; for instrumentation that wants to skip costly attributes. */
  isEnabled(): boolean {
    return !this.provider.stopped
  }

  /**
   * Starts a span for our own instrumentation. The caller has checked `isSuppressed(context)`, hands over `attributes`
   * (a fresh flat array of valid values, kept by the span) and gives a parent that is a LeanSpan or nothing.
   *
   *     const span = tracer.make('GET', SpanKind.SERVER, remoteParent, ['url.path', '/a'], ctx)
   *     if (span.record !== null) span.put('http.route', '/a')
   *     span.end()
   *
   * `startMs`: milliseconds since the epoch, 0 for now. `context` is what a user's Sampler and processors get to see.
   */
  make(
    name: string,
    kind: number,
    parent: LeanSpan | undefined,
    attributes: FlatAttributes = [],
    context: Context = ROOT,
    startMs = 0,
  ): LeanSpan {
    return this.begin(
      name,
      kind,
      parent,
      attributes,
      0,
      null,
      0,
      context,
      startMs === 0 ? undefined : startMs,
    )
  }

  private begin(
    name: string,
    kind: number,
    parent: LeanSpan | undefined,
    attributes: FlatAttributes,
    droppedAttributes: number,
    links: SpanLink[] | null,
    droppedLinks: number,
    context: Context,
    start: TimeInput | undefined,
  ): LeanSpan {
    const provider = this.provider
    if (provider.stopped) return passOn(parent)
    let t0: number
    let t1: number
    let t2: number
    let t3: number
    let s0: number
    let s1: number
    let random: number
    if (provider.idGenerator === undefined) {
      s0 = randomWord()
      s1 = randomWord() || 1
      if (parent === undefined) {
        t0 = randomWord()
        t1 = randomWord()
        t2 = randomWord()
        t3 = randomWord() || 1
        random = provider.rootFlags
      } else {
        t0 = parent.t0
        t1 = parent.t1
        t2 = parent.t2
        t3 = parent.t3
        random = parent.flags & randomBits
      }
    } else {
      const ids = generateIds(provider, provider.idGenerator, parent)
      t0 = ids.t0
      t1 = ids.t1
      t2 = ids.t2
      t3 = ids.t3
      s0 = ids.s0
      s1 = ids.s1
      random = ids.flags
    }

    const { question, sampler } = provider
    const { readsDetails } = sampler
    if (readsDetails) {
      question.context = context
      question.name = name
      question.kind = kind
      question.attributes = attributes
      question.links = links
    }
    question.parent = parent
    question.t0 = t0
    question.t1 = t1
    question.t2 = t2
    question.t3 = t3
    question.random = random !== 0
    question.traceState = parent === undefined ? undefined : parent.traceState
    question.added = null
    question.final = false
    const decision = sampler.decide(question)
    const { traceState, added } = question
    // The question outlives the request: it must not keep anything of it.
    if (readsDetails) {
      question.context = ROOT
      question.attributes = noAttributes
      question.links = null
    }
    question.parent = undefined
    question.traceState = undefined
    question.added = null

    const flags = decision === RECORD_AND_SAMPLE ? random | SAMPLED : random
    let span = new LeanSpan(t0, t1, t2, t3, s0, s1, flags, false, traceState)
    let result = decision
    if (decision === DROP && provider.keepErrors !== null) {
      const held = hold(span, parent, provider)
      if (held !== undefined) {
        span = held
        result = RECORD_ONLY
      }
    }
    provider.stats.started[(parent === undefined ? 0 : parent.remote ? 2 : 1) * 3 + result]!++
    if (result === DROP) return span

    provider.stats.live[result]!++
    // A child keeps the clock of its parent, so that a corrected wall clock cannot put it before the parent.
    const now = monotonicMs()
    const origin = parent !== undefined && parent.record !== null ? parent.record.origin : clockOrigin(now)
    const record = new SpanRecord(
      provider,
      this.scope,
      name,
      kind,
      span,
      parent,
      provider.processors !== null,
      origin,
      start === undefined ? origin + now : toEpochMs(start, origin),
      attributes,
    )
    span.record = record
    provider.open.add(span, record)
    record.droppedAttributes = droppedAttributes
    if (added !== null) addSampled(record, added)
    if (attributes.length > 0) applyLimits(record, provider.limits)
    if (links !== null) {
      const excess = links.length - provider.limits.linkCount
      record.links = excess > 0 ? links.slice(excess) : links
      record.droppedLinks = droppedLinks + Math.max(excess, 0)
    } else {
      record.droppedLinks = droppedLinks
    }
    if (provider.processors !== null) provider.started(span, context)
    return span
  }
}

/** Made through the API: whatever it says, it is not ours. */
function touch(span: LeanSpan): LeanSpan {
  if (span.record !== null) span.record.touched = true
  return span
}

/** What the API's tracer without an SDK gives: nothing is recorded, and the context of the parent travels on. */
function passOn(parent: LeanSpan | undefined): LeanSpan {
  if (parent === undefined) return INVALID_SPAN
  const { t0, t1, t2, t3, s0, s1, flags, traceState } = parent
  return new LeanSpan(t0, t1, t2, t3, s0, s1, flags & (SAMPLED | RANDOM), false, traceState)
}

/** The unsampled span as one that is recorded all the same, until its local root ends; undefined when it is not to be. */
function hold(
  span: LeanSpan,
  parent: LeanSpan | undefined,
  provider: LeanTracerProvider,
): HeldSpan | undefined {
  const { keepErrors, question } = provider
  if (keepErrors === null || question.final) return undefined
  const now = monotonicMs()
  const nowMs = clockOrigin(now) + now
  let local: LocalTrace | null = null
  if (parent === undefined || parent.remote) local = keepErrors.begin(nowMs)
  else if (parent instanceof HeldSpan && parent.local.admit(nowMs)) local = parent.local
  return local === null ? undefined : new HeldSpan(span, local)
}

function isContext(value: unknown): value is Context {
  return value instanceof LeanContext || typeof (value as Context | null | undefined)?.getValue === 'function'
}

function toKind(kind: unknown): number {
  return typeof kind === 'number' && kind >= 0 && kind <= 4 ? kind | 0 : 0
}

/** Copies what may be kept into `flat`, uncut; returns how many could not be. */
function flatten(attributes: unknown, flat: FlatAttributes): number {
  if (typeof attributes !== 'object' || attributes === null) return 0
  let dropped = 0
  for (const key of ownKeys(attributes)) {
    const value = read(attributes, key)
    if (value === undefined) continue
    const type = typeof value
    const kept =
      type === 'string' || type === 'number' || type === 'boolean'
        ? value
        : cleanValue(value, Number.POSITIVE_INFINITY)
    if (kept === undefined || key.length === 0) dropped++
    else flat.push(key, kept)
  }
  return dropped
}

function flattenLinks(
  links: Link[] | undefined,
  { limits, redactor }: LeanTracerProvider,
): { links: SpanLink[] | null; lost: number } {
  if (!Array.isArray(links) || links.length === 0) return { links: null, lost: 0 }
  const kept: SpanLink[] = []
  for (const link of links) {
    const cleaned = cleanLink(link, limits, redactor)
    if (cleaned !== undefined) kept.push(cleaned)
  }
  return { links: kept, lost: links.length - kept.length }
}

function addSampled(record: SpanRecord, added: FlatAttributes): void {
  for (let i = 0; i < added.length; i += 2) record.set(added[i] as string, added[i + 1])
}

function applyLimits(record: SpanRecord, limits: SpanLimits): void {
  const flat = record.attributes
  const most = limits.attributeCount * 2
  if (flat.length > most) {
    record.droppedAttributes += (flat.length - most) / 2
    flat.length = most
    record.index = null
  }
  if (limits.attributeValueLength === Number.POSITIVE_INFINITY) return
  for (let i = 1; i < flat.length; i += 2) {
    let value = flat[i] as AttributeValue
    if (isToBeCut(value, limits.attributeValueLength))
      value = record.redactBeforeCut(flat[i - 1] as string, value)
    flat[i] = cleanValue(value, limits.attributeValueLength)
  }
}

const saidBadIds = 'the IdGenerator gave no valid id; generating one instead'

/** Ids from the application's generator; ours where it fails. Its ids are not known to be random. */
function generateIds(
  provider: LeanTracerProvider,
  generator: IdGenerator,
  parent: LeanSpan | undefined,
): LeanSpan {
  let span: LeanSpan | undefined
  try {
    span = fromSpanContext({
      traceId: parent === undefined ? generator.generateTraceId() : parent.traceId(),
      spanId: generator.generateSpanId(),
      traceFlags: parent === undefined ? 0 : parent.flags & RANDOM,
    })
  } catch (error) {
    say('warn', 'ORG_OTEL_ID_GENERATOR', `${saidBadIds} (${printError(error)})`)
  }
  if (span !== undefined) return span
  say('warn', 'ORG_OTEL_ID_GENERATOR', saidBadIds)
  return parent === undefined
    ? ownIds(randomWord(), randomWord(), randomWord(), randomWord() || 1, provider.rootFlags)
    : ownIds(parent.t0, parent.t1, parent.t2, parent.t3, parent.flags & randomBits)
}

function ownIds(t0: number, t1: number, t2: number, t3: number, flags: number): LeanSpan {
  return new LeanSpan(t0, t1, t2, t3, randomWord(), randomWord() || 1, flags, false, undefined)
}
