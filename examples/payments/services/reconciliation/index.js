// Books every payment a second time and repeats failed webhooks: consumes payments and retries in batches.
// kafkajs, node-postgres, pino. `eachBatch` gives every message of a batch its own trace, which no preload can do.
import { eachBatch } from '@org/otel-kafka'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import pino from 'pino'

const { DATABASE_URL, KAFKA_BROKERS, WEBHOOK_DELIVERY_URL } = process.env
const log = pino()
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 1 })
const kafka = new Kafka({
  clientId: 'reconciliation',
  brokers: KAFKA_BROKERS.split(','),
  logLevel: logLevel.NOTHING,
})
const consumer = kafka.consumer({ groupId: 'reconciliation', maxWaitTimeInMs: 200 })

async function reconcile(payment) {
  await pool.query(
    'INSERT INTO payments.reconciled (payment, amount) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    [payment.id, payment.amount],
  )
  log.info({ payment: payment.id }, 'payment reconciled')
}

async function retry(delivery) {
  log.info({ payment: delivery.payment, attempt: delivery.attempt }, 'webhook retried')
  await fetch(`${WEBHOOK_DELIVERY_URL}/deliveries`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(delivery),
  })
}

await consumer.connect()
await consumer.subscribe({ topics: ['payments', 'retries'], fromBeginning: true })
consumer.on(consumer.events.GROUP_JOIN, () => console.log('ready'))
await consumer.run({
  eachBatch: eachBatch(async ({ batch, resolveOffset, heartbeat }, each) => {
    const handle = batch.topic === 'payments' ? reconcile : retry
    for (const message of batch.messages) {
      await each(message, () => handle(JSON.parse(message.value.toString())))
      resolveOffset(message.offset)
      await heartbeat()
    }
  }),
})

process.on('SIGTERM', async () => {
  await consumer.disconnect()
  await pool.end()
})
