// mysql2 with one connection: everything that can be asked of pools, clusters, connections, promises and streams.
const mysql = require('mysql2')
const promises = require('mysql2/promise')
const { drizzle } = require('drizzle-orm/mysql2')
const { sql } = require('drizzle-orm')
const { mark, serve } = require('./lib.cjs')
const { startMysql } = require('./mysql-server.cjs')

startMysql().then(async ({ options, close }) => {
  const limited = { ...options, connectionLimit: 1 }
  const pool = mysql.createPool(limited)
  const promisePool = promises.createPool(limited)
  const cluster = mysql.createPoolCluster()
  cluster.add('one', limited)
  const promiseCluster = promises.createPoolCluster()
  promiseCluster.add('one', limited)
  const connection = mysql.createConnection(options)
  const orm = drizzle({ client: promisePool })
  // Opened by a request, and ended long after it.
  pool.on('connection', one => one.on('end', () => mark('end of a connection', 'nobody')))
  const text = tag => `select 1 as ${tag}`

  /** With the mark in the callback. */
  const call = (tag, start) =>
    new Promise((resolve, reject) =>
      start((error, ...rest) => {
        mark(tag)
        if (error) reject(error)
        else resolve(rest)
      }),
    )
  /** With marks at an event of the query and at its end. */
  const stream = (tag, query) =>
    new Promise((resolve, reject) => {
      query.on('error', reject)
      query.on('fields', () => mark(tag))
      query.on('end', () => {
        mark(tag)
        resolve()
      })
    })
  const checkOut = from => tag =>
    call(tag, done => from(done)).then(([checkedOut]) =>
      call(tag, done => checkedOut.query(text(tag), done)).finally(() => checkedOut.release()),
    )

  await serve(
    {
      'pool.query': tag => call(tag, done => pool.query(text(tag), done)),
      'pool.query with values': tag => call(tag, done => pool.query(`${text(tag)}, ?`, ['v'], done)),
      'pool.execute': tag => call(tag, done => pool.execute(text(tag), done)),
      'pool.getConnection': checkOut(done => pool.getConnection(done)),
      'pool.query as events': tag => stream(tag, pool.query(text(tag))),
      'promise pool.query': tag => promisePool.query(text(tag)),
      'promise pool.execute': tag => promisePool.execute(text(tag)),
      'promise pool.getConnection': async tag => {
        const checkedOut = await promisePool.getConnection()
        mark(tag)
        await checkedOut.query(text(tag))
        checkedOut.release()
      },
      'drizzle over the promise pool': tag => orm.execute(sql.raw(text(tag))),
      'cluster.getConnection': checkOut(done => cluster.getConnection(done)),
      'cluster.of().query': tag => call(tag, done => cluster.of('*').query(text(tag), done)),
      'cluster.of().execute': tag => call(tag, done => cluster.of('*').execute(text(tag), done)),
      'promise cluster.of().query': tag => promiseCluster.of('*').query(text(tag)),
      'connection.query': tag => call(tag, done => connection.query(text(tag), done)),
      'connection.execute': tag => call(tag, done => connection.execute(text(tag), done)),
      'connection.query as a stream': async tag => {
        for await (const _row of connection.query(text(tag)).stream()) mark(tag)
      },
      'connection.promise().query': tag => connection.promise().query(text(tag)),
      'connection.ping': tag => call(tag, done => connection.ping(done)),
      'statement.execute': async tag => {
        const [statement] = await call(tag, done => connection.prepare(text(tag), done))
        await call(tag, done => statement.execute([], done))
      },
    },
    () => {
      pool.end()
      promisePool.end()
      cluster.end()
      promiseCluster.end()
      connection.destroy()
      close()
    },
  )
})
