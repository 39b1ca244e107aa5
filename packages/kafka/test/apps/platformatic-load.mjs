// @platformatic/kafka loaded late, by import() as well as statically, under whatever hooks are active. Case C54.
import assert from 'node:assert/strict'
import { Producer, stringSerializers } from '@platformatic/kafka'
import * as api from '../../src/index.ts'
import { startBroker } from '../support/broker.ts'
import { headerNames, readWire } from '../support/wire.ts'
import { check, imports, runCases, sdk } from './check.mjs'

const broker = await startBroker()

check('C54 it loads without an error, and sends are traced', async () => {
  assert.equal((await import('@platformatic/kafka')).Producer, Producer)
  const topic = broker.newTopic()
  const producer = new Producer({
    clientId: 'app',
    bootstrapBrokers: [broker.address],
    serializers: stringSerializers,
    autocreateTopics: true,
  })
  if (imports) api.traceProducer(producer)
  await producer.send({ messages: [{ topic, value: 'v' }] })
  await producer.close()
  assert.deepEqual(
    sdk.spans().map(span => span.name),
    [`send ${topic}`],
  )
  assert.deepEqual((await readWire(broker.address, topic)).map(headerNames), [['traceparent']])
})

await runCases()
await broker.stop()
process.exit(0)
