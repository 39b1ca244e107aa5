// A span is two objects. `LeanSpan` is its identity: ids, flags, and whatever a context has to keep; 104 bytes.
// `SpanRecord` is what was recorded; it is let go when the span ends, so that a context captured by a long-lived resource
// (a pooled socket, a timer) keeps an identity alive and not a request's worth of attributes.
// An unsampled span and a remote parent are LeanSpans without a record: one shape on every path.
import type {
  Attributes,
  AttributeValue,
  Exception,
  HrTime,
  Link,
  Span,
  SpanContext,
  SpanStatus,
  TimeInput,
  TraceState,
} from '@opentelemetry/api'
import type { SpanLimits } from '../config/config.ts'
import type { Redactor } from '../redact/redactor.ts'
import { describeError } from '../self/error-text.ts'
import { cleanAttributes, cleanValue, type FlatAttributes, isToBeCut, ownKeys, read } from './attributes.ts'
import { isTimeInput, monotonicMs, toEpochMs, toHrTime } from './clock.ts'
import type { CommonAttributes, EndedSpan, Scope, SpanEvent, SpanLink } from './ended-span.ts'
import { foundWords, printSpanId, printTraceId, readIds } from './ids.ts'
import type { LeanTracerProvider } from './provider.ts'
import type { LocalTrace } from './sampling/keep-errors.ts'

export const SAMPLED = 1
export const RANDOM = 2
// Not on the wire: a bit here is a field less in every span that a context keeps alive.
const REMOTE = 256
/** The trace began here with an id of ours: it is as random as RANDOM says, whether or not we say so to others. */
export const KNOWN_RANDOM = 512
const wireFlags = 255

// Up to this many attributes a linear search beats a map.
const linearSearchMax = 32

/** What a span has recorded so far; the encoder's EndedSpan once it has ended. */
export class SpanRecord implements EndedSpan {
  readonly scope: Scope
  name: string
  readonly kind: number
  readonly t0: number
  readonly t1: number
  readonly t2: number
  readonly t3: number
  readonly s0: number
  readonly s1: number
  readonly p0: number
  readonly p1: number
  readonly hasParent: boolean
  readonly parentIsRemote: boolean
  /** Bit 0 is set late on a span that was kept because its request failed. */
  flags: number
  readonly traceState: TraceState | undefined
  startMs: number
  endMs: number
  attributes: FlatAttributes
  common: CommonAttributes | null
  droppedAttributes: number
  events: SpanEvent[] | null
  droppedEvents: number
  links: SpanLink[] | null
  droppedLinks: number
  statusCode: number
  statusMessage: string
  /** Clock anchor of the local trace: epoch milliseconds = origin + monotonic milliseconds. */
  readonly origin: number
  readonly provider: LeanTracerProvider
  readonly parent: LeanSpan | undefined
  ended: boolean
  /** The process ended, or telemetry stopped, before the span did. */
  unfinished: boolean
  touched: boolean
  /** Position of each key in `attributes`, once there are many. */
  index: Map<string, number> | null
  /** Its place among the open spans (open-spans.ts). */
  slot: number

  constructor(
    provider: LeanTracerProvider,
    scope: Scope,
    name: string,
    kind: number,
    span: LeanSpan,
    parent: LeanSpan | undefined,
    keepParent: boolean,
    origin: number,
    startMs: number,
    attributes: FlatAttributes,
  ) {
    this.scope = scope
    this.name = name
    this.kind = kind
    this.t0 = span.t0
    this.t1 = span.t1
    this.t2 = span.t2
    this.t3 = span.t3
    this.s0 = span.s0
    this.s1 = span.s1
    this.p0 = parent === undefined ? 0 : parent.s0
    this.p1 = parent === undefined ? 0 : parent.s1
    this.hasParent = parent !== undefined
    this.parentIsRemote = parent === undefined ? false : parent.remote
    this.flags = span.flags & wireFlags
    this.traceState = span.traceState
    this.startMs = startMs
    this.endMs = 0
    this.attributes = attributes
    this.common = null
    this.droppedAttributes = 0
    this.events = null
    this.droppedEvents = 0
    this.links = null
    this.droppedLinks = 0
    this.statusCode = 0
    this.statusMessage = ''
    this.origin = origin
    this.provider = provider
    // Only a processor reads the parent's whole span context; otherwise it would chain finished spans together.
    this.parent = keepParent ? parent : undefined
    this.ended = false
    this.unfinished = false
    this.touched = false
    this.index = null
    this.slot = -1
  }

  /** Position of the key in `attributes`, -1 when absent. */
  find(key: string): number {
    if (this.common !== null) {
      const { attributes } = this.common
      for (let i = 0; i < attributes.length; i += 2) {
        if (attributes[i] === key) {
          this.mergeCommon()
          break
        }
      }
    }
    const flat = this.attributes
    if (flat.length <= linearSearchMax * 2) {
      for (let i = 0; i < flat.length; i += 2) if (flat[i] === key) return i
      return -1
    }
    if (this.index === null || this.index.size * 2 !== flat.length) {
      this.index = new Map()
      for (let i = 0; i < flat.length; i += 2) this.index.set(flat[i] as string, i)
    }
    return this.index.get(key) ?? -1
  }

  /** Somebody is about to change what is common to many: from here on this span has its own. */
  private mergeCommon(): void {
    if (this.common !== null) this.attributes = [...this.common.attributes, ...this.attributes]
    this.common = null
    this.index = null
  }

  /** How many more attributes the limit allows. */
  room(limits: SpanLimits): number {
    const common = this.common === null ? 0 : this.common.attributes.length
    return limits.attributeCount - (common + this.attributes.length) / 2
  }

  /** Half a URL does not show that it begins with a password: what a limit will cut is cleaned first. */
  redactBeforeCut(key: string, value: AttributeValue): AttributeValue {
    const { redactor } = this.provider
    return redactor === null ? value : (redactor.redactAttribute(key, value) as AttributeValue)
  }

  set(key: string, value: AttributeValue): void {
    const at = this.find(key)
    if (at >= 0) {
      this.attributes[at + 1] = value
    } else {
      this.index?.set(key, this.attributes.length)
      this.attributes.push(key, value)
    }
  }
}

export class LeanSpan implements Span {
  readonly t0: number
  readonly t1: number
  readonly t2: number
  readonly t3: number
  readonly s0: number
  readonly s1: number
  /**
   * W3C flags: bit 0 sampled, bit 1 random trace id. `spanContext()` shows what upstream shows. Bit 8: remote; bit 9: the
   * trace began here with a random id.
   */
  readonly flags: number
  readonly traceState: TraceState | undefined
  printed: SpanContext | null
  /** What is being recorded; null when nothing is (not sampled, remote, or ended). */
  record: SpanRecord | null

  constructor(
    t0: number,
    t1: number,
    t2: number,
    t3: number,
    s0: number,
    s1: number,
    flags: number,
    remote: boolean,
    traceState: TraceState | undefined,
  ) {
    this.t0 = t0
    this.t1 = t1
    this.t2 = t2
    this.t3 = t3
    this.s0 = s0
    this.s1 = s1
    this.flags = remote ? flags | REMOTE : flags
    this.traceState = traceState
    this.printed = null
    this.record = null
  }

  /** It came from another process. */
  get remote(): boolean {
    return (this.flags & REMOTE) !== 0
  }

  /**
   * Ids as text, printed when first asked for. `traceFlags` of a local span is SAMPLED or NONE exactly as upstream's
   * (applications compare it with `===`); the random bit travels in `flags`. A remote parent shows the flags it came with.
   */
  spanContext(): SpanContext {
    if (this.printed !== null) return this.printed
    const context: SpanContext = {
      traceId: this.traceId(),
      spanId: this.spanId(),
      traceFlags: this.flags & (this.remote ? wireFlags : SAMPLED),
    }
    if (this.remote) context.isRemote = true
    if (this.traceState !== undefined) context.traceState = this.traceState
    this.printed = context
    return context
  }

  traceId(): string {
    return printTraceId(this.t0, this.t1, this.t2, this.t3)
  }

  spanId(): string {
    return printSpanId(this.s0, this.s1)
  }

  /** Neither id is all zeros. */
  isValid(): boolean {
    return (this.t0 | this.t1 | this.t2 | this.t3) !== 0 && (this.s0 | this.s1) !== 0
  }

  isRecording(): boolean {
    return this.record !== null && !this.record.ended
  }

  setAttribute(key: string, value: AttributeValue): this {
    const record = this.record
    if (record === null || record.ended || value === undefined) return this
    if (typeof key !== 'string') {
      if (typeof key !== 'number') return this
      key = String(key)
    }
    if (key.length === 0) return this
    if (key.startsWith('url.')) record.touched = true
    const limits = record.provider.limits
    const at = record.find(key)
    if (at < 0 && record.room(limits) <= 0) {
      record.droppedAttributes++
      return this
    }
    const type = typeof value
    if (type !== 'number' && type !== 'boolean') {
      if (isToBeCut(value, limits.attributeValueLength)) value = record.redactBeforeCut(key, value)
      value = cleanValue(value, limits.attributeValueLength)
      if (value === undefined) return this
    }
    if (at >= 0) record.attributes[at + 1] = value
    else {
      record.index?.set(key, record.attributes.length)
      record.attributes.push(key, value)
    }
    return this
  }

  setAttributes(attributes: Attributes): this {
    if (this.record === null || typeof attributes !== 'object' || attributes === null) return this
    for (const key of ownKeys(attributes)) this.setAttribute(key, read(attributes, key))
    return this
  }

  /**
   * For our own instrumentation: the key is not yet on the span and the value is text, a number or a boolean.
   * Skips the search and the checks; limits still hold.
   */
  put(key: string, value: string | number | boolean): void {
    const record = this.record
    if (record === null || record.ended) return
    const limits = record.provider.limits
    if (record.room(limits) <= 0) {
      record.droppedAttributes++
      return
    }
    if (typeof value === 'string' && value.length > limits.attributeValueLength) {
      value = (record.redactBeforeCut(key, value) as string).substring(0, limits.attributeValueLength)
    }
    record.attributes.push(key, value)
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    const record = this.record
    if (record === null || record.ended) return this
    const limits = record.provider.limits
    if (limits.eventCount === 0) {
      record.droppedEvents++
      return this
    }
    if (isTimeInput(attributesOrTime)) {
      if (!isTimeInput(time)) time = attributesOrTime
      attributesOrTime = undefined
    }
    const { attributes, dropped } = cleanAttributes(
      attributesOrTime,
      limits.attributePerEventCount,
      limits.attributeValueLength,
      true,
      record.provider.redactor,
    )
    const events = (record.events ??= [])
    if (events.length >= limits.eventCount) {
      events.shift()
      record.droppedEvents++
    }
    events.push({
      name: toText(name),
      timeMs: time === undefined ? record.origin + monotonicMs() : toEpochMs(time, record.origin),
      attributes,
      droppedAttributes: dropped,
    })
    return this
  }

  addLink(link: Link): this {
    const record = this.record
    if (record === null || record.ended) return this
    const limits = record.provider.limits
    const cleaned = limits.linkCount === 0 ? undefined : cleanLink(link, limits, record.provider.redactor)
    if (cleaned === undefined) {
      record.droppedLinks++
      return this
    }
    const links = (record.links ??= [])
    if (links.length >= limits.linkCount) {
      links.shift()
      record.droppedLinks++
    }
    links.push(cleaned)
    return this
  }

  addLinks(links: Link[]): this {
    if (Array.isArray(links)) for (const link of links) this.addLink(link)
    return this
  }

  /** OK is final, UNSET is ignored, a message is kept with ERROR only. */
  setStatus(status: SpanStatus): this {
    const record = this.record
    if (record === null || record.ended || typeof status !== 'object' || status === null) return this
    const code = read(status, 'code')
    if ((code !== 1 && code !== 2) || record.statusCode === 1) return this
    const message = code === 2 ? read(status, 'message') : undefined
    record.statusCode = code
    record.statusMessage = typeof message === 'string' ? message : ''
    return this
  }

  updateName(name: string): this {
    const record = this.record
    if (record !== null && !record.ended) record.name = typeof name === 'string' ? name : toText(name)
    return this
  }

  /**
   * An `exception` event with type (code before name), message and stack trace, as upstream's SDK writes it.
   */
  recordException(exception: Exception, time?: TimeInput): void {
    const record = this.record
    if (record === null || record.ended) return
    const { type, message, stack } = describeError(exception)
    const attributes: Attributes = {}
    if (type !== '') attributes['exception.type'] = type
    if (message !== '') attributes['exception.message'] = message
    if (stack !== '') attributes['exception.stacktrace'] = stack
    if (attributes['exception.type'] || attributes['exception.message']) {
      this.addEvent('exception', attributes, time)
    }
  }

  /** Ends the span and hands it on. A second call does nothing; an end before the start becomes the start. */
  end(endTime?: TimeInput): void {
    const record = this.record
    if (record === null || record.ended) return
    const endMs = endTime === undefined ? record.origin + monotonicMs() : toEpochMs(endTime, record.origin)
    record.endMs = Math.max(endMs, record.startMs)
    record.provider.ending(this, record)
  }

  // Upstream's ReadableSpan, for processors and for code that looks into the active span. Costs nothing until read.
  // After the end only a span that went through a processor still has its record.
  get name(): string {
    return this.record?.name ?? ''
  }
  get kind(): number {
    return this.record?.kind ?? 0
  }
  get parentSpanContext(): SpanContext | undefined {
    return this.record?.parent?.spanContext()
  }
  get startTime(): HrTime {
    return toHrTime(this.record?.startMs ?? 0)
  }
  get endTime(): HrTime {
    return toHrTime(this.record?.endMs ?? 0)
  }
  get duration(): HrTime {
    const record = this.record
    return record?.ended ? toHrTime(record.endMs - record.startMs) : [-1, -1]
  }
  get ended(): boolean {
    return this.record === null || this.record.ended
  }
  get status(): SpanStatus {
    const record = this.record
    if (record === null) return { code: 0 }
    return record.statusMessage === ''
      ? { code: record.statusCode }
      : { code: record.statusCode, message: record.statusMessage }
  }
  get attributes(): Attributes {
    const object: Attributes = {}
    const record = this.record
    if (record === null) return object
    for (const flat of [record.common?.attributes ?? [], record.attributes])
      for (let i = 0; i < flat.length; i += 2) object[flat[i] as string] = flat[i + 1] as AttributeValue
    return object
  }
  get events(): { name: string; time: HrTime; attributes?: Attributes; droppedAttributesCount?: number }[] {
    return (this.record?.events ?? []).map(event => ({
      name: event.name,
      time: toHrTime(event.timeMs),
      ...(event.attributes && {
        attributes: event.attributes,
        droppedAttributesCount: event.droppedAttributes,
      }),
    }))
  }
  get links(): Link[] {
    return (this.record?.links ?? []).map(link => ({
      context: {
        traceId: printTraceId(link.t0, link.t1, link.t2, link.t3),
        spanId: printSpanId(link.s0, link.s1),
        traceFlags: link.traceFlags,
        ...(link.isRemote !== undefined && { isRemote: link.isRemote }),
        ...(link.traceState !== undefined && { traceState: link.traceState }),
      },
      ...(link.attributes && { attributes: link.attributes, droppedAttributesCount: link.droppedAttributes }),
    }))
  }
  get droppedAttributesCount(): number {
    return this.record?.droppedAttributes ?? 0
  }
  get droppedEventsCount(): number {
    return this.record?.droppedEvents ?? 0
  }
  get droppedLinksCount(): number {
    return this.record?.droppedLinks ?? 0
  }
  get instrumentationScope(): Scope | undefined {
    return this.record?.scope
  }
  get resource(): unknown {
    return this.record?.provider.resource
  }
}

/** An unsampled span that is recorded until its local root ends (`keep-errors`). */
export class HeldSpan extends LeanSpan {
  readonly local: LocalTrace

  constructor(span: LeanSpan, local: LocalTrace) {
    super(span.t0, span.t1, span.t2, span.t3, span.s0, span.s1, span.flags, false, span.traceState)
    this.local = local
  }
}

/** What stands for "no span" where a span is required: zero ids, records nothing. */
export const INVALID_SPAN = new LeanSpan(0, 0, 0, 0, 0, 0, 0, false, undefined)

/** A remote or foreign span context as a LeanSpan; undefined when its ids are not valid. */
export function fromSpanContext(context: SpanContext): LeanSpan | undefined {
  const { traceId, spanId, traceFlags, traceState } = context
  if (!readIds(traceId, spanId)) return undefined
  const words = foundWords
  const span = new LeanSpan(
    words[0] as number,
    words[1] as number,
    words[2] as number,
    words[3] as number,
    words[4] as number,
    words[5] as number,
    typeof traceFlags === 'number' ? traceFlags & 255 : 0,
    context.isRemote === true,
    traceState ?? undefined,
  )
  return span.isValid() ? span : undefined
}

/** The valid LeanSpan behind any span: our own as it is, a foreign one by its span context. Never throws. */
export function toLeanSpan(span: Span | undefined | null): LeanSpan | undefined {
  if (span === undefined || span === null) return undefined
  if (span instanceof LeanSpan) return span.isValid() ? span : undefined
  try {
    return fromSpanContext(span.spanContext())
  } catch {
    return undefined
  }
}

/** A link as it is kept; undefined when it has no span context. */
export function cleanLink(
  link: Link,
  { attributePerLinkCount, attributeValueLength }: SpanLimits,
  redactor: Redactor | null,
): SpanLink | undefined {
  try {
    const { traceId, spanId, traceFlags, traceState, isRemote } = link.context
    const { attributes, dropped } = cleanAttributes(
      link.attributes,
      attributePerLinkCount,
      attributeValueLength,
      false,
      redactor,
    )
    if (!readIds(traceId, spanId)) return undefined
    const words = foundWords
    return {
      t0: words[0] as number,
      t1: words[1] as number,
      t2: words[2] as number,
      t3: words[3] as number,
      s0: words[4] as number,
      s1: words[5] as number,
      traceFlags: typeof traceFlags === 'number' ? traceFlags & 255 : 0,
      traceState: traceState ?? undefined,
      isRemote,
      attributes,
      droppedAttributes: dropped,
    }
  } catch {
    return undefined
  }
}

/** Text of anything: what an object prints may take forever, so objects say only what they are. Never throws. */
export function toText(value: unknown): string {
  if (typeof value === 'string') return value
  try {
    if (typeof value !== 'object' && typeof value !== 'function') return String(value)
    return value instanceof Error ? `${value.name}: ${value.message}` : Object.prototype.toString.call(value)
  } catch {
    return ''
  }
}
