// Days later: sends what is in the dead-letter topic to where it came from. Reading a message would continue its trace,
// and nobody wants a trace of three days. `parent: 'link-only'` starts a new one that links to the old, and the sent
// order is linked to it as well.
import { traceConsumer } from '@org/otel-kafka'
import { kafka, topics } from './kafka.mjs'

const producer = kafka.producer()
const consumer = traceConsumer(kafka.consumer({ groupId: 'replay', maxWaitTimeInMs: 100 }), {
  parent: 'link-only',
})
await Promise.all([producer.connect(), consumer.connect()])
await consumer.subscribe({ topics: [topics.deadLetter], fromBeginning: true })
let done
const replayed = new Promise(resolve => (done = resolve))
await consumer.run({
  eachMessage: async ({ message }) => {
    const { attempt, error, ...headers } = message.headers
    await producer.send({
      topic: topics.orders,
      messages: [{ key: message.key, value: message.value, headers }],
    })
    console.log(`replayed ${message.key}, which failed ${attempt} times: ${error}`)
    done()
  },
})
await replayed
await consumer.disconnect()
await producer.disconnect()
