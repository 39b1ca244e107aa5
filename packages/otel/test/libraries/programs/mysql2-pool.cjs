'use strict'
const { inSpan, mark } = require('./lib.cjs')
const { withMysql } = require('../mysql-server.cjs')
const mysql = require('mysql2')
const promises = require('mysql2/promise')

module.exports = () =>
  withMysql(async options => {
    const out = []
    const pool = mysql.createPool({ ...options, connectionLimit: 1 })
    const cluster = mysql.createPoolCluster()
    cluster.add('one', { ...options, connectionLimit: 1 })
    const promisePool = promises.createPool({ ...options, connectionLimit: 1 })
    const run = (name, fn) => inSpan(name, async () => out.push([name, await fn()]))
    const call = start =>
      new Promise(resolve =>
        start((error, rows) => {
          mark('in callback')
          resolve(error ? error.code : rows)
        }),
      )
    await run('query', () => call(done => pool.query('SELECT n FROM t', done)))
    await run('values', () => call(done => pool.query('SELECT ? AS n', ['s3cret'], done)))
    await run('execute', () => call(done => pool.execute('SELECT n FROM t', done)))
    await run('failure', () => call(done => pool.query('SELECT * FROM missing', done)))
    await run('checkout', async () => {
      const connection = await new Promise((resolve, reject) =>
        pool.getConnection((error, one) => (error ? reject(error) : resolve(one))),
      )
      const rows = await call(done => connection.query('SELECT n FROM t', done))
      connection.release()
      return rows
    })
    await run('cluster', () => call(done => cluster.of('*').query('SELECT n FROM t', done)))
    await run('promise', async () => (await promisePool.query('SELECT n FROM t'))[0])
    await run('promise execute', async () => (await promisePool.execute('SELECT n FROM t'))[0])
    await run('promise failure', () =>
      promisePool.query('SELECT * FROM missing').then(undefined, error => [error.code, error.sql]),
    )
    await run('promise connection', async () => {
      const connection = await promises.createConnection(options)
      const [rows] = await connection.query('SELECT n FROM t')
      await connection.end()
      return rows
    })
    // One connection: whoever comes second is served by the release of the first.
    await Promise.all(
      ['a', 'b'].map(name =>
        inSpan(`crowd ${name}`, () => call(done => pool.query(`SELECT n AS ${name} FROM t`, done))),
      ),
    )
    await new Promise(resolve => pool.end(resolve))
    await new Promise(resolve => cluster.end(resolve))
    await promisePool.end()
    return out
  })
