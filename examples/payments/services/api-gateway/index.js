// The public door: validates a payment and hands it to the orchestrator. Express, winston.
const express = require('express')
const { createLogger, format, transports } = require('winston')

const log = createLogger({
  format: format.combine(format.timestamp(), format.json()),
  transports: [new transports.Console()],
})
const orchestrator = process.env.ORCHESTRATOR_URL

const app = express()
app.use(express.json())

app.get('/health', (_request, response) => {
  response.json({ status: 'ok' })
})

app.post('/payments', async (request, response) => {
  const { customer, merchant, amount } = request.body ?? {}
  if (typeof customer !== 'string' || typeof merchant !== 'string' || !(amount > 0)) {
    log.warn('payment refused', { reason: 'invalid request' })
    response.status(400).json({ error: 'customer, merchant and a positive amount are needed' })
    return
  }
  const answer = await fetch(`${orchestrator}/orchestrations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ customer, merchant, amount }),
  })
  const payment = await answer.json()
  log.info('payment answered', { payment: payment.id, status: payment.status })
  response.status(answer.ok ? 201 : answer.status).json(payment)
})

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening ${server.address().port}`)
})

process.on('SIGTERM', () => {
  server.close()
  server.closeIdleConnections()
})
