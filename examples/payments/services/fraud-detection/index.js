// Scores a payment. Koa as an ES module, pino.
import { createHash } from 'node:crypto'
import Router from '@koa/router'
import Koa from 'koa'
import pino from 'pino'

const log = pino()
const app = new Koa()
const router = new Router()

async function readJson(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString())
}

/** The same customer and merchant always get the same risk: 0 (none) to 1. */
function score({ customer, merchant, amount }) {
  const digest = createHash('sha256').update(`${customer}:${merchant}`).digest()
  const base = digest.readUInt16BE(0) / 0xffff / 2
  return amount > 100_000 ? Math.min(1, base + 0.6) : base
}

router.get('/health', context => {
  context.body = { status: 'ok' }
})

router.post('/checks', async context => {
  const payment = await readJson(context.req)
  const risk = score(payment)
  log.info({ payment: payment.id, risk }, 'risk scored')
  context.body = { risk }
})

app.use(router.routes())

const server = app.listen(Number(process.env.PORT ?? 3002), '127.0.0.1', () => {
  console.log(`listening ${server.address().port}`)
})

process.on('SIGTERM', () => {
  server.close()
  server.closeIdleConnections()
})
