'use strict'
const { connection, inSpan } = require('./lib.cjs')
const { Client, Pool } = require('pg')

module.exports = async () => {
  const out = []
  const refused = { ...connection, port: 1 }
  const failure = error => [error.code, error.message]
  await inSpan('promise', () => new Client(refused).connect().catch(error => out.push(failure(error))))
  await inSpan(
    'callback',
    () => new Promise(resolve => new Client(refused).connect(error => resolve(out.push(failure(error))))),
  )
  const pool = new Pool(refused)
  await inSpan('pool', () => pool.connect().catch(error => out.push(failure(error))))
  await inSpan('pool query', () => pool.query('SELECT 1').catch(error => out.push(failure(error))))
  await pool.end()
  await inSpan('ended pool', () => pool.connect().catch(error => out.push(failure(error))))
  return out
}
