// node-rdkafka 3 and the RdKafka API of @confluentinc/kafka-javascript: callbacks, events, streams.
//
// `produce` is synchronous and the opaque value is the application's, so a plain producer's span ends when the message
// is queued (as in .NET); HighLevelProducer has a callback and its span ends with the delivery.
import { context } from '@opentelemetry/api'
import { beginBatch, sharedDestination } from '../batch.ts'
import { guard } from '../guard.ts'
import { isIgnored } from '../options.ts'
import { beginProcess, countConsumed, runProcessing } from '../process.ts'
import type { AnyMessage } from '../propagate.ts'
import { type ClientState, learn, registry } from '../registry.ts'
import { beginSend, type Send } from '../send.ts'
import { isQuiet } from '../telemetry.ts'
import { type AnyFunction, replace } from '../wrap.ts'
import { readConfig } from './confluent.ts'
import { callInside, recordLag } from './kafkajs.ts'

/** Positions of `produce(topic, partition, value, key, timestamp, …)` in both kinds of producer. */
const at = { topic: 0, partition: 1, value: 2, key: 3, timestamp: 4 } as const

export function instrumentProducer(producer: object, state: ClientState): void {
  learnConfig(producer, state)
  const highLevel = typeof (producer as { _modifiedProduce?: unknown })._modifiedProduce === 'function'
  replace(producer, 'produce', state, original =>
    highLevel ? wrapHighLevelProduce(original, state) : wrapProduce(original, state),
  )
}

/** produce(topic, partition, value, key, timestamp, opaque, headers) */
function wrapProduce(original: AnyFunction, state: ClientState): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    const send = begin(args, args[6], state)
    if (!send) return callInside(original, this, args)
    const headers = headersOf(send)
    if (headers !== args[6]) {
      while (args.length < 6) args.push(undefined)
      args[6] = headers
    }
    let result: unknown
    try {
      result = callInside(original, this, args)
    } catch (error) {
      send.fail(error)
      throw error
    }
    send.succeed()
    return result
  }
}

/** produce(topic, partition, value, key, timestamp, [headers], callback) */
function wrapHighLevelProduce(original: AnyFunction, state: ClientState): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    const withHeaders = args.length !== 6
    const callback = args[withHeaders ? 6 : 5]
    const active = context.active()
    const send =
      typeof callback === 'function' ? begin(args, withHeaders ? args[5] : undefined, state) : undefined
    if (!send) return callInside(original, this, args)
    const done = function (this: unknown, ...results: unknown[]) {
      const [error, offset] = results
      if (error) send.fail(error)
      else send.succeed({ partition: undefined, offset })
      // The library calls back from its polling timer; the application expects to be where it called from.
      return context.with(active, callback as (...all: unknown[]) => unknown, this, ...results)
    }
    const own = args.slice(0, 5)
    const headers = headersOf(send)
    // Six arguments mean "no headers" to the library, so with headers there have to be seven.
    const all = headers === undefined ? [...own, done] : [...own, headers, done, ...args.slice(7)]
    try {
      // Serializers of the application run in here and may be asynchronous: the inner produce comes later then.
      return original.apply(this, all)
    } catch (error) {
      send.fail(error)
      throw error
    }
  }
}

function begin(args: readonly unknown[], headers: unknown, state: ClientState): Send | undefined {
  const active = context.active()
  const topic = args[at.topic]
  if (!state.on || registry.inside > 0 || isQuiet(active) || typeof topic !== 'string' || topic === '')
    return undefined
  if (isIgnored(state.settings, topic)) return undefined
  const message = {
    key: args[at.key],
    value: args[at.value],
    partition: args[at.partition],
    // The shape of a new array tells the codec to write Buffers, one object per header.
    headers: Array.isArray(headers) ? headers : [],
  }
  return beginSend(state, topic, [message], active)
}

function headersOf(send: Send): unknown {
  const { headers } = send.messages[0] as { headers: unknown[] }
  return headers.length > 0 ? headers : undefined
}

export function instrumentConsumer(consumer: object, state: ClientState): void {
  learnConfig(consumer, state)
  replace(consumer, 'consume', state, original => wrapConsume(original, state))
  for (const name of ['on', 'addListener', 'prependListener', 'once', 'prependOnceListener'] as const) {
    replace(consumer, name, state, original => wrapOn(original, state, name))
  }
  for (const name of ['off', 'removeListener'] as const) {
    replace(consumer, name, state, wrapOff)
  }
}

type ConsumeCallback = (error: unknown, messages?: unknown) => unknown

/** consume(n, callback) delivers an array, consume(callback) one message per call, both also as 'data' events. */
function wrapConsume(original: AnyFunction, state: ClientState): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    const position = typeof args[0] === 'function' ? 0 : 1
    const callback = args[position]
    if (!state.on || registry.inside > 0 || typeof callback !== 'function') return original.apply(this, args)
    const client = this
    const traced: ConsumeCallback = function (this: unknown, ...results: unknown[]) {
      const delivered = results[1]
      const call = () => callback.apply(this, results)
      if (results[0] || isQuiet(context.active())) return call()
      if (Array.isArray(delivered)) {
        guard('lag', () => readLag(client, delivered, state))
        return processArray(delivered, state, call)
      }
      return processOne(delivered, state, call)
    }
    const all = args.slice()
    all[position] = traced
    return original.apply(this, all)
  }
}

/** Messages that a 'data' listener has processed already are not processed again by the callback that ends the poll. */
const seenByListener = new WeakSet<object>()

function processArray(messages: AnyMessage[], state: ClientState, call: () => unknown): unknown {
  if (messages.length === 0 || messages.some(message => seenByListener.has(message))) return call()
  for (const message of messages) registry.deliveredBy.set(message, state)
  const processing = beginBatch(state, sharedDestination(messages), messages, messages)
  for (const message of messages) registry.counted.add(message)
  return processing ? runProcessing(processing, call) : call()
}

function processOne(message: unknown, state: ClientState, call: () => unknown): unknown {
  if (message === null || typeof message !== 'object' || seenByListener.has(message)) return call()
  const delivered = message as AnyMessage
  if (typeof delivered.topic !== 'string' || isIgnored(state.settings, delivered.topic)) return call()
  registry.deliveredBy.set(message, state)
  const counted = !registry.counted.has(message)
  registry.counted.add(message)
  if (counted) countConsumed(state, delivered.topic, 1)
  const processing = beginProcess(
    state,
    delivered,
    { topic: delivered.topic, partition: delivered.partition },
    false,
  )
  return processing ? runProcessing(processing, call) : call()
}

/** Our listener for one of the application's, so that `removeListener(theirs)` finds it. */
const listeners = new WeakMap<Function, WeakMap<object, AnyFunction>>()

function wrapOn(original: AnyFunction, state: ClientState, name: string): AnyFunction {
  return function (this: object, ...args: unknown[]) {
    const [event, listener] = args
    if (event !== 'data' || typeof listener !== 'function' || !state.on) return original.apply(this, args)
    const client = this
    const once = name === 'once' || name === 'prependOnceListener'
    const traced = function (this: unknown, ...emitted: unknown[]) {
      if (once) listeners.get(listener)?.delete(client)
      const [message] = emitted
      const call = () => listener.apply(this, emitted)
      if (!state.on || isQuiet(context.active())) return call()
      const result = processOne(message, state, call)
      if (typeof message === 'object' && message !== null) seenByListener.add(message)
      return result
    }
    // EventEmitter compares this property when a listener is removed.
    traced.listener = listener
    const perClient = listeners.get(listener) ?? new WeakMap<object, AnyFunction>()
    perClient.set(client, traced)
    listeners.set(listener, perClient)
    return original.call(this, event, traced, ...args.slice(2))
  }
}

function wrapOff(original: AnyFunction): AnyFunction {
  return function (this: object, ...args: unknown[]) {
    const [event, listener] = args
    const traced =
      event === 'data' && typeof listener === 'function' ? listeners.get(listener)?.get(this) : undefined
    return original.apply(this, traced ? [event, traced, ...args.slice(2)] : args)
  }
}

/** Read streams: `for await` gets its spans from `consumeEach`, listeners get them here. */
export function instrumentStream(stream: object, state: ClientState): void {
  const { consumer } = stream as { consumer?: object }
  if (consumer) learnConfig(consumer, state)
  for (const name of ['on', 'addListener', 'prependListener', 'once', 'prependOnceListener'] as const) {
    replace(stream, name, state, original => wrapOn(original, state, name))
  }
  for (const name of ['off', 'removeListener'] as const) replace(stream, name, state, wrapOff)
}

function learnConfig(client: object, state: ClientState): void {
  const { globalConfig } = client as { globalConfig?: Record<string, unknown> }
  if (globalConfig) learn(state.facts, readConfig(globalConfig))
}

interface Watermarks {
  highOffset?: unknown
}

/** Asks librdkafka's cache (no network) how far the last message of each partition is from its end. */
function readLag(client: unknown, messages: readonly AnyMessage[], state: ClientState): void {
  const { getWatermarkOffsets } = client as {
    getWatermarkOffsets?: (topic: string, partition: number) => Watermarks
  }
  if (typeof getWatermarkOffsets !== 'function') return
  const last = new Map<string, AnyMessage>()
  for (const message of messages) last.set(`${message.topic}\0${message.partition}`, message)
  for (const { topic, partition, offset } of last.values()) {
    if (typeof topic !== 'string' || typeof partition !== 'number') continue
    const high = Number(getWatermarkOffsets.call(client, topic, partition)?.highOffset)
    if (high >= 0) recordLag(state, topic, partition, Math.max(0, high - 1 - Number(offset)))
  }
}
