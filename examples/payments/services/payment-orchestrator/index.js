// Leads a payment through fraud check, debit and announcement, and measures how long that takes.
// Fastify, pino, prom-client, kafkajs.
const { randomUUID } = require('node:crypto')
const fastify = require('fastify')
const { Kafka, logLevel } = require('kafkajs')
const pino = require('pino')
const { Histogram, register } = require('prom-client')

const { FRAUD_URL, LEDGER_URL, KAFKA_BROKERS, PORT } = process.env
const log = pino()
const kafka = new Kafka({
  clientId: 'payment-orchestrator',
  brokers: KAFKA_BROKERS.split(','),
  logLevel: logLevel.NOTHING,
})
const producer = kafka.producer({ allowAutoTopicCreation: true })

const duration = new Histogram({
  name: 'payment_duration_seconds',
  help: 'From the request to the published payment',
  labelNames: ['outcome'],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
})

async function post(url, body) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return response.json()
}

const app = fastify({ loggerInstance: log })

app.get('/health', async () => ({ status: 'ok' }))

app.get('/metrics', async (_request, reply) => {
  const page = await register.metrics()
  return reply.type(register.contentType).send(page)
})

app.post('/orchestrations', async (request, reply) => {
  const payment = { id: randomUUID(), ...request.body }
  const stop = duration.startTimer()
  const { risk } = await post(`${FRAUD_URL}/checks`, payment)
  if (risk > 0.9) {
    stop({ outcome: 'refused' })
    request.log.warn({ payment: payment.id, risk }, 'payment refused as fraud')
    return reply.code(402).send({ id: payment.id, status: 'refused' })
  }
  const { account } = await post(`${LEDGER_URL}/debits`, payment)
  await producer.send({
    topic: 'payments',
    messages: [{ key: payment.customer, value: JSON.stringify({ ...payment, account }) }],
  })
  const seconds = stop({ outcome: 'paid' })
  request.log.info({ payment: payment.id, account, ms: Math.round(seconds * 1000) }, 'payment completed')
  return { id: payment.id, status: 'paid', account }
})

async function main() {
  await producer.connect()
  await app.listen({ port: Number(PORT ?? 3001), host: '127.0.0.1' })
  console.log(`listening ${app.server.address().port}`)
}

process.on('SIGTERM', async () => {
  await app.close()
  await producer.disconnect()
})

main()
