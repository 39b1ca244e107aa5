// Sending: one `send` span per topic per call, its context in the headers of copies of the caller's messages.
//
//   send({ topic, messages })  ->  beginSend: span, copies   ->  the client's own send   ->  Send.end: result, metrics

import { types } from 'node:util'
import {
  type Attributes,
  type Context,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { findErrorType } from './errors.ts'
import { readKey, readOffset, readPartition, startAttributes } from './facts.ts'
import { guard, swallow } from './guard.ts'
import { type Encode, type HeaderPairs, mentions, Replaced, writeHeaders } from './headers.ts'
import { maxLinks } from './links.ts'
import { getNames } from './names.ts'
import type { HookInfo } from './options.ts'
import { collectPairs, extractAny, validSpanContext } from './propagate.ts'
import type { ClientState } from './registry.ts'
import { getTracer, instruments } from './telemetry.ts'

/** A message on its way out, in any client's shape. */
export interface OutgoingMessage {
  readonly key?: unknown
  readonly value?: unknown
  readonly headers?: unknown
  readonly partition?: unknown
}

/** What the broker said about the only message of a send. */
export interface Acknowledged {
  readonly partition: unknown
  readonly offset: unknown
}

/** How a client wants header names and values; `undefined` when nothing can be written safely. */
export interface HeaderEncoding {
  readonly name: Encode
  readonly value: Encode
}

const sameText: HeaderEncoding = { name: text => text, value: text => text }

/** One send to one topic that is under way. */
export class Send {
  /** Copies with headers, in the order of the originals; an untouched message is the original itself. */
  readonly messages: readonly unknown[]
  private readonly topic: string
  private readonly span: Span
  /** Holds the span: an exemplar of the duration points to it. */
  private readonly context: Context
  private readonly startedMs: number
  private ended = false

  constructor(topic: string, messages: readonly unknown[], span: Span, within: Context, startedMs: number) {
    this.topic = topic
    this.messages = messages
    this.span = span
    this.context = within
    this.startedMs = startedMs
  }

  succeed(acknowledged?: Acknowledged): void {
    this.finish(undefined, acknowledged)
  }

  fail(error: unknown): void {
    const type = findErrorType(error)
    guard('record the error of a send', () => recordFailure(this.span, error, type))
    this.finish(type, undefined)
  }

  private finish(errorType: string | undefined, acknowledged: Acknowledged | undefined): void {
    if (this.ended) return
    this.ended = true
    try {
      if (acknowledged && this.messages.length === 1) {
        const partition = readPartition(acknowledged.partition)
        if (partition !== undefined) this.span.setAttribute('messaging.destination.partition.id', partition)
        const offset = readOffset(acknowledged.offset)
        if (offset !== undefined) {
          const attributes: Attributes = {}
          getNames().put(attributes, 'offset', offset)
          this.span.setAttributes(attributes)
        }
      }
      this.record(errorType)
      this.span.end()
    } catch (error) {
      swallow('end of a send', error)
    }
  }

  private record(errorType: string | undefined): void {
    const meters = instruments()
    if (!meters) return
    const series = meters.sends.find(this.topic, undefined, errorType)
    series.messages += this.messages.length
    meters.recordSend((performance.now() - this.startedMs) / 1000, series, this.span, this.context)
  }
}

export function recordFailure(span: Span, error: unknown, type: string): void {
  span.setAttribute('error.type', type)
  if (error instanceof Error || types.isNativeError(error)) {
    span.recordException(error)
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
  } else {
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
}

/**
 * Starts the span of one send to one topic and prepares what goes on the wire.
 * Undefined when that failed: the caller's own objects are to be sent then.
 *
 * @param encoding null when no header can be written through this client's serializers
 */
export function beginSend(
  state: ClientState,
  topic: string,
  messages: readonly unknown[],
  active: Context,
  encoding: HeaderEncoding | null = sameText,
): Send | undefined {
  return guard('begin of a send', () => {
    const { settings } = state
    if (state.within) active = trace.setSpan(active, state.within)
    const injects = settings.propagation && encoding !== null
    const existing = injects ? readExisting(messages, active) : undefined
    const preserved = settings.existingContext === 'preserve' ? existing?.contexts : undefined
    const ownsContext = injects && !settings.createSpans && !isEvery(preserved, messages.length)
    const startedMs = performance.now()
    const links = existing?.links ?? []
    const creations = settings.createSpans
      ? startCreations(state, topic, messages, active, preserved, links)
      : undefined
    const span = getTracer().startSpan(
      `send ${topic}`,
      {
        kind: ownsContext ? SpanKind.PRODUCER : SpanKind.CLIENT,
        attributes: sendAttributes(state, topic, messages),
        links,
      },
      active,
    )
    try {
      const within = trace.setSpan(active, span)
      const outgoing = injects ? inject(messages, within, creations, preserved, encoding) : messages
      if (settings.producerHook) callHook(settings.producerHook, messages, topic, span, creations)
      for (const creation of creations ?? []) creation?.end()
      return new Send(topic, outgoing, span, within, startedMs)
    } catch (error) {
      span.end()
      throw error
    }
  })
}

function sendAttributes(state: ClientState, topic: string, messages: readonly unknown[]): Attributes {
  const attributes = startAttributes('send', state.facts, topic)
  if (messages.length === 1) {
    putMessage(attributes, state, messages[0])
    return attributes
  }
  attributes['messaging.batch.message_count'] = messages.length
  const partition = samePartition(messages)
  if (partition !== undefined) attributes['messaging.destination.partition.id'] = partition
  return attributes
}

function putMessage(attributes: Attributes, state: ClientState, message: unknown): void {
  if (message === null || typeof message !== 'object') return
  const { key, value, partition } = message as OutgoingMessage
  const names = getNames()
  const id = readPartition(partition)
  if (id !== undefined) attributes['messaging.destination.partition.id'] = id
  const text = readKey(key, state.settings)
  if (text !== undefined) names.put(attributes, 'key', text)
  if (value === null) names.put(attributes, 'tombstone', true)
}

/** The partition that every message names, if they all name the same one. */
function samePartition(messages: readonly unknown[]): string | undefined {
  const first = (messages[0] as OutgoingMessage | null | undefined)?.partition
  if (first === undefined) return undefined
  const same = messages.every(message => (message as OutgoingMessage | null)?.partition === first)
  return same ? readPartition(first) : undefined
}

interface Existing {
  /** By message index: the context its headers carry already. */
  readonly contexts: ReadonlyMap<number, SpanContext>
  readonly links: Link[]
}

/** Contexts that forwarded headers still carry. They are linked unless they belong to the trace at work anyway. */
function readExisting(messages: readonly unknown[], active: Context): Existing | undefined {
  let fields: Replaced | undefined
  let contexts: Map<number, SpanContext> | undefined
  const links: Link[] = []
  const seen = new Set<string>()
  const own = trace.getSpanContext(active)?.traceId
  for (let i = 0; i < messages.length; i++) {
    const headers = (messages[i] as OutgoingMessage | null | undefined)?.headers
    if (headers === null || headers === undefined) continue
    fields ??= Replaced.of(propagation.fields())
    if (!mentions(headers, fields)) continue
    const found = validSpanContext(extractAny(headers, ROOT_CONTEXT))
    if (!found) continue
    contexts ??= new Map()
    contexts.set(i, found)
    const id = found.traceId + found.spanId
    if (found.traceId === own || seen.has(id) || links.length >= maxLinks) continue
    seen.add(id)
    links.push({ context: found })
  }
  return contexts && { contexts, links }
}

function isEvery(preserved: ReadonlyMap<number, SpanContext> | undefined, count: number): boolean {
  return preserved !== undefined && count > 0 && preserved.size === count
}

/** `createSpans`: a span per message, to which the send span links and whose context the message carries. */
function startCreations(
  state: ClientState,
  topic: string,
  messages: readonly unknown[],
  active: Context,
  preserved: ReadonlyMap<number, SpanContext> | undefined,
  links: Link[],
): (Span | undefined)[] {
  return messages.map((message, i) => {
    // The message brings a creation context of its own: no create span (messaging spans, "custom creation context").
    if (preserved?.has(i)) return undefined
    const attributes = startAttributes('create', state.facts, topic)
    putMessage(attributes, state, message)
    const span = getTracer().startSpan(`create ${topic}`, { kind: SpanKind.PRODUCER, attributes }, active)
    if (links.length < maxLinks) links.push({ context: span.spanContext() })
    return span
  })
}

function inject(
  messages: readonly unknown[],
  sendContext: Context,
  creations: readonly (Span | undefined)[] | undefined,
  preserved: ReadonlyMap<number, SpanContext> | undefined,
  encoding: HeaderEncoding,
): readonly unknown[] {
  let changed = false
  let shared: Prepared | undefined
  const outgoing = messages.map((message, i) => {
    if (message === null || typeof message !== 'object' || preserved?.has(i)) return message
    const creation = creations?.[i]
    const prepared = creation
      ? prepare(trace.setSpan(sendContext, creation), encoding)
      : (shared ??= prepare(sendContext, encoding))
    if (prepared.pairs.length === 0) return message
    changed = true
    return withHeaders(message, prepared, encoding)
  })
  // Nothing to write: the caller's own array goes on, so that "no propagator" changes nothing at all.
  return changed ? outgoing : messages
}

/** What one context writes into headers. */
interface Prepared {
  readonly pairs: HeaderPairs
  readonly replaced: Replaced
  /** For every message that has no headers of its own: the library only reads them. */
  readonly bare: unknown
}

function prepare(from: Context, encoding: HeaderEncoding): Prepared {
  const pairs = collectPairs(from)
  const replaced = Replaced.by(pairs)
  return { pairs, replaced, bare: writeHeaders(undefined, pairs, replaced, encoding.value, encoding.name) }
}

const messageFields = ['topic', 'key', 'value', 'partition', 'timestamp', 'metadata'] as const

function withHeaders(message: object, prepared: Prepared, encoding: HeaderEncoding): unknown {
  const { headers } = message as OutgoingMessage
  const copy = copyFields(message, messageFields)
  copy.headers =
    headers === undefined || headers === null
      ? prepared.bare
      : writeHeaders(headers, prepared.pairs, prepared.replaced, encoding.value, encoding.name)
  return copy
}

/**
 * A plain copy of the caller's object. Own fields come along as they are; of an object with a class, the named fields
 * are read too, because getters of a prototype do not survive a spread and break on `Object.create`.
 */
export function copyFields(source: object, fields: readonly string[]): Record<string, unknown> {
  const copy: Record<string, unknown> = { ...source }
  const prototype = Object.getPrototypeOf(source)
  if (prototype === Object.prototype || prototype === null) return copy
  for (const field of fields) {
    if (!(field in copy) && field in source) copy[field] = (source as Record<string, unknown>)[field]
  }
  return copy
}

function callHook(
  hook: (span: Span, info: HookInfo) => void,
  messages: readonly unknown[],
  topic: string,
  span: Span,
  creations: readonly (Span | undefined)[] | undefined,
): void {
  messages.forEach((message, i) => {
    guard('producerHook', () => hook(creations?.[i] ?? span, { topic, message }))
  })
}
