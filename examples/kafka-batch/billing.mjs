// Bills orders batch by batch. Without `eachBatch` there would be one span for the batch, which links to the senders;
// with it, what is done for one order is in the trace of that order as well.
import { eachBatch } from '@org/otel-kafka'
import { kafka, topics } from './kafka.mjs'

const producer = kafka.producer()
const consumer = kafka.consumer({ groupId: 'billing', maxWaitTimeInMs: 100 })
await Promise.all([producer.connect(), consumer.connect()])
await consumer.subscribe({ topics: [topics.orders], fromBeginning: true })
await consumer.run({
  eachBatch: eachBatch(async ({ batch, resolveOffset, heartbeat }, each) => {
    for (const message of batch.messages) {
      await each(message, () =>
        producer.send({ topic: topics.invoices, messages: [{ key: message.key, value: message.value }] }),
      )
      resolveOffset(message.offset)
      await heartbeat()
    }
    console.log(`billed ${batch.messages.length}`)
  }),
})

process.once('SIGTERM', async () => {
  await consumer.disconnect()
  await producer.disconnect()
})
