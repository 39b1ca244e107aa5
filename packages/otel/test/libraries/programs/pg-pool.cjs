'use strict'
const { connection, inSpan, mark } = require('./lib.cjs')
const { Pool } = require('pg')

module.exports = async () => {
  const out = []
  const pool = new Pool({ ...connection, max: 1 })
  const rows = result => result.rows
  await inSpan('first', async () => out.push(await pool.query('SELECT 1 AS n').then(rows)))
  await inSpan('second', async () => out.push(await pool.query('SELECT 2 AS n').then(rows)))
  await inSpan(
    'callback',
    () =>
      new Promise(resolve =>
        pool.query('SELECT 3 AS n', (error, result) => {
          mark('in callback of query')
          resolve(out.push(error ?? rows(result)))
        }),
      ),
  )
  await inSpan('client', async () => {
    const client = await pool.connect()
    out.push(await client.query('SELECT 4 AS n').then(rows))
    client.release()
  })
  await inSpan(
    'client by callback',
    () =>
      new Promise(resolve =>
        pool.connect((error, client, done) => {
          mark('in callback of connect')
          client.query('SELECT 5 AS n', (failed, result) => {
            done()
            resolve(out.push(error ?? failed ?? rows(result)))
          })
        }),
      ),
  )
  // One connection: the second request has to wait for the first, and is served by its release.
  await Promise.all(
    ['a', 'b'].map(name =>
      inSpan(`crowd ${name}`, async () => out.push(await pool.query(`SELECT '${name}' AS n`).then(rows))),
    ),
  )
  out.push([pool.totalCount, pool.idleCount, pool.waitingCount])
  await pool.end()
  return out
}
