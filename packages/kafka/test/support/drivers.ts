// One way to run the same case against kafkajs (real client, development broker) and the KafkaJS-style API of
// confluent (real JavaScript, native half in memory), under each way of activating the instrumentation.
import type { ClientInfo, KafkaOptions } from '../../src/index.ts'
import { type Broker, startBroker } from './broker.ts'
import { FakeCluster, fakeLibrdkafka } from './fake-librdkafka.ts'
import { readWire, type WireRecord } from './wire.ts'

/** `preload`: hooks only. `import`: functions only. `both`: hooks of one copy of the package, functions of another. */
export type Mode = 'preload' | 'import' | 'both' | 'none'
export const modes = ['preload', 'import', 'both'] as const

export type Api = typeof import('../../src/index.ts')
type Hooks = typeof import('../../src/hooks.ts')
type Options = KafkaOptions & ClientInfo

/** What both clients have in common, loosely typed: the cases pass what they want to see handled. */
export interface AnyProducer {
  connect(): Promise<void>
  disconnect(): Promise<void>
  send(record: any): Promise<any>
  sendBatch(batch: any): Promise<any>
  transaction(): Promise<any>
  [other: string]: any
}
export interface AnyConsumer {
  connect(): Promise<void>
  disconnect(): Promise<void>
  subscribe(subscription: any): Promise<void>
  run(config?: any): Promise<void>
  [other: string]: any
}

export interface Driver {
  readonly name: 'KJ' | 'CF'
  readonly api: Api
  readonly lib: any
  /** `host:port` of the only broker. */
  readonly address: string
  newTopic(): string
  /** Options for clients made from now on. */
  configure(options: Options): void
  /** An untouched `Kafka`, instrumented only as far as the mode does it. */
  kafka(): any
  producer(config?: Record<string, unknown>): Promise<AnyProducer>
  /** Runs until stopped; `handlers` is passed to `run` as it is. */
  consume(topics: string[], handlers: object, config?: Record<string, unknown>): Promise<AnyConsumer>
  /** A record as another producer would have written it. */
  put(topic: string, record: PutRecord): Promise<void>
  wire(topic: string): Promise<WireRecord[]>
  /** Every later send to the topic fails with UNKNOWN_TOPIC_OR_PARTITION. */
  breakTopic(topic: string): void
  /** Ends everything made since the last call. */
  settle(): Promise<void>
  stop(): Promise<void>
}

export interface PutRecord {
  key?: string | Buffer | null
  value?: string | Buffer | null
  headers?: Record<string, string | Buffer | (string | Buffer)[]>
  timestamp?: string
}

/** Applies the hooks' patches of one library to its inner files, the way the loader does when they are loaded. */
function mockFiles(library: string, hooks: ReturnType<Hooks['kafkaHooks']>): void {
  for (const patch of hooks.modules) {
    if (patch.name !== library) continue
    const file = require.resolve(`${library}/${patch.file}`)
    jest.doMock(file, () => {
      const info = { name: library, version: '0.0.0', baseDir: '', isEsm: false }
      return patch.patch(jest.requireActual(file), info)
    })
  }
}

function forgetFiles(library: string): void {
  for (const { name, file } of load<Hooks>('../../src/hooks.ts').kafkaHooks().modules) {
    if (name === library) jest.dontMock(require.resolve(`${library}/${file}`))
  }
}

/** A fresh copy of our package, and of what is required next. */
function load<T>(path: string): T {
  let loaded: T | undefined
  jest.isolateModules(() => {
    loaded = require(path)
  })
  return loaded!
}

interface Activated {
  api: Api
  options: Options
  activate<K extends object>(kafka: K): K
}

export function activate(library: string, mode: Mode): Activated {
  const options: Options = {}
  const api = load<Api>('../../src/index.ts')
  forgetFiles(library)
  if (mode === 'preload' || mode === 'both') {
    mockFiles(library, load<Hooks>('../../src/hooks.ts').kafkaHooks(options))
  }
  const imports = mode === 'import' || mode === 'both'
  return { api, options, activate: kafka => (imports ? api.instrumentKafka(kafka, options) : kafka) }
}

export function replaceOptions(target: object, options: object): void {
  for (const key of Object.keys(target)) delete (target as Record<string, unknown>)[key]
  Object.assign(target, options)
}

export async function loadKafkajs(mode: Mode): Promise<Driver> {
  jest.resetModules()
  const { api, options, activate: instrument } = activate('kafkajs', mode)
  const lib = require('kafkajs')
  const Broker = require('kafkajs/src/broker/index.js')
  const { createErrorFromCode } = require('kafkajs/src/protocol/error.js')
  const broken = new Set<string>()
  const produce = Broker.prototype.produce
  Broker.prototype.produce = function (request: { topicData: { topic: string }[] }) {
    if (request.topicData.some(({ topic }) => broken.has(topic)))
      return Promise.reject(createErrorFromCode(3))
    return produce.call(this, request)
  }
  const broker: Broker = await startBroker()
  const config = { clientId: 'app', brokers: [broker.address], logLevel: lib.logLevel.NOTHING }
  const open: { disconnect(): Promise<void> }[] = []
  const plain = new lib.Kafka(config).producer({ createPartitioner: lib.Partitioners.DefaultPartitioner })
  api.untrace(plain)
  await plain.connect()
  const newKafka = () => new lib.Kafka(config)
  const driver: Driver = {
    name: 'KJ',
    address: broker.address,
    newTopic: broker.newTopic,
    api,
    lib,
    configure: given => replaceOptions(options, given),
    kafka: newKafka,
    async producer(more = {}) {
      const kafka = instrument(newKafka())
      const producer = kafka.producer({
        retry: { retries: 1, initialRetryTime: 1, maxRetryTime: 2 },
        ...more,
      })
      open.push(producer)
      await producer.connect()
      return producer
    },
    async consume(topics, handlers, more = {}) {
      const kafka = instrument(newKafka())
      const retry = { initialRetryTime: 1, maxRetryTime: 5 }
      const consumer = kafka.consumer({ groupId: 'group', maxWaitTimeInMs: 20, retry, ...more })
      open.push(consumer)
      await consumer.connect()
      await consumer.subscribe({ topics, fromBeginning: true })
      await consumer.run(handlers)
      return consumer
    },
    async put(topic, { value = 'v', ...record }) {
      await plain.send({ topic, messages: [{ value, ...record }] })
    },
    wire: topic => readWire(broker.address, topic),
    breakTopic: topic => void broken.add(topic),
    async settle() {
      for (const client of open.splice(0)) await client.disconnect()
    },
    async stop() {
      await driver.settle()
      await plain.disconnect()
      await broker.stop()
    },
  }
  return driver
}

export async function loadConfluent(mode: Mode): Promise<Driver> {
  jest.resetModules()
  const library = '@confluentinc/kafka-javascript'
  let cluster = new FakeCluster()
  let topics = 0
  jest.doMock(require.resolve(`${library}/librdkafka.js`), () => fakeLibrdkafka(cluster))
  const { api, options, activate: instrument } = activate(library, mode)
  const lib = require(library).KafkaJS
  const quiet: Record<string, unknown> = { setLogLevel() {} }
  for (const level of ['info', 'warn', 'error', 'debug']) quiet[level] = () => {}
  quiet.namespace = () => quiet
  const open: { disconnect(): Promise<void> }[] = []
  const newKafka = () =>
    new lib.Kafka({ kafkaJS: { clientId: 'app', brokers: ['127.0.0.1:1'], logger: quiet } })
  const driver: Driver = {
    name: 'CF',
    address: '127.0.0.1:1',
    newTopic: () => `topic-${++topics}`,
    api,
    lib,
    configure: given => replaceOptions(options, given),
    kafka: newKafka,
    async producer(more = {}) {
      const producer = instrument(newKafka()).producer({ kafkaJS: more })
      open.push(producer)
      await producer.connect()
      return producer
    },
    async consume(topics, handlers, more = {}) {
      const consumer = instrument(newKafka()).consumer({
        kafkaJS: { groupId: 'group', fromBeginning: true, ...more },
      })
      open.push(consumer)
      await consumer.connect()
      await consumer.subscribe({ topics })
      await consumer.run(handlers)
      return consumer
    },
    async put(topic, { key, value = 'v', headers = {}, timestamp }) {
      cluster.put(topic, {
        key: key === undefined || key === null ? null : Buffer.from(key as string),
        value: value === null ? null : Buffer.from(value as string),
        headers: Object.entries(headers).flatMap(([name, values]) =>
          [values].flat().map(one => ({ [name]: Buffer.from(one as string) })),
        ),
        ...(timestamp !== undefined && { timestamp: Number(timestamp) }),
      })
    },
    async wire(topic) {
      return cluster.recordsOf(topic).map(({ key, value, headers }) => ({
        key: key === null || key === undefined ? null : Buffer.from(key as string),
        value,
        headers: (headers ?? []).map(header => {
          const name = Object.keys(header)[0]!
          return [name, Buffer.from(header[name] as string)] as const
        }),
      }))
    },
    breakTopic(topic) {
      if (topic !== 'missing') throw new Error('the fake knows one broken topic, "missing"')
    },
    async settle() {
      for (const client of open.splice(0)) await client.disconnect()
      cluster.produced.length = 0
      cluster.topics.clear()
    },
    async stop() {
      await driver.settle()
      cluster = new FakeCluster()
    },
  }
  return driver
}

export const loaders = { KJ: loadKafkajs, CF: loadConfluent }

/** Every client with every mode, as rows for `describe.each`. */
export const combinations = (['KJ', 'CF'] as const).flatMap(client =>
  modes.map(mode => [client, mode] as const),
)
