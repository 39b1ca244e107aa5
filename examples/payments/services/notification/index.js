// Tells merchants about payments: consumes them from Kafka and asks webhook-delivery to call. kafkajs, pino.
import { Kafka, logLevel } from 'kafkajs'
import pino from 'pino'

const { KAFKA_BROKERS, WEBHOOK_DELIVERY_URL } = process.env
const log = pino()
const kafka = new Kafka({
  clientId: 'notification',
  brokers: KAFKA_BROKERS.split(','),
  logLevel: logLevel.NOTHING,
})
const consumer = kafka.consumer({ groupId: 'notification', maxWaitTimeInMs: 200 })

await consumer.connect()
await consumer.subscribe({ topics: ['payments'], fromBeginning: true })
consumer.on(consumer.events.GROUP_JOIN, () => console.log('ready'))
await consumer.run({
  eachMessage: async ({ message }) => {
    const payment = JSON.parse(message.value.toString())
    const response = await fetch(`${WEBHOOK_DELIVERY_URL}/deliveries`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ payment: payment.id, merchant: payment.merchant, attempt: 1 }),
    })
    log.info({ payment: payment.id, accepted: response.ok }, 'merchant notified')
  },
})

process.on('SIGTERM', () => consumer.disconnect())
