// Programs for the days when Kafka is not calm, for the two clients that share the KafkaJS API.
import { type KafkaClient, kafkaClients } from './kafka-programs.ts'

const dialects = {
  kafkajs: `
const { Kafka } = require('kafkajs')
const retry = { initialRetryTime: 100, maxRetryTime: 1000, retries: 12 }
const newKafka = clientId => new Kafka({ clientId, brokers: [KAFKA_BROKERS], logLevel: 0, retry })
const newProducer = (kafka, options) => kafka.producer(options)
const newConsumer = (kafka, groupId) =>
  kafka.consumer({ groupId, maxWaitTimeInMs: 100, sessionTimeout: 6000, heartbeatInterval: 300, retry })
const subscribe = (consumer, topic) => consumer.subscribe({ topic, fromBeginning: true })
`,
  confluent: `
const { KafkaJS } = require('@confluentinc/kafka-javascript')
const newKafka = clientId => new KafkaJS.Kafka({ kafkaJS: { clientId, brokers: [KAFKA_BROKERS], logLevel: 0 } })
const newProducer = (kafka, options) => kafka.producer({ kafkaJS: options, 'linger.ms': 0 })
const newConsumer = (kafka, groupId) =>
  kafka.consumer({
    kafkaJS: { groupId, fromBeginning: true, sessionTimeout: 6000, heartbeatInterval: 300 },
    'fetch.wait.max.ms': 100,
  })
const subscribe = (consumer, topic) => consumer.subscribe({ topic })
`,
}

export type Dialect = keyof typeof dialects

export function clientOf(dialect: Dialect): KafkaClient {
  return kafkaClients[dialect]
}

function program(dialect: Dialect, body: string): string {
  return `'use strict'
const { setTimeout: pause } = require('node:timers/promises')
const { KAFKA_BROKERS, TOPIC } = process.env
${dialects[dialect]}
const say = entry => console.log(JSON.stringify(entry))
async function until(what, condition, ms = 60_000) {
  const deadline = Date.now() + ms
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('waited for ' + what)
    await pause(20)
  }
}
async function createTopic(kafka, numPartitions) {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions }] })
  await admin.disconnect()
}
async function consume(kafka, config) {
  const consumer = newConsumer(kafka, 'group-' + TOPIC)
  await consumer.connect()
  await subscribe(consumer, TOPIC)
  await consumer.run(config)
  return consumer
}
async function main() {
${body}
}
main().catch(error => { console.error(error); process.exit(1) })
`
}

/** One message aborted, one committed, one from an idempotent producer; says what is delivered. */
export const transactions = (dialect: Dialect) =>
  program(
    dialect,
    `
  const kafka = newKafka('bank')
  await createTopic(kafka, 1)
  const message = value => ({ topic: TOPIC, messages: [{ value }] })
  const producer = newProducer(kafka, { transactionalId: 'tx-' + TOPIC, idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const aborted = await producer.transaction()
  await aborted.send(message('aborted'))
  await aborted.abort()
  const committed = await producer.transaction()
  await committed.send(message('committed'))
  await committed.commit()
  const idempotent = newProducer(kafka, { idempotent: true, maxInFlightRequests: 1 })
  await idempotent.connect()
  await idempotent.send(message('idempotent'))
  const seen = []
  await consume(kafka, { eachMessage: async ({ message }) => { seen.push(String(message.value)) } })
  await until('the last message', () => seen.includes('idempotent'))
  say({ seen })
  console.log('ready')
  setInterval(() => {}, 1000)`,
  )

/** A second consumer joins while messages flow; ends the flow when both had some of it. */
export const rebalance = (dialect: Dialect) =>
  program(
    dialect,
    `
  const kafka = newKafka('shop')
  await createTopic(kafka, 4)
  const producer = newProducer(kafka, {})
  await producer.connect()
  const handled = { one: [], two: [] }
  const join = name =>
    consume(newKafka(name), { eachMessage: async ({ message }) => { handled[name].push(Number(message.value)) } })
  await join('one')
  let sent = 0
  const send = async () => {
    const value = String(sent++)
    await producer.send({ topic: TOPIC, messages: [{ key: value, value }] })
  }
  const sendUntil = async condition => {
    for (; !condition(); await pause(10)) await send()
  }
  await sendUntil(() => handled.one.length >= 10)
  const joined = join('two')
  await sendUntil(() => handled.two.length >= 10)
  await joined
  const all = () => new Set([...handled.one, ...handled.two])
  await until('every message', () => all().size === sent)
  say({ sent, deliveries: handled.one.length + handled.two.length })
  console.log('ready')
  setInterval(() => {}, 1000)`,
  )

/** Sends numbers until SIGUSR2, sends again what failed, and ends when everything acknowledged was handled. */
export const outage = (dialect: Dialect) =>
  program(
    dialect,
    `
  const kafka = newKafka('shop')
  await createTopic(kafka, 1)
  const producer = newProducer(kafka, {})
  await producer.connect()
  const handled = new Set()
  let deliveries = 0
  await consume(kafka, { eachMessage: async ({ message }) => { deliveries++; handled.add(Number(message.value)) } })
  let running = true
  process.on('SIGUSR2', () => { running = false })
  const acknowledged = []
  let calls = 0, failures = 0, longestMs = 0
  const send = async value => {
    const started = Date.now()
    calls++
    try {
      await producer.send({ topic: TOPIC, messages: [{ value: String(value) }] })
      acknowledged.push(value)
    } catch {
      failures++
      await pause(100)
      return false
    } finally {
      longestMs = Math.max(longestMs, Date.now() - started)
    }
    return true
  }
  for (let value = 0; running; value++) {
    while (!(await send(value))) {}
    if (value === 20) console.log('ready')
    await pause(20)
  }
  await until('every acknowledged message', () => acknowledged.every(value => handled.has(value)), 90_000)
  say({ acknowledged: acknowledged.length, calls, failures, deliveries, longestMs })
  console.log('survived')
  setInterval(() => {}, 1000)`,
  )

/** 100,000 messages in batches, and what the heap keeps of them. */
export const flood = (dialect: Dialect) =>
  program(
    dialect,
    `
  require('node:v8').setFlagsFromString('--expose-gc')
  const gc = require('node:vm').runInNewContext('gc')
  const heapMb = () => { gc(); gc(); return process.memoryUsage().heapUsed / 2 ** 20 }
  const kafka = newKafka('flood')
  await createTopic(kafka, 1)
  const producer = newProducer(kafka, {})
  await producer.connect()
  let received = 0, batches = 0, sends = 0
  const consumer = await consume(kafka, {
    eachBatch: async ({ batch }) => { batches++; received += batch.messages.length },
  })
  const pump = async count => {
    const goal = received + count
    for (let sent = 0; sent < count; sent += 500) {
      const messages = Array.from({ length: 500 }, (_, i) => ({ key: 'k' + (sent + i), value: 'v'.repeat(100) }))
      await producer.send({ topic: TOPIC, messages })
      sends++
    }
    await until('every message', () => received === goal)
  }
  // Compiled code, buffers and series exist after this.
  await pump(10_000)
  await pause(500)
  const beforeMb = heapMb()
  const started = Date.now()
  await pump(100_000)
  const ms = Date.now() - started
  let afterMb = heapMb()
  // What is still to be sent by the exporters is not kept for long.
  for (let i = 0; i < 20 && afterMb > beforeMb + 1; i++) {
    await pause(200)
    afterMb = Math.min(afterMb, heapMb())
  }
  say({ sends, batches, received, ms, beforeMb, afterMb })
  console.log('ready')
  setInterval(() => {}, 1000)`,
  )
