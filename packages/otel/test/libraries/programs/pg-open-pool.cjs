'use strict'
const { connection, inSpan } = require('./lib.cjs')
const { Pool } = require('pg')

// Still open when metrics are collected.
module.exports = async () => {
  const pool = new Pool({ ...connection, max: 3 })
  await Promise.all([1, 2, 3].map(n => inSpan(`${n}`, () => pool.query('SELECT $1::int AS n', [n]))))
  await inSpan('fails', () => pool.query('SELECT * FROM nowhere').catch(() => {}))
  return inSpan('last', async () => (await pool.query('SELECT 4 AS n')).rows)
}
