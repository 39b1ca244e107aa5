// Batches: one `process` span for the delivery, linked to the senders, and spans for single messages inside it.
import { context, type Link, propagation, type Span, SpanKind, trace } from '@opentelemetry/api'
import { readPartition, startAttributes } from './facts.ts'
import { guard } from './guard.ts'
import { collectLinks, countUnlinked, linkAttributes, maxLinks, unlinkedMessages } from './links.ts'
import { stateOf } from './message.ts'
import { type ClientInfo, isIgnored, type KafkaOptions, resolveSettings } from './options.ts'
import { beginProcess, countConsumed, findRunning, Processing, runProcessing } from './process.ts'
import { type AnyMessage, messageContext, validSpanContext } from './propagate.ts'
import { type ClientState, derive } from './registry.ts'
import { getTracer, instruments, isQuiet } from './telemetry.ts'

/** What the batch helpers need of a payload of `eachBatch`. */
export interface BatchPayload {
  readonly batch: {
    readonly topic: string
    readonly partition: number
    readonly messages: readonly AnyMessage[]
  }
}

export interface BatchOptions
  extends Pick<ClientInfo, 'clientId' | 'groupId'>,
    Omit<KafkaOptions, 'producerHook'> {}

/** Runs work for one message of the batch in a span and context of its own. */
export interface EachInBatch<P extends BatchPayload> {
  /** `process <topic>` span, child of the message's sender and linked to the batch, active in `fn`. */
  <R>(message: P['batch']['messages'][number], fn: (span: Span) => R): R
  /** The messages; `for...of` makes each one's span and context active until the next turn of the loop. */
  readonly messages: Iterable<P['batch']['messages'][number]>
}

/**
 * Wraps an `eachBatch` handler so that it can give single messages their own span and context. With the consumer
 * instrumented or not, there is one span for the batch. The payload is passed through as it is.
 *
 * @example
 * ```ts
 * import { Kafka } from 'kafkajs'
 * import { eachBatch } from '@org/otel-kafka'
 *
 * declare function save(value: Buffer | null): Promise<void>
 * const consumer = new Kafka({ brokers: ['localhost:9092'] }).consumer({ groupId: 'billing' })
 *
 * await consumer.run({
 *   eachBatch: eachBatch(async ({ batch, resolveOffset }, each) => {
 *     for (const message of batch.messages) {
 *       await each(message, () => save(message.value))
 *       resolveOffset(message.offset)
 *     }
 *   }),
 * })
 * ```
 */
export function eachBatch<P extends BatchPayload>(
  handler: (payload: P, each: EachInBatch<P>) => Promise<void>,
  options: BatchOptions = {},
): (payload: P) => Promise<void> {
  const isPlain = Object.keys(options).length === 0
  return function (this: unknown, payload: P): Promise<void> {
    const { batch } = payload
    const found = stateOf(batch, options)
    const state = isPlain ? found : derive(found, { settings: resolveSettings(options, found.settings) })
    const running = findRunning(batch)
    if (running) return handler.call(this, payload, makeEach(state, payload, running))
    const processing = isQuiet(context.active()) ? undefined : beginBatch(state, batch, batch.messages, batch)
    if (!processing) return handler.call(this, payload, makeEach(state, payload, undefined))
    return runProcessing(processing, () =>
      handler.call(this, payload, makeEach(state, payload, processing.span)),
    )
  }
}

function makeEach<P extends BatchPayload>(
  state: ClientState,
  payload: P,
  batchSpan: Span | undefined,
): EachInBatch<P> {
  const { batch } = payload
  const each = <R>(message: AnyMessage, fn: (span: Span) => R): R => {
    const running = findRunning(message)
    if (running) return fn(running)
    if (!batchSpan) return fn(trace.wrapSpanContext({ traceId: '', spanId: '', traceFlags: 0 }))
    if (state.settings.batchMessageSpans === 'none')
      return context.with(withBaggageOf(message), fn, undefined, batchSpan)
    const processing = beginProcess(state, message, batch, false, context.active(), batchSpan)
    return processing ? runProcessing(processing, () => fn(processing.span)) : fn(batchSpan)
  }
  const iterate = batchSpan !== undefined && state.settings.batchMessageSpans !== 'none'
  const messages: Iterable<AnyMessage> = iterate
    ? { [Symbol.iterator]: () => iterateMessages(state, batch.messages, batch, batchSpan) }
    : batch.messages
  return Object.defineProperty(each, 'messages', {
    value: messages,
    enumerable: true,
  }) as unknown as EachInBatch<P>
}

/** The active context with the message's baggage: without a span of its own, work still carries what was sent along. */
function withBaggageOf(message: AnyMessage) {
  const active = context.active()
  const baggage = propagation.getBaggage(messageContext(message, propagation.deleteBaggage(active)))
  return baggage ? propagation.setBaggage(active, baggage) : active
}

/** Yields the messages with the span and context of each one attached between two turns of the caller's loop. */
export function* iterateMessages<M extends AnyMessage>(
  state: ClientState,
  messages: Iterable<M>,
  delivered: { topic: string; partition: number },
  batchSpan: Span,
): Generator<M, void, void> {
  let processing: Processing | undefined
  let token: { dispose(): void } | undefined
  const close = () => {
    token?.dispose()
    processing?.succeed()
    token = processing = undefined
  }
  try {
    for (const message of messages) {
      close()
      processing = beginProcess(state, message, delivered, false, context.active(), batchSpan)
      if (processing) token = attach(processing)
      yield message
    }
  } finally {
    close()
  }
}

function attach(processing: Processing): { dispose(): void } | undefined {
  // New in API 1.10 and marked experimental: an application may bring an older one.
  return typeof context.attach === 'function' ? context.attach(processing.context) : undefined
}

/**
 * Starts the span of one batch and counts its messages as delivered. Undefined when that failed or nothing is to be
 * traced.
 *
 * @param where topic and partition, when all messages share them
 * @param subject identifies the batch for helpers called inside the handler
 */
export function beginBatch(
  state: ClientState,
  where: { readonly topic?: string; readonly partition?: number },
  messages: readonly AnyMessage[],
  subject: object,
): Processing | undefined {
  if (where.topic !== undefined && isIgnored(state.settings, where.topic)) return undefined
  return guard('begin of a batch', () => {
    const active = context.active()
    const around = validSpanContext(active)
    const attributes = startAttributes('process', state.facts, where.topic)
    attributes['messaging.batch.message_count'] = messages.length
    const partition = readPartition(where.partition)
    if (partition !== undefined) attributes['messaging.destination.partition.id'] = partition
    const links: Link[] = collectLinks(messages, maxLinks, message =>
      linkAttributes(message, state.settings, where.topic === undefined),
    )
    const aroundIsParent = around !== undefined && state.settings.parent === 'ambient'
    if (around && !aroundIsParent && links.length < maxLinks) links.push({ context: around })
    const base = propagation.deleteBaggage(active)
    const unlinked = countUnlinked(messages, links, maxLinks)
    if (unlinked > 0) attributes[unlinkedMessages] = unlinked
    const span = getTracer().startSpan(
      where.topic === undefined ? 'process' : `process ${where.topic}`,
      { kind: SpanKind.CONSUMER, attributes, links },
      aroundIsParent ? base : trace.deleteSpan(base),
    )
    const meters = instruments()
    countConsumed(state, where.topic, messages.length, meters)
    return new Processing(state, where.topic, span, base, subject, meters)
  })
}

/** Topic and partition of messages that bring their own, as far as all of them agree. */
export function sharedDestination(messages: readonly AnyMessage[]): { topic?: string; partition?: number } {
  const first = messages[0]
  if (!first) return {}
  const shared: { topic?: string; partition?: number } = {}
  if (typeof first.topic === 'string' && messages.every(message => message?.topic === first.topic)) {
    shared.topic = first.topic
    // A partition number means nothing without its topic.
    if (
      typeof first.partition === 'number' &&
      messages.every(message => message?.partition === first.partition)
    ) {
      shared.partition = first.partition
    }
  }
  return shared
}
