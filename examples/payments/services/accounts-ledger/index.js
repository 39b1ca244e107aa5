// Knows the accounts and moves the money. Express, node-postgres, winston.
const express = require('express')
const { Pool } = require('pg')
const { createLogger, format, transports } = require('winston')

const log = createLogger({
  format: format.combine(format.timestamp(), format.json()),
  transports: [new transports.Console()],
})
const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 2 })

async function getAccounts(customer) {
  const { rows } = await pool.query('SELECT id FROM payments.accounts WHERE customer = $1 ORDER BY id', [
    customer,
  ])
  return rows
}

/** Adds up the whole history of the account, every time. */
async function getAccountBalance(id) {
  const { rows } = await pool.query(
    `SELECT balance FROM (
       SELECT id, sum(amount) OVER (ORDER BY id) AS balance FROM payments.ledger_entries WHERE account_id = $1
     ) AS history ORDER BY id DESC LIMIT 1`,
    [id],
  )
  return Number(rows[0].balance)
}

async function debit(account, payment) {
  await pool.query('INSERT INTO payments.ledger_entries (account_id, payment, amount) VALUES ($1, $2, $3)', [
    account,
    payment.id,
    -payment.amount,
  ])
}

/** The account with the highest balance pays. A customer with one account is quick; a company with twelve is not. */
async function chooseAccount(customer) {
  let chosen
  for (const { id } of await getAccounts(customer)) {
    const balance = await getAccountBalance(id)
    if (chosen === undefined || balance > chosen.balance) chosen = { id, balance }
  }
  return chosen
}

const app = express()
app.use(express.json())

app.get('/health', (_request, response) => {
  response.json({ status: 'ok' })
})

app.post('/debits', async (request, response) => {
  const payment = request.body
  const started = Date.now()
  const account = await chooseAccount(payment.customer)
  if (account === undefined || account.balance < payment.amount) {
    log.warn('debit refused', { payment: payment.id, customer: payment.customer })
    response.status(409).json({ error: 'no account can pay this' })
    return
  }
  await debit(account.id, payment)
  const ms = Date.now() - started
  log.log(ms > 100 ? 'warn' : 'info', ms > 100 ? 'slow debit' : 'debited', { payment: payment.id, ms })
  response.json({ account: account.id })
})

const server = app.listen(Number(process.env.PORT ?? 3003), '127.0.0.1', () => {
  console.log(`listening ${server.address().port}`)
})

process.on('SIGTERM', () => {
  server.close(() => pool.end())
  server.closeIdleConnections()
})
