// Sending: one `send` span per topic per call, its context in the headers of copies of the caller's messages.
//
//   send({ topic, messages })  ->  beginSend: span, copies   ->  the client's own send   ->  Send.end: result, metrics

import {
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { findErrorType } from './errors.ts'
import { readExisting } from './existing.ts'
import { readKey, readOffset, readPartition, startAttributes } from './facts.ts'
import { guard, swallow } from './guard.ts'
import { maxLinks, unlinkedMessages } from './links.ts'
import { getNames } from './names.ts'
import type { HookInfo } from './options.ts'
import { asText, type HeaderEncoding, Injection, type OutgoingMessage } from './outgoing.ts'
import type { ClientState } from './registry.ts'
import { getTracer, instruments } from './telemetry.ts'

/** What the broker said about the only message of a send. */
export interface Acknowledged {
  readonly partition: unknown
  readonly offset: unknown
}

/** One send to one topic that is under way. */
export class Send {
  /** Copies with headers, in the order of the originals; an untouched message is the original itself. */
  readonly messages: readonly unknown[]
  readonly topic: string
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
        const attributes: Attributes = {}
        const partition = readPartition(acknowledged.partition)
        if (partition !== undefined) attributes['messaging.destination.partition.id'] = partition
        const offset = readOffset(acknowledged.offset)
        if (offset !== undefined) getNames().put(attributes, 'offset', offset)
        this.span.setAttributes(attributes)
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

/** Handlers throw plain objects and texts too: what they say is kept. */
export function recordFailure(span: Span, error: unknown, type: string): void {
  span.setAttribute('error.type', type)
  if (error === undefined || error === null) {
    span.setStatus({ code: SpanStatusCode.ERROR })
    return
  }
  const isObject = typeof error === 'object'
  span.recordException(isObject ? (error as Error) : String(error))
  const message = isObject ? readMessage(error) : String(error)
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) })
}

function readMessage(error: object): string | undefined {
  try {
    const { message } = error as { message?: unknown }
    return typeof message === 'string' ? message : undefined
  } catch {
    return undefined
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
  around: Context,
  encoding: HeaderEncoding | null = asText,
): Send | undefined {
  try {
    const { settings, within } = state
    const active = within ? trace.setSpan(around, within) : around
    const injects = settings.propagation && encoding !== null
    const existing = injects ? readExisting(messages, active) : undefined
    const preserved = settings.existingContext === 'preserve' ? existing?.contexts : undefined
    const isOwner = injects && !settings.createSpans && !(preserved && preserved.size === messages.length)
    const startedMs = performance.now()
    const links = existing?.links ?? []
    const creations = settings.createSpans
      ? startCreations(state, topic, messages, active, preserved, links)
      : undefined
    const attributes = sendAttributes(state, topic, messages)
    // With spans of their own, messages beyond the limit have them, and only the link is missing.
    const unlinked = (existing?.unlinked ?? 0) + (creations ? Math.max(0, messages.length - links.length) : 0)
    if (unlinked > 0 && links.length >= maxLinks) attributes[unlinkedMessages] = unlinked
    const kind = isOwner ? SpanKind.PRODUCER : SpanKind.CLIENT
    const span = getTracer().startSpan(`send ${topic}`, { kind, attributes, links }, active)
    try {
      const context = trace.setSpan(active, span)
      const outgoing = injects ? inject(messages, context, creations, preserved, encoding) : messages
      if (settings.producerHook) callHook(settings.producerHook, messages, topic, span, creations)
      if (creations) for (const creation of creations) creation?.end()
      return new Send(topic, outgoing, span, context, startedMs)
    } catch (error) {
      span.end()
      throw error
    }
  } catch (error) {
    swallow('begin of a send', error)
    return undefined
  }
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
  const shared = new Injection(sendContext, encoding)
  // Nothing to write: the caller's own array goes on, so that "no propagator" changes nothing at all.
  if (!shared.writes && !creations) return messages
  const outgoing: unknown[] = new Array(messages.length)
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i]
    if (message === null || typeof message !== 'object' || preserved?.has(i)) {
      outgoing[i] = message
      continue
    }
    const creation = creations?.[i]
    const injection = creation ? new Injection(trace.setSpan(sendContext, creation), encoding) : shared
    outgoing[i] = injection.writes ? injection.apply(message) : message
  }
  return outgoing
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
