'use strict'
const { connection, inSpan, mark } = require('./lib.cjs')
const { Client, Query, Pool } = require('pg')

const failure = error => [error.constructor.name, error.code, error.message]
const rows = result => result.rows

module.exports = async () => {
  const out = []
  const client = new Client(connection)
  await inSpan('connect', () => client.connect())
  const run = (name, fn) => inSpan(name, async () => out.push([name, await fn()]))

  // The embedded database has one session for everybody.
  await client.query('DROP TABLE IF EXISTS people; DEALLOCATE ALL')
  await run('create', () => client.query('CREATE TABLE people (id int, name text)').then(r => r.command))
  await run('insert', () =>
    client.query('INSERT INTO people VALUES ($1, $2), ($3, $4)', [1, 'ann', 2, 'bob']).then(r => r.rowCount),
  )
  await run('parameters', () => client.query('SELECT * FROM people WHERE id = $1', [1]).then(rows))
  await run('literal', () => client.query("SELECT * FROM people WHERE name = 's3cret' OR id = 2").then(rows))
  await run('literal beside a parameter', () =>
    client.query("SELECT * FROM people WHERE name = 's3cret' OR id = $1", [2]).then(rows),
  )
  await run('object', () =>
    client.query({ text: 'SELECT name FROM people WHERE id = $1', values: [2] }).then(rows),
  )
  await run('array rows', () => client.query({ text: 'SELECT 1 AS one', rowMode: 'array' }).then(rows))
  await run('values apart', () => client.query({ text: 'SELECT $1::int AS n' }, [5]).then(rows))
  await run('prepared', () =>
    client.query({ name: 'by-id', text: 'SELECT name FROM people WHERE id = $1', values: [1] }).then(rows),
  )
  await run('prepared again', () =>
    client.query({ name: 'by-id', text: 'SELECT name FROM people WHERE id = $1', values: [2] }).then(rows),
  )
  await run('semicolon', () => client.query('BEGIN;').then(r => r.command))
  await run('rollback', () => client.query('rollback').then(r => r.command))
  await run('empty', () => client.query('').then(r => r.rows.length))
  await run(
    'callback',
    () =>
      new Promise((resolve, reject) => {
        client.query('SELECT 1 AS one', (error, result) => {
          mark('in callback')
          error ? reject(error) : resolve(rows(result))
        })
      }),
  )
  await run(
    'callback with values',
    () =>
      new Promise((resolve, reject) =>
        client.query('SELECT $1::int AS n', [3], (error, result) =>
          error ? reject(error) : resolve(rows(result)),
        ),
      ),
  )
  await run(
    'callback in the object',
    () =>
      new Promise((resolve, reject) => {
        const config = {
          text: 'SELECT 1 AS one',
          callback: (error, result) => (error ? reject(error) : resolve(rows(result))),
        }
        client.query(config)
      }),
  )
  await run(
    'query object',
    () =>
      new Promise((resolve, reject) => {
        const query = new Query('SELECT $1::text AS t', ['q'], (error, result) =>
          error ? reject(error) : resolve(rows(result)),
        )
        if (client.query(query) !== query) reject(new Error('another object'))
      }),
  )
  await run('bad syntax', () => client.query('SELEKT 1').catch(failure))
  await run('bad table', () => client.query('SELECT * FROM nowhere').catch(failure))
  await run('bad data', () => client.query("SELECT 's3cret'::int").catch(failure))
  await run(
    'bad callback',
    () => new Promise(resolve => client.query('SELEKT', error => resolve(failure(error)))),
  )
  await run('nothing', async () => {
    try {
      return await client.query(null)
    } catch (error) {
      return failure(error)
    }
  })
  await run('lines and comments', () =>
    client.query('-- all of them\nSELECT\n  name FROM people /* by id */ WHERE id = 1').then(rows),
  )
  await run('unhandled', async () => {
    const unhandled = new Promise(resolve =>
      process.once('unhandledRejection', error => resolve(failure(error))),
    )
    client.query('SELECT * FROM nobody_looks')
    return await unhandled
  })
  out.push(['outside of a trace', await client.query('SELECT 9 AS n').then(rows)])
  await client.end()

  out.push([Client.prototype.query.name, Client.prototype.query.length])
  out.push([Client.prototype.connect.name, Client.prototype.connect.length])
  out.push([Pool.prototype.connect.name, Pool.prototype.connect.length])
  return out
}
