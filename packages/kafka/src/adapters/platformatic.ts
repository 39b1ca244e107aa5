// @platformatic/kafka 2: promises or callbacks to produce, Node streams to consume.
import { type Context, context } from '@opentelemetry/api'
import { readServer } from '../facts.ts'
import { guard, sayOnce } from '../guard.ts'
import { isIgnored } from '../options.ts'
import { type ClientState, learn, registry } from '../registry.ts'
import { beginSend, copyFields, type HeaderEncoding, type Send } from '../send.ts'
import { probeSerializers } from '../serializers.ts'
import { isQuiet } from '../telemetry.ts'
import { type AnyFunction, replace } from '../wrap.ts'
import { instrumentListeners, markDelivered } from './listeners.ts'

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
          state.on && registry.inside === 0 && !isQuiet(active) ? planSend(args[0], state) : undefined
        if (!planned) return original.apply(this, args)
        encoding ??= chooseEncoding(producer)
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
          if (stream && !registry.clients.has(stream)) {
            registry.clients.set(stream, state)
            instrumentProducerStream(stream, state)
          }
        })
        return stream
      },
  )
}

/** Indexes of the messages of each topic, in the order in which the topics appear. */
function planSend(options: unknown, state: ClientState): Map<string, number[]> | undefined {
  const messages = (options as { messages?: unknown } | null | undefined)?.messages
  if (!Array.isArray(messages)) return undefined
  const byTopic = new Map<string, number[]>()
  messages.forEach((message: ProducedMessage | null | undefined, i) => {
    const topic = message?.topic
    if (typeof topic !== 'string' || isIgnored(state.settings, topic)) return
    const indexes = byTopic.get(topic)
    if (indexes) indexes.push(i)
    else byTopic.set(topic, [i])
  })
  return byTopic.size > 0 ? byTopic : undefined
}

function sendTraced(
  original: AnyFunction,
  self: unknown,
  args: unknown[],
  planned: Map<string, number[]>,
  state: ClientState,
  active: Context,
  encoding: HeaderEncoding | null,
): unknown {
  const options = args[0] as { messages: unknown[] }
  const outgoing = options.messages.slice()
  const sends: { send: Send; topic: string }[] = []
  for (const [topic, indexes] of planned) {
    const messages = indexes.map(i => options.messages[i])
    // Messages written to a stream were traced where they were written; see `rememberWriter`.
    const from = messages.length === 1 ? writers.get(messages[0] as object) : undefined
    const send = beginSend(state, topic, messages, from ?? active, encoding)
    if (!send) continue
    sends.push({ send, topic })
    indexes.forEach((index, i) => {
      outgoing[index] = send.messages[i]
    })
  }
  if (sends.length === 0) return original.apply(self, args)
  // The library writes defaults into the options it gets; with ours being a copy it does not change the caller's.
  const copy = copyFields(options, sendFields)
  copy.messages = outgoing
  const succeed = (result: unknown) => {
    for (const { send, topic } of sends) send.succeed(findOffset(result, topic))
  }
  const fail = (error: unknown) => {
    for (const { send } of sends) send.fail(error)
  }
  const callback = args[1]
  try {
    if (typeof callback === 'function') {
      const done = (error: unknown, ...results: unknown[]) => {
        if (error) fail(error)
        else succeed(results[0])
        return context.with(active, callback as (...all: unknown[]) => unknown, undefined, error, ...results)
      }
      return callMarked(original, self, [copy, done, ...args.slice(2)])
    }
    const result = callMarked(original, self, [copy, ...args.slice(1)]) as PromiseLike<unknown> | undefined
    if (typeof result?.then !== 'function') {
      succeed(undefined)
      return result
    }
    return result.then(
      value => {
        succeed(value)
        return value
      },
      error => {
        fail(error)
        throw error
      },
    )
  } catch (error) {
    fail(error)
    throw error
  }
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
}

export function instrumentConsumer(consumer: object, state: ClientState): void {
  learnOptions(consumer, state)
  // The stream exists before anyone can listen to it, whether it comes by promise or by callback.
  const adopt = (stream: unknown) => {
    guard('instrument a message stream', () => {
      if (stream === null || typeof stream !== 'object' || registry.clients.has(stream)) return
      registry.clients.set(stream, state)
      instrumentMessagesStream(stream, state)
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
            if (!error) adopt(stream)
            return callback(error, stream, ...rest)
          }
          return original.call(this, args[0], done, ...args.slice(2))
        }
        const result = original.apply(this, args)
        if (typeof result?.then !== 'function') return result
        return result.then((stream: unknown) => {
          adopt(stream)
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
  instrumentListeners(stream, state)
  replace(stream, Symbol.asyncIterator, state, original => wrapIterator(original, state))
}

/** `for await`: messages are counted when they are handed out; their spans come from `traceMessage`. */
function wrapIterator(original: AnyFunction, state: ClientState): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    const iterator = original.apply(this, args)
    const next = iterator?.next
    if (typeof next !== 'function') return iterator
    iterator.next = function (this: unknown, ...all: unknown[]) {
      return next.apply(this, all).then((step: { done?: boolean; value?: unknown }) => {
        if (!step.done && state.on) guard('deliver', () => markDelivered(step.value, state))
        return step
      })
    }
    return iterator
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
