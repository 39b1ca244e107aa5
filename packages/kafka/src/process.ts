// Processing: one `process` span per delivered message, child of the span that sent it and linked to it,
// active while the handler runs.
import { types } from 'node:util'
import {
  type Attributes,
  type Context,
  context,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  trace,
} from '@opentelemetry/api'
import { findErrorType } from './errors.ts'
import { isTombstone, readKey, readOffset, readPartition, readQueueTime, startAttributes } from './facts.ts'
import { guard, swallow } from './guard.ts'
import { getNames } from './names.ts'
import { type AnyMessage, messageContext, validSpanContext } from './propagate.ts'
import { type ClientState, registry } from './registry.ts'
import { enter, find, leave, type Running } from './running.ts'
import { recordFailure } from './send.ts'
import { getTracer, type Instruments, instruments } from './telemetry.ts'

/** A message, or a batch of them, whose handler is running. */
export class Processing implements Running {
  readonly span: Span
  /** The handler's context: the span, the sender's baggage, and whatever else was active. */
  readonly context: Context
  subject: object | undefined
  before: Running | undefined = undefined
  after: Running | undefined = undefined
  private readonly state: ClientState
  private readonly topic: string | undefined
  private readonly meters: Instruments | undefined
  private readonly startedMs: number

  /** `meters`: undefined when the duration is not to be measured. */
  constructor(
    state: ClientState,
    topic: string | undefined,
    span: Span,
    within: Context,
    subject: object | undefined,
    meters: Instruments | undefined,
  ) {
    this.state = state
    this.topic = topic
    this.span = span
    this.subject = subject ?? this
    this.meters = meters
    this.context = trace.setSpan(within, span)
    this.startedMs = meters ? performance.now() : 0
    enter(registry.running, this)
  }

  succeed(): void {
    this.finish(undefined)
  }

  fail(error: unknown): void {
    const type = findErrorType(error)
    guard('record the error of a handler', () => recordFailure(this.span, error, type))
    this.finish(type)
  }

  private finish(errorType: string | undefined): void {
    if (this.subject === undefined) return
    leave(registry.running, this)
    this.subject = undefined
    try {
      const { meters } = this
      if (meters) {
        const series = meters.processings.find(this.topic, this.state.facts.groupId, errorType)
        meters.recordProcessing((performance.now() - this.startedMs) / 1000, series, this.span, this.context)
      }
      this.span.end()
    } catch (error) {
      swallow('end of processing', error)
    }
  }
}

/** The span in which this message or batch is being processed right now. */
export function findRunning(subject: object): Span | undefined {
  return find(registry.running, subject)
}

export interface Delivered {
  readonly topic: string | undefined
  readonly partition: number | undefined
}

/** Counts messages handed to the application: once per delivery, wherever their processing happens. */
export function countConsumed(
  state: ClientState,
  topic: string | undefined,
  count: number,
  meters: Instruments | undefined = instruments(),
): void {
  if (meters) meters.processings.find(topic, state.facts.groupId, undefined).messages += count
}

/**
 * Starts the span of one message. Undefined when that failed; the handler then runs as if we were not there.
 *
 * @param counted count it as delivered: false where the delivery was counted already (a message of a batch)
 */
export function beginProcess(
  state: ClientState,
  message: AnyMessage,
  delivered: Delivered,
  counted: boolean,
  active: Context,
  batch?: Span,
): Processing | undefined {
  try {
    const { settings } = state
    const sent = messageContext(message, withoutSpan(active))
    const sender = validSpanContext(sent)
    const around = batch ? undefined : validSpanContext(active)
    const ambientIsParent = around !== undefined && settings.parent === 'ambient'
    const senderIsParent = sender !== undefined && !ambientIsParent && settings.parent !== 'link-only'
    // Nobody sent a context along: the work is at least part of whatever is going on around it.
    const aroundIsParent =
      ambientIsParent || (around !== undefined && sender === undefined && settings.parent !== 'link-only')
    const links: Link[] = []
    if (batch) links.push({ context: batch.spanContext() })
    if (sender && (!senderIsParent || (settings.links === 'always' && !batch)))
      links.push({ context: sender })
    if (around && !aroundIsParent) links.push({ context: around })
    const span = getTracer().startSpan(
      delivered.topic === undefined ? 'process' : `process ${delivered.topic}`,
      { kind: SpanKind.CONSUMER, attributes: processAttributes(state, message, delivered), links },
      senderIsParent ? sent : aroundIsParent ? trace.setSpanContext(sent, around!) : rootOf(sent),
    )
    const meters = batch && !counted ? undefined : instruments()
    if (counted) countConsumed(state, delivered.topic, 1, meters)
    const { consumerHook } = settings
    if (consumerHook) {
      guard('consumerHook', () => consumerHook(span, { topic: delivered.topic ?? '', message }))
    }
    const subject = typeof message === 'object' && message !== null ? message : undefined
    return new Processing(state, delivered.topic, span, sent, subject, batch ? undefined : meters)
  } catch (error) {
    swallow('begin of processing', error)
    return undefined
  }
}

/** The context without a parent in it, for a new trace. */
function rootOf(within: Context): Context {
  return trace.getSpan(within) === undefined ? within : trace.deleteSpan(within)
}

/** The active context for a handler that must see the sender's trace and baggage, and nobody else's. */
function withoutSpan(active: Context): Context {
  if (active === ROOT_CONTEXT) return active
  // The usual case: `run()` was detached from both already, and a context costs a copy of all its values.
  if (trace.getSpan(active) === undefined && propagation.getBaggage(active) === undefined) return active
  return propagation.deleteBaggage(trace.deleteSpan(active))
}

function processAttributes(state: ClientState, message: AnyMessage, delivered: Delivered): Attributes {
  const names = getNames()
  const attributes = startAttributes('process', state.facts, delivered.topic)
  const partition = readPartition(delivered.partition)
  if (partition !== undefined) attributes['messaging.destination.partition.id'] = partition
  if (message === null || typeof message !== 'object') return attributes
  const offset = readOffset(message.offset)
  if (offset !== undefined) names.put(attributes, 'offset', offset)
  const key = readKey(message.key, state.settings)
  if (key !== undefined) names.put(attributes, 'key', key)
  if (isTombstone(message)) names.put(attributes, 'tombstone', true)
  if (state.settings.captureQueueTime) {
    const waitedMs = readQueueTime(message.timestamp, Date.now())
    if (waitedMs !== undefined) attributes['kafka.record.queue_time_ms'] = waitedMs
  }
  return attributes
}

/**
 * Runs the handler in the processing's context and ends it when the handler is done: at once when it returned,
 * at settling when it returned a promise. Value, error, and whether it throws or rejects stay as they were.
 */
export function runProcessing<R>(
  processing: Processing,
  run: (...args: any[]) => R,
  self?: unknown,
  args: readonly unknown[] = [],
): R {
  let result: R
  try {
    result = context.with(processing.context, run, self as never, ...args)
  } catch (error) {
    processing.fail(error)
    throw error
  }
  const done = (value: unknown) => {
    processing.succeed()
    return value
  }
  const failed = (error: unknown) => {
    processing.fail(error)
    throw error
  }
  // The caller gets the derived promise: a second one beside it would hide or double an unhandled rejection.
  if (types.isPromise(result)) return result.then(done, failed) as R
  const then = readThen(result)
  if (then === undefined) {
    processing.succeed()
    return result
  }
  // A query builder does its work when `then` is called: once, and in the handler's context.
  const call = (resolve: typeof done, reject: (error: unknown) => unknown) =>
    context.with(processing.context, () => then.call(result as PromiseLike<unknown>, resolve, reject))
  // A whole promise of another library stays one of that library. Of anything less, nobody knows what `then` returns.
  if (typeof (result as { catch?: unknown }).catch === 'function') return call(done, failed) as R
  return new Promise<unknown>((resolve, reject) => void call(resolve as typeof done, reject)).then(
    done,
    failed,
  ) as R
}

type Then = PromiseLike<unknown>['then']

/** What `await` would call; undefined for what it would hand back at once. */
function readThen(value: unknown): Then | undefined {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return undefined
  let then: unknown
  try {
    ;({ then } = value as { then?: unknown })
  } catch (error) {
    return (_, reject) => Promise.reject(error).then(undefined, reject)
  }
  return typeof then === 'function' ? (then as Then) : undefined
}
