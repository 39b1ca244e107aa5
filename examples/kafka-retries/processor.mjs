// Processes orders. One that fails is sent to the retry topic, after three attempts to the dead-letter topic. What a
// handler sends continues the trace of the message it handles; the only lines about tracing say that an attempt failed,
// because this handler deals with the error itself.
import { SpanStatusCode, trace } from '@opentelemetry/api'
import { attempts, kafka, topics } from './kafka.mjs'

const producer = kafka.producer()
const consumer = kafka.consumer({ groupId: 'processor', maxWaitTimeInMs: 100 })
await Promise.all([producer.connect(), consumer.connect()])
await consumer.subscribe({ topics: [topics.orders, topics.retry], fromBeginning: true })
await consumer.run({
  eachMessage: async ({ message }) => {
    try {
      charge(message)
      console.log('charged')
    } catch (error) {
      trace.getActiveSpan()?.recordException(error)
      trace.getActiveSpan()?.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
      await giveBack(message, error)
    }
  },
})
console.log('ready')

function charge(message) {
  // The card terminal is down, until somebody repairs it and replays what went wrong in the meantime.
  if (process.env.TERMINAL !== 'up') throw new Error(`card terminal does not answer for ${message.key}`)
}

async function giveBack(message, error) {
  const attempt = Number(message.headers?.attempt ?? 0) + 1
  const topic = attempt < attempts ? topics.retry : topics.deadLetter
  await producer.send({
    topic,
    messages: [
      {
        key: message.key,
        value: message.value,
        // The headers go along as they are: the old trace context in them is replaced by the one of this send.
        headers: { ...message.headers, attempt: String(attempt), error: error.message },
      },
    ],
  })
  if (topic === topics.deadLetter) console.log('dead letter')
}

process.once('SIGTERM', async () => {
  await consumer.disconnect()
  await producer.disconnect()
})
