'use strict'
const { inSpan, mark } = require('./lib.cjs')
const { withMysql } = require('../mysql-server.cjs')
const mysql = require('mysql')

const failure = error => [error.constructor.name, error.code, error.errno, error.message]

module.exports = () =>
  withMysql(async options => {
    const out = []
    const connection = mysql.createConnection(options)
    const pool = mysql.createPool({ ...options, connectionLimit: 1 })
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
          resolve([seen, query.listenerCount('error') > 1])
        })
      })
    await run('text', () => call(done => connection.query('SELECT n FROM t', done)))
    await run('literal', () =>
      call(done => connection.query("select n from t where a = 's3cret' and b = 7", done)),
    )
    await run('values', () => call(done => connection.query('SELECT ? AS n', ['s3cret'], done)))
    await run('object', () => call(done => connection.query({ sql: 'SELECT ?', values: ['s3cret'] }, done)))
    await run('no such table', () => call(done => connection.query('SELECT * FROM missing', done)))
    await run('duplicate', () => call(done => connection.query('INSERT INTO duplicate VALUES (1)', done)))
    await run('events', () => events(connection.query('SELECT n FROM t')))
    await run('failing events', () => events(connection.query('SELECT * FROM missing')))
    await run('pool', () => call(done => pool.query('SELECT n FROM t', done)))
    await run('checkout', async () => {
      const one = await new Promise((resolve, reject) =>
        pool.getConnection((error, it) => (error ? reject(error) : resolve(it))),
      )
      const rows = await call(done => one.query('SELECT n FROM t', done))
      one.release()
      return rows
    })
    await run('after the end', async () => {
      await new Promise(resolve => connection.end(resolve))
      return call(done => connection.query('SELECT n FROM t', done))
    })
    await new Promise(resolve => pool.end(resolve))
    return out
  })
