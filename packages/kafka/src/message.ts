// What a handler calls itself, where no client calls our wrapper around it: streams, rdkafka loops, own dispatchers.
import { type Context, context, propagation, type Span, trace } from '@opentelemetry/api'
import { guard } from './guard.ts'
import { isIgnored } from './options.ts'
import {
  beginProcess,
  countConsumed,
  type Delivered,
  findRunning,
  type Processing,
  runProcessing,
} from './process.ts'
import { type AnyMessage, messageContext } from './propagate.ts'
import { type ClientState, derive, looseState, registry } from './registry.ts'
import { noteHandled } from './reminders.ts'
import { isQuiet } from './telemetry.ts'

/** What a message does not tell itself. Everything is optional; what the message has counts first. */
export interface MessageMeta {
  topic?: string
  partition?: number
  groupId?: string
  clientId?: string
}

/**
 * Runs `fn` in a `process <topic>` span: child of the span that sent the message, with its baggage, active in
 * everything `fn` awaits. What `fn` returns or throws comes out unchanged, and the span ends with it.
 * Called for a message whose handler is instrumented already, it reuses that handler's span.
 *
 * @example
 * ```ts
 * import { traceMessage } from '@org/otel-kafka'
 *
 * interface Order { id: string }
 * declare const stream: AsyncIterable<{ topic: string; value: Order }>
 * declare function ship(order: Order): Promise<void>
 *
 * for await (const message of stream) {
 *   await traceMessage(message, {}, async span => {
 *     span.setAttribute('order.id', message.value.id)
 *     await ship(message.value)
 *   })
 * }
 * ```
 */
export function traceMessage<M extends AnyMessage, R>(
  message: M,
  meta: MessageMeta,
  fn: (span: Span) => R,
): R {
  const running = isObject(message) ? findRunning(message) : undefined
  if (running) return fn(running)
  noteHandled(message)
  const processing = guard('traceMessage', () => begin(message, meta))
  if (!processing) return fn(trace.getActiveSpan() ?? noSpan())
  return runProcessing(processing, () => fn(processing.span))
}

/**
 * Runs `fn` with the sender's trace context and baggage active, without a span.
 *
 * @example
 * ```ts
 * import { withMessageContext } from '@org/otel-kafka'
 *
 * function log(message: { headers?: Record<string, Buffer> }) {
 *   withMessageContext(message, () => console.error('this line carries the trace id of the sender'))
 * }
 * ```
 */
export function withMessageContext<M extends AnyMessage, R>(message: M, fn: () => R): R {
  noteHandled(message)
  const active = context.active()
  return context.with(messageContext(message, propagation.deleteBaggage(trace.deleteSpan(active))), fn)
}

/** A process span whose end is up to the caller. */
export interface ProcessSpan {
  readonly span: Span
  /** The span, the sender's baggage, and what else was active. */
  readonly context: Context
  /** Ends the span, once; with an error given, the span says so. */
  end(error?: unknown): void
}

/**
 * Starts a `process <topic>` span for code that is no single function: event emitters, state machines.
 *
 * @example
 * ```ts
 * import { context } from '@opentelemetry/api'
 * import { startProcessSpan } from '@org/otel-kafka'
 *
 * function onMessage(message: { topic: string }, work: (done: (error?: Error) => void) => void) {
 *   const processing = startProcessSpan(message, { groupId: 'billing' })
 *   context.with(processing.context, () => work(error => processing.end(error)))
 * }
 * ```
 */
export function startProcessSpan(message: AnyMessage, meta: MessageMeta): ProcessSpan {
  noteHandled(message)
  const processing = guard('startProcessSpan', () => begin(message, meta))
  if (!processing) return { span: noSpan(), context: context.active(), end() {} }
  return {
    span: processing.span,
    context: processing.context,
    end(error?: unknown) {
      if (error === undefined || error === null) processing.succeed()
      else processing.fail(error)
    },
  }
}

function begin(message: AnyMessage, given: MessageMeta | undefined): Processing | undefined {
  const meta = given ?? {}
  const active = context.active()
  if (isQuiet(active)) return undefined
  const state = stateOf(message, meta)
  const delivered: Delivered = {
    topic: message?.topic ?? meta.topic,
    partition: message?.partition ?? meta.partition,
  }
  if (delivered.topic !== undefined && isIgnored(state.settings, delivered.topic)) return undefined
  if (isObject(message) && !registry.counted.has(message)) {
    registry.counted.add(message)
    countConsumed(state, delivered.topic, 1)
  }
  return beginProcess(state, message, delivered, false, active)
}

/** Per client: what callers add to it, so that a loop over messages does not make the same state again and again. */
const extended = new WeakMap<ClientState, Map<string, { state: ClientState; revision: number | undefined }>>()
const maxExtended = 100

/** The state of the client that delivered the message, with what the caller adds. */
export function stateOf(subject: object | null | undefined, meta: MessageMeta): ClientState {
  const state = (isObject(subject) && registry.deliveredBy.get(subject)) || looseState
  const { groupId, clientId } = meta
  if (groupId === undefined && clientId === undefined) return state
  let byMeta = extended.get(state)
  if (!byMeta) extended.set(state, (byMeta = new Map()))
  const key = `${groupId}\0${clientId}`
  const { revision } = state.facts
  const known = byMeta.get(key)
  if (known && known.revision === revision) return known.state
  if (byMeta.size >= maxExtended) byMeta.clear()
  const facts = {
    ...state.facts,
    ...(groupId !== undefined && { groupId }),
    ...(clientId !== undefined && { clientId }),
  }
  const made = derive(state, { facts })
  byMeta.set(key, { state: made, revision })
  return made
}

function isObject(value: unknown): value is object {
  return value !== null && typeof value === 'object'
}

const invalid = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 }

/** A span that records nothing. */
function noSpan(): Span {
  return trace.wrapSpanContext(invalid)
}
