// Messages that leave a stream of @platformatic/kafka where nobody sees them being processed.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  Consumer,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import * as sources from '../../src/index.ts'
import { startBroker } from '../support/broker.ts'
import { check, imports, options, runCases, sdk } from './check.mjs'

const api =
  process.env.TEST_PRELOAD === '1' ? createRequire(import.meta.url)(process.env.TEST_COMMONJS_COPY) : sources
const broker = await startBroker()
const { newTopic } = broker
const common = { clientId: 'app', bootstrapBrokers: [broker.address] }

async function put(topic) {
  const producer = new Producer({ ...common, serializers: stringSerializers, autocreateTopics: true })
  api.untrace(producer)
  await producer.send({ messages: [{ topic, value: 'v' }] })
  await producer.close()
}

async function consume(topic) {
  const bare = new Consumer({
    ...common,
    groupId: `group-${topic}`,
    deserializers: stringDeserializers,
    maxWaitTime: 20,
  })
  const consumer = imports ? api.traceConsumer(bare, options()) : bare
  return consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST, autocommit: true })
}

// Said once per process, so the order of these cases matters.
const reminders = () => sdk.said.filter(line => line.includes('ORG_OTEL_KAFKA_NO_PROCESS_SPAN'))
const patience = () => new Promise(resolve => setTimeout(resolve, 1100))

check('who calls traceMessage in a loop is told nothing', async () => {
  const t = newTopic()
  await put(t)
  sdk.said.length = 0
  for await (const message of await consume(t)) {
    await api.traceMessage(message, {}, () => {})
    break
  }
  await patience()
  assert.deepEqual(reminders(), [])
})

check('a loop without it is told once what to use', async () => {
  for (let i = 0; i < 2; i++) {
    const t = newTopic()
    await put(t)
    for await (const _ of await consume(t)) break
    await patience()
    assert.deepEqual(sdk.named(`process ${t}`), [])
  }
  assert.equal(reminders().length, 1)
  assert.match(reminders()[0], /leave a stream by for await .* use consumeEach\(stream, fn\) or traceMessage/)
})

check('a pipeline is told once what to use, and gets every message as it is', async () => {
  sdk.said.length = 0
  for (let i = 0; i < 2; i++) {
    const t = newTopic()
    for (let n = 0; n < 2; n++) await put(t)
    const stream = await consume(t)
    const offsets = []
    const sink = new Writable({
      objectMode: true,
      write(message, _, done) {
        if (offsets.push(message.offset) === 2) void stream.close()
        done()
      },
    })
    await pipeline(stream, sink)
    assert.deepEqual(offsets, [0n, 1n])
    await patience()
  }
  assert.equal(reminders().length, 1)
  assert.match(reminders()[0], /leave a stream by pipe /)
})

await runCases()
process.exit(0)
