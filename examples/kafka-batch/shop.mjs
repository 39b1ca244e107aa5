// Sends two orders, each as a request of its own would: nothing is active around them, so each starts a trace.
import { kafka, topics } from './kafka.mjs'

const producer = kafka.producer()
await producer.connect()
for (const id of [1, 2]) {
  await producer.send({
    topic: topics.orders,
    messages: [{ key: `order-${id}`, value: JSON.stringify({ id }) }],
  })
}
await producer.disconnect()
