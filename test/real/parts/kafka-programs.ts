// Programs that use each Kafka client the way an application does, none of which mentions OpenTelemetry. They are text,
// so that they run beside a client that was compiled into the cache, as CommonJS and as ES module.
//
// Every client is brought to the same four functions; the stories are written against those.
import { join } from 'node:path'
import { installNativeKafkaClients } from './install.ts'

export type ModuleKind = 'cjs' | 'esm'

export interface KafkaClient {
  readonly name: string
  /** Folder whose node_modules has it. */
  home(): string
  readonly kinds: readonly ModuleKind[]
  /** What is imported: a binding and a package. */
  readonly from: readonly [binding: string, specifier: string]
  /** Defines `connect()`, `send(topic, values)`, `listen(topic, handler)` and, where there are batches, `listenBatch`. */
  readonly glue: string
  readonly batches: boolean
  /** Handlers that fail get their message again. */
  readonly redelivers: boolean
  /** `error.type` of a message that is too large, where the client says so. */
  readonly tooLarge: string | RegExp
}

const workspace = () => join(__dirname, '../..')

const kafkajs: KafkaClient = {
  name: 'kafkajs',
  home: workspace,
  kinds: ['cjs', 'esm'],
  from: ['{ Kafka }', 'kafkajs'],
  batches: true,
  redelivers: true,
  tooLarge: 'MESSAGE_TOO_LARGE',
  glue: `
const kafka = new Kafka({ clientId: 'shop', brokers: [KAFKA_BROKERS], logLevel: 0, retry: { initialRetryTime: 50 } })
const producer = kafka.producer()
async function connect(topics) {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: topics.map(topic => ({ topic, numPartitions: 1 })) })
  await admin.disconnect()
  await producer.connect()
}
const send = (topic, values) => producer.send({ topic, messages: values.map(value => ({ value })) })
async function run(topic, config) {
  const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: 50, retry: { initialRetryTime: 50 } })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run(config)
}
const listen = (topic, handler) => run(topic, { eachMessage: ({ message }) => handler(String(message.value)) })
const listenBatch = (topic, handler) =>
  run(topic, { eachBatch: ({ batch }) => handler(batch.messages.map(message => String(message.value))) })
`,
}

const confluent: KafkaClient = {
  name: '@confluentinc/kafka-javascript, KafkaJS-style',
  home: installNativeKafkaClients,
  kinds: ['cjs', 'esm'],
  from: ['confluent', '@confluentinc/kafka-javascript'],
  batches: true,
  redelivers: true,
  tooLarge: /MSG_SIZE_TOO_LARGE|MESSAGE_TOO_LARGE/,
  glue: `
const kafka = new confluent.KafkaJS.Kafka({ kafkaJS: { clientId: 'shop', brokers: [KAFKA_BROKERS], logLevel: 0 } })
const producer = kafka.producer({ 'linger.ms': 0 })
async function connect(topics) {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: topics.map(topic => ({ topic, numPartitions: 1 })) })
  await admin.disconnect()
  await producer.connect()
}
const send = (topic, values) => producer.send({ topic, messages: values.map(value => ({ value })) })
async function run(topic, config) {
  const consumer = kafka.consumer({ kafkaJS: { groupId: topic, fromBeginning: true }, 'fetch.wait.max.ms': 50 })
  await consumer.connect()
  await consumer.subscribe({ topic })
  await consumer.run(config)
}
const listen = (topic, handler) => run(topic, { eachMessage: ({ message }) => handler(String(message.value)) })
const listenBatch = (topic, handler) =>
  run(topic, { eachBatch: ({ batch }) => handler(batch.messages.map(message => String(message.value))) })
`,
}

/** What node-rdkafka and the RdKafka API of confluent share; \`rdkafka\` is the module. */
const rdkafkaGlue = `
const common = { 'bootstrap.servers': KAFKA_BROKERS, 'client.id': 'shop', 'log_level': 0 }
const producer = new rdkafka.HighLevelProducer({ ...common, 'linger.ms': 0 })
async function connect(topics) {
  const admin = rdkafka.AdminClient.create(common)
  for (const topic of topics) {
    const description = { topic, num_partitions: 1, replication_factor: 1 }
    await new Promise((done, fail) => admin.createTopic(description, 5000, error => (error ? fail(error) : done())))
  }
  admin.disconnect()
  producer.setPollInterval(10)
  await new Promise((done, fail) => producer.connect({}, error => (error ? fail(error) : done())))
}
const send = (topic, values) =>
  Promise.all(values.map(value => new Promise((done, fail) =>
    producer.produce(topic, null, Buffer.from(value), null, Date.now(), error => (error ? fail(error) : done())))))
async function subscribed(topic) {
  const consumer = new rdkafka.KafkaConsumer(
    { ...common, 'group.id': topic, 'fetch.wait.max.ms': 50 }, { 'auto.offset.reset': 'earliest' })
  await new Promise((done, fail) => consumer.connect({}, error => (error ? fail(error) : done())))
  consumer.subscribe([topic])
  return consumer
}
async function listen(topic, handler) {
  const consumer = await subscribed(topic)
  consumer.on('data', message => handler(String(message.value)))
  consumer.consume()
}
async function listenBatch(topic, handler) {
  const consumer = await subscribed(topic)
  const poll = () => consumer.consume(10, async (error, messages) => {
    if (!error && messages.length > 0) await handler(messages.map(message => String(message.value)))
    setTimeout(poll, 20)
  })
  poll()
}
`

const confluentRdkafka: KafkaClient = {
  ...confluent,
  name: '@confluentinc/kafka-javascript, rdkafka-style',
  kinds: ['cjs', 'esm'],
  from: ['rdkafka', '@confluentinc/kafka-javascript'],
  redelivers: false,
  glue: rdkafkaGlue,
}

const nodeRdkafka: KafkaClient = {
  ...confluentRdkafka,
  name: 'node-rdkafka',
  from: ['rdkafka', 'node-rdkafka'],
}

const platformatic: KafkaClient = {
  name: '@platformatic/kafka',
  home: workspace,
  kinds: ['esm'],
  from: ['{ Admin, Consumer, Producer, stringDeserializers, stringSerializers }', '@platformatic/kafka'],
  batches: false,
  redelivers: false,
  tooLarge: 'MESSAGE_TOO_LARGE',
  glue: `
const common = { clientId: 'shop', bootstrapBrokers: [KAFKA_BROKERS] }
const producer = new Producer({ ...common, serializers: stringSerializers })
async function connect(topics) {
  const admin = new Admin(common)
  await admin.createTopics({ topics, partitions: 1, replicas: 1 })
  await admin.close()
}
const send = (topic, values) => producer.send({ messages: values.map(value => ({ topic, value })) })
async function listen(topic, handler) {
  const consumer = new Consumer({ ...common, groupId: topic, deserializers: stringDeserializers, maxWaitTime: 50 })
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest' })
  stream.on('data', message => handler(message.value))
}
`,
}

export const kafkaClients = { kafkajs, confluent, confluentRdkafka, nodeRdkafka, platformatic } as const

function imports(
  kind: ModuleKind,
  pairs: readonly (readonly [binding: string, specifier: string])[],
): string {
  return pairs
    .map(([binding, specifier]) =>
      kind === 'esm' ? `import ${binding} from '${specifier}'` : `const ${binding} = require('${specifier}')`,
    )
    .join('\n')
}

/**
 * A shop behind HTTP. `/send?topic=&value=` sends one message, `/many?topic=&count=` several in one call. Messages of
 * TOPIC are handled by asking the shop itself for `/shipped/<value>`; messages of BATCH_TOPIC are handled in batches
 * once `/batches` was asked for. The value `poison` fails the first time.
 */
export function shopProgram(client: KafkaClient, kind: ModuleKind): string {
  return `${imports(kind, [['http', 'node:http'], client.from])}
const { KAFKA_BROKERS, TOPIC, BATCH_TOPIC } = process.env
${client.glue}
let self
let poisoned = false
class OutOfStock extends Error {
  name = 'OutOfStock'
}
async function ship(value) {
  if (value === 'poison' && !poisoned) {
    poisoned = true
    throw new OutOfStock('no such article')
  }
  await fetch(self + '/shipped/' + value)
}
const shipAll = async values => {
  await fetch(self + '/shipped/' + values.length)
  console.log('batch of ' + values.length)
}
const routes = {
  '/send': query => send(query.get('topic'), [query.get('value')]),
  '/many': query => send(query.get('topic'), Array.from({ length: Number(query.get('count')) }, (_, i) => 'm' + i)),
  '/too-large': () => send(TOPIC, ['x'.repeat(3 << 20)]),
  '/batches': () => listenBatch(BATCH_TOPIC, shipAll),
}
const server = http.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://shop')
  try {
    await routes[url.pathname]?.(url.searchParams)
    response.end('ok')
  } catch (error) {
    response.writeHead(500).end(String(error))
  }
})
async function main() {
  await connect([TOPIC, BATCH_TOPIC])
  await listen(TOPIC, ship)
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  self = 'http://127.0.0.1:' + server.address().port
  console.log('listening ' + server.address().port)
}
main().catch(error => { console.error(error); process.exit(1) })
`
}

/** The event and stream side of librdkafka: a plain producer, a write stream, a read stream. Says what was read. */
export function streamProgram(client: KafkaClient): string {
  return `const { Producer, KafkaConsumer, AdminClient } = require('${client.from[1]}')
const { KAFKA_BROKERS, TOPIC } = process.env
const common = { 'bootstrap.servers': KAFKA_BROKERS, 'client.id': 'streams', 'log_level': 0 }
const values = []
async function main() {
  const admin = AdminClient.create(common)
  await new Promise((done, fail) => admin.createTopic(
    { topic: TOPIC, num_partitions: 1, replication_factor: 1 }, 5000, error => (error ? fail(error) : done())))
  admin.disconnect()
  const reader = KafkaConsumer.createReadStream(
    { ...common, 'group.id': TOPIC, 'fetch.wait.max.ms': 50 }, { 'auto.offset.reset': 'earliest' },
    { topics: [TOPIC], waitInterval: 20 })
  reader.on('data', message => {
    values.push(String(message.value))
    if (values.length === 2) {
      console.log(JSON.stringify({ values }))
      console.log('ready')
    }
  })
  const producer = new Producer({ ...common, 'linger.ms': 0 })
  await new Promise((done, fail) => producer.connect({}, error => (error ? fail(error) : done())))
  producer.setPollInterval(20)
  producer.produce(TOPIC, null, Buffer.from('produced'), 'key', Date.now(), { mine: true }, [{ own: 'header' }])
  await new Promise((done, fail) => producer.flush(5000, error => (error ? fail(error) : done())))
  const writer = Producer.createWriteStream({ ...common, 'linger.ms': 0 }, {}, { topic: TOPIC })
  writer.write(Buffer.from('written'))
}
main().catch(error => { console.error(error); process.exit(1) })
`
}
