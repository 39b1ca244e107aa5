// @platformatic/kafka 2: promises or callbacks to produce, Node streams to consume.
import { subscribe } from 'node:diagnostics_channel'
import { type Context, context } from '@opentelemetry/api'
import { readServer } from '../facts.ts'
import { guard, sayOnce, swallow } from '../guard.ts'
import { isIgnored } from '../options.ts'
import { copyFields, type HeaderEncoding } from '../outgoing.ts'
import { adopt, type ClientState, learn, registry } from '../registry.ts'
import { beginSend, type Send } from '../send.ts'
import { probeSerializers } from '../serializers.ts'
import { isQuiet } from '../telemetry.ts'
import { type AnyFunction, replace } from '../wrap.ts'
import { recordLag } from './kafkajs.ts'
import { instrumentListeners } from './listeners.ts'

interface ProducedMessage {
  topic?: unknown
}

interface SendResult {
  offsets?: { topic: unknown; partition: unknown; offset: unknown }[]
}

const sendFields = [
  'messages',
  'acks',
  'idempotent',
  'compression',
  'partitioner',
  'autocreateTopics',
].concat(['repeatOnStaleMetadata', 'producerId', 'producerEpoch'])

export function instrumentProducer(producer: object, state: ClientState): void {
  learnOptions(producer, state)
  let encoding: HeaderEncoding | null | undefined
  replace(
    producer,
    'send',
    state,
    original =>
      function (this: unknown, ...args: unknown[]) {
        const active = context.active()
        const planned =
          state.on && registry.inside === 0 && !isQuiet(active)
            ? guard('read the messages', () => planSend(args[0], state, active))
            : undefined
        if (!planned) return original.apply(this, args)
        if (encoding === undefined) encoding = chooseEncoding(producer)
        return sendTraced(original, this, args, planned, state, active, encoding)
      },
  )
  replace(
    producer,
    'asStream',
    state,
    original =>
      function (this: unknown, ...args: unknown[]) {
        const stream = original.apply(this, args)
        guard('instrument a producer stream', () => {
          const own = adopt(stream, state)
          if (own) instrumentProducerStream(stream, own)
        })
        return stream
      },
  )
}

/** Messages that make up one send span: one topic, and for a producer stream one context they were written in. */
interface Group {
  readonly topic: string
  readonly parent: Context
  readonly indexes: number[]
}

/** Groups in the order in which they appear; undefined when there is nothing to trace. */
function planSend(options: unknown, state: ClientState, active: Context): Group[] | undefined {
  const messages = (options as { messages?: unknown } | null | undefined)?.messages
  if (!Array.isArray(messages)) return undefined
  const groups: Group[] = []
  messages.forEach((message: ProducedMessage | null | undefined, i) => {
    const topic = message?.topic
    if (typeof topic !== 'string' || isIgnored(state.settings, topic)) return
    const parent = writers.get(message as object) ?? active
    const group = groups.find(one => one.topic === topic && one.parent === parent)
    if (group) group.indexes.push(i)
    else groups.push({ topic, parent, indexes: [i] })
  })
  return groups.length > 0 ? groups : undefined
}

function sendTraced(
  original: AnyFunction,
  self: unknown,
  args: unknown[],
  groups: readonly Group[],
  state: ClientState,
  active: Context,
  encoding: HeaderEncoding | null,
): unknown {
  const options = args[0] as { messages: unknown[] }
  // The library writes defaults into the options it gets; with ours being a copy it does not change the caller's.
  const copy = guard('read the options of a send', () => copyFields(options, sendFields))
  if (!copy) return original.apply(self, args)
  const outgoing = options.messages.slice()
  const sends: { send: Send; topic: string }[] = []
  for (const { topic, parent, indexes } of groups) {
    const messages = indexes.map(i => options.messages[i])
    const send = beginSend(state, topic, messages, parent, encoding)
    if (!send) continue
    sends.push({ send, topic })
    indexes.forEach((index, i) => {
      outgoing[index] = send.messages[i]
    })
  }
  if (sends.length === 0) return original.apply(self, args)
  copy.messages = outgoing
  const succeed = (result: unknown) => {
    for (const { send, topic } of sends) {
      const isOnly = sends.filter(other => other.topic === topic).length === 1
      send.succeed(isOnly ? findOffset(result, topic) : undefined)
    }
  }
  const fail = (error: unknown) => {
    for (const { send } of sends) send.fail(error)
  }
  const callback = args[1]
  const done =
    typeof callback === 'function'
      ? (error: unknown, ...results: unknown[]) => {
          if (error) fail(error)
          else succeed(results[0])
          return context.with(
            active,
            callback as (...all: unknown[]) => unknown,
            undefined,
            error,
            ...results,
          )
        }
      : callback
  let result: unknown
  try {
    result = callMarked(original, self, [copy, done, ...args.slice(2)].slice(0, Math.max(args.length, 1)))
  } catch (error) {
    fail(error)
    throw error
  }
  if (typeof (result as PromiseLike<unknown> | undefined)?.then !== 'function') {
    if (typeof callback !== 'function') succeed(undefined)
    return result
  }
  return (result as PromiseLike<unknown>).then(
    value => {
      succeed(value)
      return value
    },
    error => {
      fail(error)
      throw error
    },
  )
}

function callMarked(original: AnyFunction, self: unknown, args: unknown[]): unknown {
  registry.inside++
  try {
    return original.apply(self, args)
  } finally {
    registry.inside--
  }
}

function findOffset(result: unknown, topic: string) {
  const offsets = (result as SendResult | null | undefined)?.offsets
  return Array.isArray(offsets) ? offsets.find(entry => entry?.topic === topic) : undefined
}

/** The library's own serializers decide whether text or Buffers survive; with neither, we do not write headers. */
function chooseEncoding(producer: object): HeaderEncoding | null {
  const encoding = guard('probe the header serializers', () => {
    const { serializers, registry: schemas } = readOptions(producer) as {
      serializers?: unknown
      registry?: { getSerializers?: () => unknown }
    }
    const used = typeof schemas?.getSerializers === 'function' ? schemas.getSerializers() : serializers
    return probeSerializers(used)
  })
  if (!encoding) {
    sayOnce(
      'warn',
      'ORG_OTEL_KAFKA_SERIALIZERS the header serializers of this @platformatic/kafka producer change text, so no trace context is written; wrap them with otelSerializers() from @org/otel-kafka',
    )
  }
  return encoding ?? null
}

/** Context in which a message was written to a producer stream, which sends it later and from a timer. */
const writers = new WeakMap<object, Context>()

export function instrumentProducerStream(stream: object, state: ClientState): void {
  replace(
    stream,
    'write',
    state,
    original =>
      function (this: unknown, ...args: unknown[]) {
        const [message] = args
        if (state.on && typeof message === 'object' && message !== null)
          writers.set(message, context.active())
        return original.apply(this, args)
      },
  )
  // The producer is what sends; a stream that the application made of an untraced one traces it too.
  const { producer } = stream as { producer?: object }
  const own = producer && adopt(producer, state)
  if (own) instrumentProducer(producer, own)
}

export function instrumentConsumer(consumer: object, state: ClientState): void {
  learnOptions(consumer, state)
  keepWireHeaders()
  // The stream exists before anyone can listen to it, whether it comes by promise or by callback.
  const instrument = (stream: unknown) => {
    guard('instrument a message stream', () => {
      if (stream === null || typeof stream !== 'object') return
      const own = adopt(stream, state)
      if (own) instrumentMessagesStream(stream, own)
    })
  }
  replace(
    consumer,
    'consume',
    state,
    original =>
      function (this: unknown, ...args: unknown[]) {
        const callback = args[1]
        if (typeof callback === 'function') {
          const done = (error: unknown, stream: unknown, ...rest: unknown[]) => {
            if (!error) instrument(stream)
            return callback(error, stream, ...rest)
          }
          return original.call(this, args[0], done, ...args.slice(2))
        }
        const result = original.apply(this, args)
        if (typeof result?.then !== 'function') return result
        return result.then((stream: unknown) => {
          instrument(stream)
          return stream
        })
      },
  )
}

export function instrumentMessagesStream(stream: object, state: ClientState): void {
  const { consumer } = stream as { consumer?: object }
  if (consumer) {
    learnOptions(consumer, state)
    const { groupId } = consumer as { groupId?: unknown }
    if (typeof groupId === 'string') learn(state.facts, { groupId })
  }
  keepWireHeaders()
  instrumentListeners(stream, state)
}

interface Received {
  raw?: { headers?: unknown; value?: unknown }
  result?: object
}

const receives = 'tracing:plt:kafka:consumer:receives:asyncStart'
const lags = 'plt:kafka:consumer:lag'
let isListening = false

/** The bytes of the headers, which the application's deserializers may turn into anything before we see them. */
function keepWireHeaders(): void {
  if (isListening) return
  isListening = true
  subscribe(receives, message => {
    // What a subscriber throws, Node makes an uncaught exception of the application.
    try {
      const { raw, result } = message as Received
      if (raw?.headers && result) registry.wireHeaders.set(result, raw.headers)
      if (raw?.value === null && result) registry.tombstones.add(result)
    } catch (error) {
      swallow(receives, error)
    }
  })
  subscribe(lags, message => guard(lags, () => recordLags(message as Lags)))
}

interface Lags {
  client?: object
  lag?: Map<string, bigint[]>
}

/** Published when the application measures lag (`getLag`, `startLagMonitoring`), -1 for partitions of others. */
function recordLags({ client, lag }: Lags): void {
  const state = client && registry.clients.get(client)
  if (!state?.on || !lag) return
  for (const [topic, partitions] of lag) {
    partitions.forEach((records, partition) => {
      recordLag(state, topic, partition, records)
    })
  }
}

/** The library keeps the constructor's options under a symbol that it exports as kOptions. */
function readOptions(client: object): Record<string, unknown> {
  for (let holder: object | null = client; holder; holder = Object.getPrototypeOf(holder)) {
    const symbol = Object.getOwnPropertySymbols(holder).find(
      own => own.description === 'plt.kafka.base.options',
    )
    if (symbol) return ((client as Record<symbol, unknown>)[symbol] ?? {}) as Record<string, unknown>
  }
  return {}
}

function learnOptions(client: object, state: ClientState): void {
  guard('read the options', () => {
    const { clientId, groupId, bootstrapBrokers } = readOptions(client)
    learn(state.facts, {
      clientId: typeof clientId === 'string' ? clientId : undefined,
      groupId: typeof groupId === 'string' ? groupId : undefined,
      ...readServer(bootstrapBrokers),
    })
  })
}
