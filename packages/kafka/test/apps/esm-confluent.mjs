// confluent's client in an ES module application, without any loader hook. Case C53. Its native half is in memory.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import confluent, { KafkaJS } from '@confluentinc/kafka-javascript'
import { context, trace } from '@opentelemetry/api'
import * as sources from '../../src/index.ts'
import { until } from '../support/traces.ts'
import { check, imports, runCases, sdk } from './check.mjs'

const api =
  process.env.TEST_PRELOAD === '1' ? createRequire(import.meta.url)(process.env.TEST_COMMONJS_COPY) : sources
const quiet = { namespace: () => quiet, setLogLevel() {}, info() {}, warn() {}, error() {}, debug() {} }
const headersOf = topic =>
  globalThis.testCluster.recordsOf(topic).map(({ headers }) => headers?.flatMap(Object.keys))

check('C53 its KafkaJS API imported as an ES module is instrumented, once', async () => {
  const bare = new KafkaJS.Kafka({ kafkaJS: { clientId: 'app', brokers: ['127.0.0.1:1'], logger: quiet } })
  const kafka = imports ? api.instrumentKafka(bare) : bare
  const producer = kafka.producer()
  const consumer = kafka.consumer({ kafkaJS: { groupId: 'group', fromBeginning: true } })
  await Promise.all([producer.connect(), consumer.connect()])
  await producer.send({ topic: 't', messages: [{ value: 'v' }] })
  await consumer.subscribe({ topics: ['t'] })
  const seen = []
  await consumer.run({
    eachMessage: async () => void seen.push(trace.getSpanContext(context.active())?.traceId),
  })
  await until(() => sdk.spans().length === 2, 'two spans', 8000)
  const [send, received] = sdk.spans()
  assert.deepEqual([send.name, received.name], ['send t', 'process t'])
  assert.equal(received.parentSpanContext.spanId, send.spanContext().spanId)
  assert.deepEqual(seen, [send.spanContext().traceId])
  assert.deepEqual(headersOf('t'), [['traceparent']])
  await producer.disconnect()
  await consumer.disconnect()
})

check('C53 its rdkafka API imported as an ES module is instrumented, once', async () => {
  const bare = new confluent.Producer({ 'client.id': 'app', dr_cb: true })
  const producer = imports ? api.traceProducer(bare) : bare
  await new Promise(done => producer.connect({}, done))
  producer.produce('u', null, Buffer.from('v'))
  assert.deepEqual(
    sdk.spans().map(span => span.name),
    ['send u'],
  )
  assert.deepEqual(headersOf('u'), [['traceparent']])
  await new Promise(done => producer.disconnect(done))
})

await runCases()
process.exit(0)
