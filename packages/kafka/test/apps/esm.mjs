// An ES module application, without any loader hook for ES modules. Case C53.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { context, trace } from '@opentelemetry/api'
import { Kafka, logLevel } from 'kafkajs'
import * as sources from '../../src/index.ts'
import { startBroker } from '../support/broker.ts'
import { until } from '../support/traces.ts'
import { headerNames, readWire } from '../support/wire.ts'
import { check, imports, runCases, sdk } from './check.mjs'

const api =
  process.env.TEST_PRELOAD === '1' ? createRequire(import.meta.url)(process.env.TEST_COMMONJS_COPY) : sources
const broker = await startBroker()

check('C53 kafkajs imported as an ES module is instrumented, once', async () => {
  const topic = broker.newTopic()
  const bare = new Kafka({ clientId: 'app', brokers: [broker.address], logLevel: logLevel.NOTHING })
  const kafka = imports ? api.instrumentKafka(bare) : bare
  const producer = kafka.producer()
  const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: 20 })
  await Promise.all([producer.connect(), consumer.connect()])
  await producer.send({ topic, messages: [{ value: 'v' }] })
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const seen = []
  await consumer.run({
    eachMessage: async () => void seen.push(trace.getSpanContext(context.active())?.traceId),
  })
  await until(() => sdk.spans().length === 2, 'two spans', 8000)
  assert.deepEqual(
    sdk.spans().map(span => span.name),
    [`send ${topic}`, `process ${topic}`],
  )
  const [send, received] = sdk.spans()
  assert.equal(received.parentSpanContext.spanId, send.spanContext().spanId)
  assert.deepEqual(seen, [send.spanContext().traceId])
  assert.deepEqual((await readWire(broker.address, topic)).map(headerNames), [['traceparent']])
  assert.equal(send.attributes['messaging.client.id'], 'app')
  // It comes with the metadata that a consumer has by then.
  assert.equal(received.attributes['messaging.kafka.cluster.id'] ?? null, await readClusterId())
  const [address, port] = broker.address.split(':')
  assert.equal(received.attributes['server.address'], address)
  assert.equal(received.attributes['server.port'], Number(port))
  await producer.disconnect()
  await consumer.disconnect()
})

async function readClusterId() {
  const admin = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const { clusterId } = await admin.describeCluster()
  await admin.disconnect()
  return clusterId
}

await runCases()
await broker.stop()
process.exit(0)
