// node-rdkafka 3 and the RdKafka API of @confluentinc/kafka-javascript: callbacks, events, streams.
//
// `produce` is synchronous and the opaque value is the application's, so a plain producer's span ends when the message
// is queued (as in .NET); HighLevelProducer has a callback and its span ends with the delivery.
import { type Context, context, createContextKey } from '@opentelemetry/api'
import { beginBatch, sharedDestination } from '../batch.ts'
import { guard } from '../guard.ts'
import { isIgnored } from '../options.ts'
import { runProcessing } from '../process.ts'
import type { AnyMessage } from '../propagate.ts'
import { adopt, type ClientState, learn, registry } from '../registry.ts'
import { beginSend, type Send } from '../send.ts'
import { isQuiet } from '../telemetry.ts'
import { type AnyFunction, replace } from '../wrap.ts'
import { readConfig } from './confluent.ts'
import { callInside, recordLag } from './kafkajs.ts'
import { instrumentListeners, processDelivered } from './listeners.ts'

/** Positions of `produce(topic, partition, value, key, timestamp, …)` in both kinds of producer. */
const at = { topic: 0, partition: 1, value: 2, key: 3, timestamp: 4 } as const

export function instrumentProducer(producer: object, state: ClientState): void {
  learnConfig(producer, state)
  const highLevel = typeof (producer as { _modifiedProduce?: unknown })._modifiedProduce === 'function'
  replace(producer, 'produce', state, original =>
    highLevel ? wrapHighLevelProduce(original, state) : wrapProduce(original, state),
  )
}

/**
 * A write stream hands messages to `produce` later, one after the other, in the context of whoever caused the write
 * before. So the context of each write is kept, in order, until its message is produced.
 */
export function instrumentProducerStream(stream: object, state: ClientState): void {
  const { producer } = stream as { producer?: object }
  const own = producer && adopt(producer, state)
  if (own) instrumentProducer(producer, own)
  const written: Context[] = []
  const note = () => {
    // What was written and never produced (an invalid chunk, a write after the end) must not shift what follows.
    if ((stream as { writableLength?: number }).writableLength === 0) written.length = 0
    written.push(context.active())
  }
  for (const name of ['write', 'end'] as const)
    replace(
      stream,
      name,
      state,
      original =>
        function (this: unknown, ...args: unknown[]) {
          const isChunk = args[0] !== undefined && args[0] !== null && typeof args[0] !== 'function'
          if (state.on && (name === 'write' || isChunk)) guard('write to a stream', note)
          return original.apply(this, args)
        },
    )
  // The library calls both again by itself: until the producer is connected, and while its queue is full.
  const again = new WeakMap<object, Context>()
  for (const name of ['_write', '_writev'] as const)
    replace(
      stream,
      name,
      state,
      original =>
        function (this: unknown, ...args: unknown[]) {
          const last = args.length - 1
          const done = args[last]
          if (!state.on || typeof done !== 'function') return original.apply(this, args)
          const before = again.get(done)
          if (before !== undefined) return context.with(before, original, this as never, ...args)
          const count = name === '_writev' && Array.isArray(args[0]) ? args[0].length : 1
          const contexts = written.splice(0, count)
          const own = (...results: unknown[]) => done(...results)
          const within = context.active().setValue(writersKey, { contexts, next: 0 } satisfies Writers)
          again.set(own, within)
          args[last] = own
          return context.with(within, original, this as never, ...args)
        },
    )
}

/** The contexts in which the messages of one call of `_write` or `_writev` were written. */
interface Writers {
  readonly contexts: readonly Context[]
  next: number
}
const writersKey = createContextKey('org.otel.kafka.writers')

/** Where the message that is produced now comes from: who wrote it to a stream, else who calls. */
function readWriter(): { active: Context; writers?: Writers } {
  const active = context.active()
  const writers = active.getValue(writersKey) as Writers | undefined
  return writers === undefined ? { active } : { active: writers.contexts[writers.next] ?? active, writers }
}

/** produce(topic, partition, value, key, timestamp, opaque, headers) */
function wrapProduce(original: AnyFunction, state: ClientState): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    const { active, writers } = readWriter()
    const send = begin(args, args[6], state, active)
    if (!send) {
      const result = callInside(original, this, args)
      if (writers) writers.next++
      return result
    }
    const headers = headersOf(send)
    if (headers !== args[6]) {
      while (args.length < 6) args.push(undefined)
      args[6] = headers
    }
    let result: unknown
    try {
      result = callInside(original, this, args)
    } catch (error) {
      // A stream tries again when the queue is full: the message keeps its place and its writer.
      send.fail(error)
      throw error
    }
    if (writers) writers.next++
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
      typeof callback === 'function'
        ? begin(args, withHeaders ? args[5] : undefined, state, active)
        : undefined
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

function begin(
  args: readonly unknown[],
  headers: unknown,
  state: ClientState,
  active: Context,
): Send | undefined {
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
  instrumentListeners(consumer, state)
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
      if (!state.on || results[0] || isQuiet(context.active())) return call()
      if (Array.isArray(delivered)) guard('lag', () => readLag(client, delivered, state))
      if (Array.isArray(delivered)) return processArray(delivered, state, call)
      return isHeard(delivered) ? call() : processDelivered(delivered, state, call)
    }
    const all = args.slice()
    all[position] = traced
    return original.apply(this, all)
  }
}

function isHeard(message: unknown): boolean {
  return message !== null && typeof message === 'object' && registry.counted.has(message)
}

/** What a 'data' listener heard before the callback of the poll is processed; the callback covers the others. */
function processArray(messages: readonly AnyMessage[], state: ClientState, call: () => unknown): unknown {
  const fresh = messages.filter(message => !registry.counted.has(message))
  if (fresh.length === 0) return call()
  const processing = beginBatch(state, sharedDestination(fresh), fresh, messages)
  for (const message of fresh) {
    registry.deliveredBy.set(message, state)
    registry.counted.add(message)
  }
  return processing ? runProcessing(processing, call) : call()
}

/** Read streams: `for await` gets its spans from `consumeEach`, listeners get them here. */
export function instrumentStream(stream: object, state: ClientState): void {
  const { consumer } = stream as { consumer?: object }
  if (consumer) learnConfig(consumer, state)
  instrumentListeners(stream, state)
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
