// Which client is this, and which adapter instruments it. In place: the same object, the same type, `instanceof` and
// #private fields intact.
import * as confluent from './adapters/confluent.ts'
import * as kafkajs from './adapters/kafkajs.ts'
import { watchClusters } from './adapters/kafkajs-cluster.ts'
import * as platformatic from './adapters/platformatic.ts'
import * as rdkafka from './adapters/rdkafka.ts'
import { readClientInfo } from './facts.ts'
import { guard, sayOnce } from './guard.ts'
import type { ClientInfo, KafkaOptions } from './options.ts'
import { adopt, type ClientFacts, type ClientState, claim, learn, registry } from './registry.ts'
import { type AnyFunction, replace } from './wrap.ts'

type Instrument = (client: object, state: ClientState) => void

/** From top to bottom, the first whose functions are all there. */
const producers: readonly { has: readonly string[]; instrument: Instrument }[] = [
  { has: ['produce', 'poll'], instrument: rdkafka.instrumentProducer },
  { has: ['send', 'asStream'], instrument: platformatic.instrumentProducer },
  { has: ['_write', '_final', 'close'], instrument: platformatic.instrumentProducerStream },
  { has: ['_write', '_writev', 'close', 'connect'], instrument: rdkafka.instrumentProducerStream },
  { has: ['send', 'sendBatch', '_getInternalClient'], instrument: confluent.instrumentProducer },
  { has: ['send', 'sendBatch'], instrument: kafkajs.instrumentProducer },
]
const consumers: readonly { has: readonly string[]; instrument: Instrument }[] = [
  { has: ['consume', 'commitMessage'], instrument: rdkafka.instrumentConsumer },
  { has: ['consume', 'joinGroup'], instrument: platformatic.instrumentConsumer },
  { has: ['isActive', 'isConnected', 'pipe'], instrument: platformatic.instrumentMessagesStream },
  { has: ['pipe', 'read'], instrument: rdkafka.instrumentStream },
  { has: ['run', '_getInternalClient'], instrument: confluent.instrumentConsumer },
  { has: ['run', 'subscribe'], instrument: kafkajs.instrumentConsumer },
]

function attach(
  client: object,
  table: typeof producers,
  options: (ClientInfo & KafkaOptions) | undefined,
  facts: ClientFacts,
): void {
  guard('instrument a client', () => {
    const row = table.find(({ has }) => hasFunctions(client, ...has))
    if (!row) {
      sayUnknown(client, table)
      return
    }
    const owner = ownerOf(client)
    const made = owner && adopt(client, owner)
    const { state, isNew } = claim(client, made ? undefined : options)
    learn(state.facts, readClientInfo(options))
    learn(state.facts, facts)
    if (isNew || made) row.instrument(client, state)
  })
}

const hasFunctions = (value: unknown, ...names: readonly string[]): boolean =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  names.every(name => typeof (value as Record<string, unknown>)[name] === 'function')

/** What was given is not what was asked for: which function was meant, where that can be told. */
function sayUnknown(given: unknown, asked: typeof producers | 'Kafka'): void {
  const isKafka = hasFunctions(given, 'producer', 'consumer')
  const isProducer = producers.some(({ has }) => hasFunctions(given, ...has))
  const isConsumer = consumers.some(({ has }) => hasFunctions(given, ...has))
  const what = isKafka
    ? 'this is a Kafka object; use instrumentKafka(kafka)'
    : isProducer && asked !== producers
      ? 'this is a producer; use traceProducer(producer)'
      : isConsumer && asked !== consumers
        ? 'this is a consumer; use traceConsumer(consumer)'
        : asked === 'Kafka'
          ? 'this is no Kafka object of a client we know'
          : 'this is no producer or consumer we know'
  sayOnce('warn', `ORG_OTEL_KAFKA_UNKNOWN_CLIENT ${what}; it is not traced`)
}

/** State of the traced client that made this stream: its options are the ones that count. */
function ownerOf(stream: object): ClientState | undefined {
  const { consumer, producer } = stream as { consumer?: unknown; producer?: unknown }
  const owner = consumer ?? producer
  return owner !== null && typeof owner === 'object' ? registry.clients.get(owner) : undefined
}

export function attachProducer(
  producer: object,
  options: (ClientInfo & KafkaOptions) | undefined,
  facts: ClientFacts,
): void {
  attach(producer, producers, options, facts)
}

export function attachConsumer(
  consumer: object,
  options: (ClientInfo & KafkaOptions) | undefined,
  facts: ClientFacts,
): void {
  attach(consumer, consumers, options, facts)
}

/**
 * Instruments every producer and consumer this `Kafka` object (kafkajs, or confluent's KafkaJS API) makes from now on.
 * Returns the same object. Doing it twice, or with the preload active, changes nothing but the options.
 *
 * @throws nothing: what it does not know stays untouched, with one warning on OpenTelemetry's `diag`
 * @example
 * ```ts
 * import { Kafka } from 'kafkajs'
 * import { instrumentKafka } from '@org/otel-kafka'
 *
 * const kafka = instrumentKafka(new Kafka({ clientId: 'shop', brokers: ['localhost:9092'] }))
 * const producer = kafka.producer() // traced
 * ```
 */
export function instrumentKafka<K extends object>(kafka: K, options?: KafkaOptions & ClientInfo): K {
  guard('instrumentKafka', () => {
    if (!hasFunctions(kafka, 'producer', 'consumer')) {
      sayUnknown(kafka, 'Kafka')
      return
    }
    const { state, isNew } = claim(kafka, options)
    learn(state.facts, readClientInfo(options))
    if (!isNew) return
    const withCluster = watchClusters(kafka, state)
    wrapFactory(kafka, 'producer', state, withCluster, (client, config, cluster) => {
      const facts: ClientFacts = confluent.readConstructorConfig(config)
      attachProducer(client, state.given, { ...cluster, ...state.facts, ...facts })
    })
    wrapFactory(kafka, 'consumer', state, withCluster, (client, config, cluster) => {
      const { groupId } = (config ?? {}) as { groupId?: unknown }
      const facts: ClientFacts = confluent.readConstructorConfig(config)
      if (typeof groupId === 'string') facts.groupId = groupId
      attachConsumer(client, state.given, { ...cluster, ...state.facts, ...facts })
    })
  })
  return kafka
}

function wrapFactory(
  kafka: object,
  name: 'producer' | 'consumer',
  state: ClientState,
  withCluster: ReturnType<typeof watchClusters>,
  made: (client: object, config: unknown, cluster: ClientFacts) => void,
): void {
  replace(
    kafka,
    name,
    state,
    (original): AnyFunction =>
      function (this: unknown, ...args: unknown[]) {
        let client: any
        const cluster = withCluster(() => (client = original.apply(this, args)))
        if (state.on) guard(`instrument a ${name}`, () => made(client, args[0], cluster))
        return client
      },
  )
}

/**
 * Instruments one producer of any supported client, or one of platformatic's producer streams. Returns the same object
 * with the same type.
 *
 * @param info options, and facts the client does not tell (`clientId`, `bootstrapServers`)
 * @example
 * ```ts
 * import { Kafka } from 'kafkajs'
 * import { traceProducer } from '@org/otel-kafka'
 *
 * const producer = traceProducer(new Kafka({ brokers: ['localhost:9092'] }).producer())
 * await producer.connect()
 * await producer.send({ topic: 'orders', messages: [{ value: 'one' }] })
 * // span "send orders", and its traceparent in the headers of the record
 * ```
 */
export function traceProducer<P extends object>(producer: P, info?: ClientInfo & KafkaOptions): P {
  attachProducer(producer, info, {})
  return producer
}

/**
 * Instruments one consumer or message stream of any supported client. Call it before `run` or `consume`. Returns the
 * same object with the same type.
 *
 * @example
 * ```ts
 * import { Kafka } from 'kafkajs'
 * import { traceConsumer } from '@org/otel-kafka'
 *
 * const consumer = traceConsumer(new Kafka({ brokers: ['localhost:9092'] }).consumer({ groupId: 'billing' }))
 * await consumer.run({
 *   eachMessage: async ({ message }) => {
 *     // runs in the span "process orders", child of the span that sent the message
 *   },
 * })
 * ```
 */
export function traceConsumer<C extends object>(consumer: C, info?: ClientInfo & KafkaOptions): C {
  const isNew = typeof consumer === 'object' && consumer !== null && !registry.clients.has(consumer)
  attachConsumer(consumer, info, {})
  if (isNew) guard('late use', () => sayLate(consumer))
  return consumer
}

/** Called after `run` or after a listener was added, `traceConsumer` has nothing left to wrap. */
function sayLate(consumer: object): void {
  const { listenerCount } = consumer as { listenerCount?: (event: string) => number }
  if (typeof listenerCount === 'function' && listenerCount.call(consumer, 'data') > 0)
    sayOnce(
      'warn',
      "ORG_OTEL_KAFKA_LATE traceConsumer() was called after a 'data' listener was added; that listener is not traced. Call it first",
    )
  const state = registry.clients.get(consumer)
  if (state) kafkajs.watchLateRun(consumer, state)
}

/**
 * Takes the instrumentation off a client again. Handlers that are running finish their spans. Unknown clients are
 * left alone.
 *
 * @example
 * ```ts
 * import { Kafka } from 'kafkajs'
 * import { traceProducer, untrace } from '@org/otel-kafka'
 *
 * const producer = traceProducer(new Kafka({ brokers: ['localhost:9092'] }).producer())
 * untrace(producer)
 * ```
 */
export function untrace(client: object): void {
  guard('untrace', () => {
    const state = registry.clients.get(client)
    if (!state) return
    state.on = false
    registry.clients.delete(client)
    for (const undo of state.undo.splice(0).reverse()) undo()
  })
}
