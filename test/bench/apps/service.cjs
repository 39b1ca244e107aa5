// What a service does: Express, one call to another service, one query, one line in the log.
const { createServer } = require('node:http')
const express = require('express')
const { Pool } = require('pg')
const pino = require('pino')
const { state, listen } = require('./marks.cjs')

const downstream = `http://127.0.0.1:${process.env.DOWNSTREAM_PORT}`
const pool = new Pool({
  host: '127.0.0.1',
  port: Number(process.env.PG_PORT),
  user: 'bench',
  database: 'bench',
  max: 8,
})
const log = pino()
const app = express()
app.use((_request, _response, next) => {
  state.requests++
  next()
})
async function answer(request, response) {
  const id = Number(request.params.id) || 7
  const [called, found] = await Promise.all([
    fetch(`${downstream}/items/${id}`).then(reply => reply.json()),
    pool.query('SELECT id, name FROM items WHERE id = $1', [id]),
  ])
  log.info({ id }, 'served')
  response.json({ called, row: found.rows[0] })
}
app.get('/users/:id', answer)
app.get('/orders/:id/items', answer)
app.get('/products/:id', answer)
app.use((error, _request, response, _next) => {
  state.failed++
  response.status(500).json({ error: String(error) })
})
listen(createServer(app))
