'use strict'
const { inSpan, mark } = require('./lib.cjs')
const { withMysql } = require('../mysql-server.cjs')
const mysql = require('mysql2')

const failure = error => [error.constructor.name, error.code, error.errno, error.message]

module.exports = () =>
  withMysql(async options => {
    const out = []
    const connection = mysql.createConnection(options)
    const run = (name, fn) => inSpan(name, async () => out.push([name, await fn()]))
    const call = start =>
      new Promise(resolve =>
        start((error, rows, fields) => {
          mark('in callback')
          resolve(error ? failure(error) : [rows, fields?.length])
        }),
      )
    const events = query =>
      new Promise(resolve => {
        const seen = []
        query.on('error', error => seen.push(failure(error)))
        query.on('fields', fields => seen.push(fields.length))
        query.on('result', row => seen.push(row))
        query.on('end', () => {
          mark('at the end')
          resolve([seen, query.listenerCount('error'), query.listenerCount('end')])
        })
      })
    await run('text', () => call(done => connection.query('SELECT n FROM t', done)))
    await run('literal', () =>
      call(done => connection.query("select n from t where a = 's3cret' and b = 7", done)),
    )
    await run('values', () => call(done => connection.query('SELECT ? AS n', ['s3cret'], done)))
    await run('object', () => call(done => connection.query({ sql: 'SELECT ?', values: ['s3cret'] }, done)))
    await run('named', () =>
      call(done => connection.query({ sql: 'SELECT :v', namedPlaceholders: true }, { v: 's3cret' }, done)),
    )
    await run('insert', () => call(done => connection.query('INSERT INTO t VALUES (1)', done)))
    await run('execute', () => call(done => connection.execute('SELECT n FROM t', [], done)))
    await run('one word', () => call(done => connection.query('COMMIT', done)))
    await run('transaction', () => call(done => connection.beginTransaction(done)))
    await run('no such table', () => call(done => connection.query('SELECT * FROM missing', done)))
    await run('duplicate', () => call(done => connection.query('INSERT INTO duplicate VALUES (1)', done)))
    await run('syntax', () => call(done => connection.query("NONSENSE 's3cret'", done)))
    await run('preparation fails', () => call(done => connection.execute('SELECT * FROM missing', [], done)))
    await run('execution fails', () => call(done => connection.execute('SELECT duplicate', [], done)))
    await run('events', () => events(connection.query('SELECT n FROM t')))
    await run('events with values', () => events(connection.query('SELECT ? AS n', ['s3cret'])))
    await run('failing events', () => events(connection.query('SELECT * FROM missing')))
    await run('events of execute', () => events(connection.execute('SELECT n FROM t')))
    await run('stream', async () => {
      const rows = []
      for await (const row of connection.query('SELECT n FROM t').stream()) rows.push(row)
      return rows
    })
    await run('failing stream', async () => {
      try {
        for await (const _row of connection.query('SELECT * FROM missing').stream());
      } catch (error) {
        return failure(error)
      }
    })
    await run('prepared', async () => {
      const statement = await new Promise((resolve, reject) =>
        connection.prepare('SELECT n FROM t', (error, one) => (error ? reject(error) : resolve(one))),
      )
      return call(done => statement.execute([], done))
    })
    await run('no statement', () => {
      try {
        connection.query(undefined)
      } catch (error) {
        return [error.constructor.name, error.message]
      }
    })
    await run('after the end', async () => {
      await new Promise(resolve => connection.end(resolve))
      return call(done => connection.query('SELECT n FROM t', done))
    })
    return out
  })
