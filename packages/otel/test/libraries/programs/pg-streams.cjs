'use strict'
const { connection, inSpan } = require('./lib.cjs')
const { Client, Query } = require('pg')
const Cursor = require('pg-cursor')
const QueryStream = require('pg-query-stream')

module.exports = async () => {
  const out = []
  const client = new Client(connection)
  await client.connect()
  await inSpan('cursor', async () => {
    const cursor = client.query(new Cursor('SELECT * FROM generate_series(1, $1::int) AS n', [5]))
    out.push(await cursor.read(2), await cursor.read(10))
    await cursor.close()
  })
  await inSpan('stream', async () => {
    const stream = client.query(new QueryStream('SELECT * FROM generate_series(1, 3) AS n'))
    for await (const row of stream) out.push(row)
  })
  await inSpan('failing stream', async () => {
    try {
      for await (const row of client.query(new QueryStream('SELECT 1/0'))) out.push(row)
    } catch (error) {
      out.push(error.code)
    }
  })
  await inSpan(
    'events',
    () =>
      new Promise(resolve => {
        const query = client.query(new Query('SELECT 7 AS n'))
        query.on('row', row => out.push(row))
        query.on('end', () => resolve())
      }),
  )
  await client.end()
  return out
}
