// Calls the merchant's webhook; what fails goes to the retries topic. Plain node:http, kafkajs, winston.
const { createServer } = require('node:http')
const { Kafka, logLevel } = require('kafkajs')
const { createLogger, format, transports } = require('winston')

const { KAFKA_BROKERS, MERCHANT_URL, PORT } = process.env
const log = createLogger({
  format: format.combine(format.timestamp(), format.json()),
  transports: [new transports.Console()],
})
const kafka = new Kafka({
  clientId: 'webhook-delivery',
  brokers: KAFKA_BROKERS.split(','),
  logLevel: logLevel.NOTHING,
})
const producer = kafka.producer({ allowAutoTopicCreation: true })

async function deliver(delivery) {
  const response = await fetch(`${MERCHANT_URL}/webhooks/${delivery.merchant}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(delivery),
  })
  await response.arrayBuffer()
  if (response.ok) {
    log.info('webhook delivered', { payment: delivery.payment, attempt: delivery.attempt })
    return
  }
  log.warn('webhook failed', {
    payment: delivery.payment,
    attempt: delivery.attempt,
    status: response.status,
  })
  const next = { ...delivery, attempt: delivery.attempt + 1 }
  await producer.send({
    topic: 'retries',
    messages: [{ key: delivery.payment, value: JSON.stringify(next) }],
  })
}

const server = createServer(async (request, response) => {
  if (request.url === '/health') return response.end('ok')
  if (request.method !== 'POST' || request.url !== '/deliveries') return response.writeHead(404).end()
  try {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    await deliver(JSON.parse(Buffer.concat(chunks).toString()))
    response.writeHead(202).end()
  } catch (error) {
    log.error('delivery failed', { error: error.message })
    response.writeHead(500).end()
  }
})

async function main() {
  await producer.connect()
  server.listen(Number(PORT ?? 3004), '127.0.0.1', () => console.log(`listening ${server.address().port}`))
}

process.on('SIGTERM', () => {
  server.close(() => producer.disconnect())
  server.closeIdleConnections()
})

main()
