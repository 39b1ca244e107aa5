// @platformatic/kafka against a broker: produce with headers, consume, create and delete a topic. argv: the broker.
import {
  Admin,
  Consumer,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'

const common = { clientId: 'test', bootstrapBrokers: [process.argv[2]] }
const producer = new Producer({ ...common, serializers: stringSerializers, autocreateTopics: true })
await producer.send({ messages: [{ topic: 'plat', key: 'k', value: 'v', headers: { traceparent: '00-a' } }] })
const consumer = new Consumer({
  ...common,
  groupId: 'g',
  deserializers: stringDeserializers,
  maxWaitTime: 50,
})
const stream = await consumer.consume({
  topics: ['plat'],
  mode: MessagesStreamModes.EARLIEST,
  autocommit: true,
})
for await (const message of stream) {
  const { key, value, headers, offset } = message
  console.log(JSON.stringify({ key, value, traceparent: headers.get('traceparent'), offset: Number(offset) }))
  break
}
await stream.close()
await consumer.close(true)
await producer.close()
const admin = new Admin(common)
await admin.createTopics({ topics: ['made'], partitions: 2, replicas: 1 })
console.log(JSON.stringify({ topics: (await admin.listTopics()).sort() }))
await admin.deleteTopics({ topics: ['made'] })
console.log(JSON.stringify({ topics: await admin.listTopics() }))
await admin.close()
