// kafkajs 2, and what the KafkaJS-style API of confluent shares with it.
//
// Producers and consumers are plain objects with closures: `send` calls the closed-over `sendBatch`, not
// `this.sendBatch`, so wrapping both gives no double spans, and `const { send } = producer` keeps working.
import {
  type Context,
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { beginBatch, iterateMessages } from '../batch.ts'
import { guard, sayOnce, swallow } from '../guard.ts'
import { getNames } from '../names.ts'
import { isIgnored } from '../options.ts'
import { copyFields } from '../outgoing.ts'
import { beginProcess, findRunning, runProcessing } from '../process.ts'
import { adopt, type ClientState, derive, learn, registry } from '../registry.ts'
import { beginSend, type Send } from '../send.ts'
import { getTracer, instruments, isQuiet } from '../telemetry.ts'
import { type AnyFunction, replace } from '../wrap.ts'

interface RecordResult {
  topicName?: unknown
  partition?: unknown
  baseOffset?: unknown
}

const sendFields = ['topic', 'messages', 'acks', 'timeout', 'compression']
const sendBatchFields = ['topicMessages', 'acks', 'timeout', 'compression']
const runFields = [
  'eachMessage',
  'eachBatch',
  'autoCommit',
  'autoCommitInterval',
  'autoCommitThreshold',
].concat(['eachBatchAutoResolve', 'partitionsConsumedConcurrently'])

export function instrumentProducer(producer: object, state: ClientState): void {
  replace(producer, 'send', state, original => wrapSend(original, state))
  replace(producer, 'sendBatch', state, original => wrapSendBatch(original, state))
  replace(producer, 'transaction', state, original => wrapTransaction(original, state))
  learnClientId(producer, 'producer.network.request', state)
}

export function instrumentConsumer(consumer: object, state: ClientState): void {
  replace(consumer, 'run', state, original => wrapRun(original, state))
  replace(consumer, 'commitOffsets', state, original => wrapCommit(original, state))
  learnClientId(consumer, 'consumer.network.request', state)
  listenOnce(consumer, 'consumer.group_join', state, payload => {
    if (typeof payload.groupId === 'string') learn(state.facts, { groupId: payload.groupId })
  })
  listen(consumer, 'consumer.start_batch_process', state, payload => {
    recordLag(state, payload.topic, payload.partition, payload.offsetLag)
  })
}

/** `send(record)`: one topic. */
export function wrapSend(original: AnyFunction, state: ClientState): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    const active = context.active()
    if (!isTraceable(state) || isQuiet(active)) return callInside(original, this, args)
    const send = beginRecord(args, state, active)
    if (!send) return callInside(original, this, args)
    let result: unknown
    try {
      result = callInside(original, this, args)
    } catch (error) {
      send.fail(error)
      throw error
    }
    if (typeof (result as PromiseLike<unknown> | undefined)?.then !== 'function') {
      send.succeed()
      return result
    }
    return (result as PromiseLike<unknown>).then(
      value => {
        send.succeed(findResult(value, send.topic))
        return value
      },
      error => {
        send.fail(error)
        throw error
      },
    )
  }
}

/**
 * Begins the send of the record in the first argument, and puts a copy in its place. Undefined, with the arguments as
 * they were, for what is not traced, what the client will reject, and what cannot be read: the client has to see it.
 */
function beginRecord(args: unknown[], state: ClientState, active: Context): Send | undefined {
  try {
    const record = args[0] as { topic?: unknown; messages?: unknown } | null | undefined
    const topic = record?.topic
    const messages = record?.messages
    if (typeof topic !== 'string' || !Array.isArray(messages) || messages.length === 0) return undefined
    if (isIgnored(state.settings, topic)) return undefined
    const copy = copyFields(record as object, sendFields)
    const send = beginSend(state, topic, messages, active)
    if (send && send.messages !== messages) {
      copy.messages = send.messages
      args[0] = copy
    }
    return send
  } catch (error) {
    swallow('read a record', error)
    return undefined
  }
}

/** `sendBatch(batch)`: several topics, and one topic may come in several entries. */
function wrapSendBatch(original: AnyFunction, state: ClientState): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    const active = context.active()
    const sends = isTraceable(state) && !isQuiet(active) ? beginSends(args, state, active) : []
    if (sends.length === 0) return callInside(original, this, args)
    return settle(sends, () => callInside(original, this, args))
  }
}

/** As {@link beginRecord}, one send per topic. */
function beginSends(args: unknown[], state: ClientState, active: Context): readonly Send[] {
  const sends: Send[] = []
  try {
    const planned = planBatch(args[0], state)
    if (!planned) return sends
    const copy = copyFields(args[0] as object, sendBatchFields)
    const entries = planned.entries.map(entry => copyFields(entry, sendFields))
    const rest = new Map<string, readonly unknown[]>()
    for (const [topic, messages] of planned.byTopic) {
      const send = beginSend(state, topic, messages, active)
      if (!send) continue
      sends.push(send)
      rest.set(topic, send.messages)
    }
    if (sends.length === 0) return sends
    const taken = new Map<string, number>()
    copy.topicMessages = planned.entries.map((entry, i) => {
      const topic = entries[i]!.topic
      const written = typeof topic === 'string' ? rest.get(topic) : undefined
      if (!written) return entry
      const from = taken.get(topic as string) ?? 0
      const to = from + entry.messages.length
      taken.set(topic as string, to)
      entries[i]!.messages = written.slice(from, to)
      return entries[i]
    })
    args[0] = copy
    return sends
  } catch (error) {
    swallow('read a batch of records', error)
    for (const send of sends) send.fail(error)
    return []
  }
}

interface TopicMessages {
  topic?: unknown
  messages: readonly unknown[]
}

/** Messages by topic over all entries; undefined when this is nothing we understand, or nothing to trace. */
function planBatch(
  batch: unknown,
  state: ClientState,
): { entries: readonly TopicMessages[]; byTopic: Map<string, readonly unknown[]> } | undefined {
  const entries = (batch as { topicMessages?: unknown } | null | undefined)?.topicMessages
  if (!Array.isArray(entries)) return undefined
  const byTopic = new Map<string, readonly unknown[]>()
  for (const entry of entries as (TopicMessages | null | undefined)[]) {
    if (!Array.isArray(entry?.messages)) return undefined
    const { topic, messages } = entry
    if (typeof topic !== 'string' || messages.length === 0 || isIgnored(state.settings, topic)) continue
    const before = byTopic.get(topic)
    byTopic.set(topic, before ? before.concat(messages) : messages)
  }
  return byTopic.size > 0 ? { entries, byTopic } : undefined
}

/** A call that a traced one makes on its way is part of it and must not be traced again. */
function isTraceable(state: ClientState): boolean {
  return state.on && registry.inside === 0
}

/** Calls the library, marking everything it calls synchronously as its own business. */
export function callInside(original: AnyFunction, self: unknown, args: unknown[]): unknown {
  registry.inside++
  try {
    return original.apply(self, args)
  } finally {
    registry.inside--
  }
}

/** Ends the sends when the call is done. Result, error, and throwing or rejecting stay what they were. */
function settle(sends: readonly Send[], call: () => unknown): unknown {
  let result: unknown
  try {
    result = call()
  } catch (error) {
    for (const send of sends) send.fail(error)
    throw error
  }
  if (typeof (result as PromiseLike<unknown> | undefined)?.then !== 'function') {
    for (const send of sends) send.succeed()
    return result
  }
  return (result as PromiseLike<unknown>).then(
    value => {
      for (const send of sends) send.succeed(findResult(value, send.topic))
      return value
    },
    error => {
      for (const send of sends) send.fail(error)
      throw error
    },
  )
}

function findResult(value: unknown, topic: string) {
  if (!Array.isArray(value)) return undefined
  const result = (value as (RecordResult | null)[]).find(entry => entry?.topicName === topic)
  return result ? { partition: result.partition, offset: result.baseOffset } : undefined
}

/** `transaction()` of kafkajs resolves to an object of its own with the same two send functions. */
function wrapTransaction(original: AnyFunction, state: ClientState): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    const result = original.apply(this, args)
    if (!state.on || typeof result?.then !== 'function') return result
    return result.then((transaction: unknown) => {
      guard('instrument a transaction', () => {
        if (transaction === null || typeof transaction !== 'object') return
        const inner = adopt(transaction, state)
        if (!inner) return
        replace(transaction, 'send', inner, send => wrapSend(send, inner))
        replace(transaction, 'sendBatch', inner, send => wrapSendBatch(send, inner))
        if (state.settings.transactionSpans) watchTransaction(transaction, inner, ['commit', 'abort'])
      })
      return transaction
    })
  }
}

/** A span from here to the end of the transaction; sends in between become its children. */
export function watchTransaction(target: object, state: ClientState, ends: readonly string[]): void {
  const attributes = {}
  getNames().put(attributes, 'system', 'kafka')
  const span = getTracer().startSpan('transaction', { kind: SpanKind.INTERNAL, attributes })
  state.within = span
  const inner = derive(state, { undo: [] })
  const finish = (outcome: string, error?: unknown) => {
    if (state.within !== span) return
    state.within = undefined
    guard('end of a transaction', () => {
      span.setAttribute('messaging.kafka.transaction.outcome', outcome)
      if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
      for (const undo of inner.undo.splice(0)) undo()
    })
  }
  for (const name of ends) {
    replace(
      target,
      name,
      inner,
      original =>
        function (this: unknown, ...args: unknown[]) {
          const result = original.apply(this, args)
          if (typeof result?.then !== 'function') return result
          return result.then(
            (value: unknown) => {
              finish(name)
              return value
            },
            (error: unknown) => {
              finish(name, error)
              throw error
            },
          )
        },
    )
  }
}

/** A consumer that fetches and never ran through us was running before: its handlers are the application's own. */
export function watchLateRun(consumer: object, state: ClientState): void {
  listenOnce(consumer, 'consumer.fetch_start', state, () => {
    if (!state.hasRun && state.on)
      sayOnce(
        'warn',
        'ORG_OTEL_KAFKA_LATE traceConsumer() was called after run(); the messages of this consumer are not traced. Call it first',
      )
  })
}

/** `run(config)`: the handlers of a copy of the config are ours; the caller's config stays as it is. */
export function wrapRun(original: AnyFunction, state: ClientState): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    const config = args[0] as { eachMessage?: unknown; eachBatch?: unknown } | null | undefined
    state.hasRun = true
    if (state.on && config !== null && typeof config === 'object') {
      const copy = copyFields(config, runFields)
      const { eachMessage, eachBatch } = copy
      if (typeof eachMessage === 'function')
        copy.eachMessage = wrapEachMessage(eachMessage as AnyFunction, state)
      if (typeof eachBatch === 'function') copy.eachBatch = wrapEachBatch(eachBatch as AnyFunction, state)
      args = [copy, ...args.slice(1)]
    }
    // The fetch loop lives as long as the consumer. It must not keep the span of the start-up code, nor make every
    // message ever consumed a child of it.
    const detached = propagation.deleteBaggage(trace.deleteSpan(context.active()))
    return context.with(detached, original as (...all: unknown[]) => unknown, this, ...args)
  }
}

function wrapEachMessage(handler: AnyFunction, state: ClientState): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    const payload = args[0] as { topic: string; partition: number; message: object } | undefined
    const active = context.active()
    if (!state.on || !payload?.message || isQuiet(active) || isIgnored(state.settings, payload.topic)) {
      return handler.apply(this, args)
    }
    const processing = beginProcess(state, payload.message, payload, true, active)
    return processing ? runProcessing(processing, handler, this, args) : handler.apply(this, args)
  }
}

function wrapEachBatch(handler: AnyFunction, state: ClientState): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    const batch = (
      args[0] as { batch?: { topic: string; partition: number; messages: object[] } } | undefined
    )?.batch
    if (!state.on || !Array.isArray(batch?.messages) || isQuiet(context.active()))
      return handler.apply(this, args)
    if (findRunning(batch)) return handler.apply(this, args)
    const processing = beginBatch(state, batch, batch.messages, batch)
    if (!processing) return handler.apply(this, args)
    registry.deliveredBy.set(batch, state)
    if (state.settings.batchMessageSpans === 'iterate') iterateInPlace(batch, state, processing.span)
    return runProcessing(processing, handler, this, args)
  }
}

/** Makes `for...of` over the library's own array of messages give each one its context. */
function iterateInPlace(
  batch: { topic: string; partition: number; messages: object[] },
  state: ClientState,
  span: Span,
): void {
  const { messages } = batch
  if (!Object.isExtensible(messages)) return
  const values = messages[Symbol.iterator]
  const plain = { [Symbol.iterator]: () => values.call(messages) }
  guard('iterate a batch', () =>
    Object.defineProperty(messages, Symbol.iterator, {
      // After the handler is done the array is an array again.
      value: () => (findRunning(batch) ? iterateMessages(state, plain, batch, span) : values.call(messages)),
      configurable: true,
      writable: true,
    }),
  )
}

/** Offset commits made by the application, with `commitSpans`. */
export function wrapCommit(original: AnyFunction, state: ClientState): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    if (!state.on || !state.settings.commitSpans || isQuiet(context.active()))
      return original.apply(this, args)
    const span = guard('begin of a commit', () => {
      const attributes: Record<string, string> = {
        'messaging.operation.name': 'commit',
        'messaging.operation.type': 'settle',
      }
      getNames().put(attributes, 'system', 'kafka')
      const offsets = args[0]
      const topics = new Set(Array.isArray(offsets) ? offsets.map(offset => offset?.topic) : [])
      const topic: unknown = topics.size === 1 ? [...topics][0] : undefined
      if (typeof topic === 'string') attributes['messaging.destination.name'] = topic
      if (state.facts.groupId !== undefined) attributes['messaging.consumer.group.name'] = state.facts.groupId
      if (state.facts.clientId !== undefined) attributes['messaging.client.id'] = state.facts.clientId
      return getTracer().startSpan(typeof topic === 'string' ? `commit ${topic}` : 'commit', {
        kind: SpanKind.CLIENT,
        attributes,
      })
    })
    const end = (failed: boolean) =>
      guard('end of a commit', () => {
        if (failed) span?.setStatus({ code: SpanStatusCode.ERROR })
        span?.end()
      })
    let result: any
    try {
      result = original.apply(this, args)
    } catch (error) {
      end(true)
      throw error
    }
    if (typeof result?.then !== 'function') {
      end(false)
      return result
    }
    return result.then(
      (value: unknown) => {
        end(false)
        return value
      },
      (error: unknown) => {
        end(true)
        throw error
      },
    )
  }
}

/** Records between the end of a delivery and the end of its partition. */
export function recordLag(state: ClientState, topic: unknown, partition: unknown, lag: unknown): void {
  const value = Number(lag)
  const meters = instruments()
  if (!meters || typeof topic !== 'string' || !Number.isFinite(value) || value < 0) return
  if (!state.on || isIgnored(state.settings, topic)) return
  const attributes: Record<string, string> = { 'messaging.destination.name': topic }
  getNames().put(attributes, 'system', 'kafka')
  if (typeof partition === 'number') attributes['messaging.destination.partition.id'] = String(partition)
  if (state.facts.groupId !== undefined) attributes['messaging.consumer.group.name'] = state.facts.groupId
  meters.recordsLag?.record(value, attributes)
}

type Payload = Record<string, unknown>

/** The client id is in no field of the client, only in its network events; the first of them is enough. */
function learnClientId(client: object, event: string, state: ClientState): void {
  listenOnce(client, event, state, payload => {
    if (typeof payload.clientId === 'string') learn(state.facts, { clientId: payload.clientId })
  })
}

function listenOnce(
  client: object,
  event: string,
  state: ClientState,
  listener: (payload: Payload) => void,
): void {
  const stop = listen(client, event, state, payload => {
    stop?.()
    listener(payload)
  })
}

function listen(
  client: object,
  event: string,
  state: ClientState,
  listener: (payload: Payload) => void,
): (() => void) | undefined {
  return guard(`listen to ${event}`, () => {
    const { on } = client as { on?: unknown }
    if (typeof on !== 'function') return undefined
    const stop: unknown = on.call(client, event, (emitted: { payload?: Payload } | undefined) => {
      guard(event, () => listener(emitted?.payload ?? {}))
    })
    if (typeof stop !== 'function') return undefined
    state.undo.push(() => stop())
    return () => stop()
  })
}
