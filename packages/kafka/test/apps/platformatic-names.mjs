// Names of attributes by OTEL_SEMCONV_STABILITY_OPT_IN, which a process reads once. Cases C60-C62 of @platformatic/kafka.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import {
  Consumer,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import * as sources from '../../src/index.ts'
import { startBroker } from '../support/broker.ts'
import { until } from '../support/traces.ts'
import { check, configure, imports, options, runCases, sdk } from './check.mjs'

const api =
  process.env.TEST_PRELOAD === '1' ? createRequire(import.meta.url)(process.env.TEST_COMMONJS_COPY) : sources
const broker = await startBroker()

const oldNames = {
  system: 'messaging.system',
  key: 'messaging.kafka.message.key',
  tombstone: 'messaging.kafka.message.tombstone',
  offset: 'messaging.kafka.offset',
}
const newNames = {
  system: 'messaging.system.name',
  key: 'kafka.message.key',
  tombstone: 'kafka.message.tombstone',
  offset: 'kafka.offset',
}
const sets = { '': [oldNames], messaging: [newNames], 'messaging,messaging/dup': [oldNames, newNames] }[
  process.env.OTEL_SEMCONV_STABILITY_OPT_IN
]

/** The attributes that have two names, and no other, under each of the names that are wanted. */
function expectFacts(attributes, known) {
  const expected = Object.fromEntries(
    sets.flatMap(names => Object.entries(known).map(([fact, value]) => [names[fact], value])),
  )
  const all = [...Object.values(oldNames), ...Object.values(newNames)]
  assert.deepEqual(
    Object.fromEntries(Object.entries(attributes).filter(([name]) => all.includes(name))),
    expected,
  )
}

check('sends, messages and links use the names', async () => {
  const topic = broker.newTopic()
  configure({ captureKey: true })
  const common = { clientId: 'app', bootstrapBrokers: [broker.address] }
  const bare = new Producer({ ...common, serializers: stringSerializers, autocreateTopics: true })
  const producer = imports ? api.traceProducer(bare, options()) : bare
  await producer.send({ messages: [{ topic, key: 'k', value: null }] })
  const reader = new Consumer({
    ...common,
    groupId: topic,
    deserializers: stringDeserializers,
    maxWaitTime: 20,
  })
  const consumer = imports ? api.traceConsumer(reader, options()) : reader
  const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST })
  let message
  stream.on('data', one => (message = one))
  await until(() => sdk.named(`process ${topic}`).length === 1, 'the message')
  for (const name of ['send', 'process']) {
    const [span] = sdk.named(`${name} ${topic}`)
    expectFacts(span.attributes, { system: 'kafka', key: 'k', tombstone: true, offset: 0 })
    const { schemaUrl } = span.instrumentationScope
    assert.equal(schemaUrl, sets[0] === newNames ? 'https://opentelemetry.io/schemas/1.45.0' : undefined)
  }
  assert.equal(api.messageLinks([message]).length, 1)
  await stream.close()
  await consumer.close(true)
  await producer.close()
})

await runCases()
await broker.stop()
process.exit(0)
