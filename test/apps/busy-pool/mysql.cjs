// mysql with one connection: pools, clusters, a connection, streams. The server is that of mysql2.
const mysql = require('mysql')
const { mark, serve } = require('./lib.cjs')
const { startMysql } = require('./mysql-server.cjs')

startMysql().then(async ({ options, close }) => {
  const limited = { ...options, connectionLimit: 1 }
  const pool = mysql.createPool(limited)
  const cluster = mysql.createPoolCluster()
  cluster.add('one', limited)
  const connection = mysql.createConnection(options)
  // Opened by a request, and closed long after it.
  pool.on('connection', one => one._socket.on('close', () => mark('close of a connection', 'nobody')))
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
  const checkOut = from => tag =>
    call(tag, done => from(done)).then(([checkedOut]) =>
      call(tag, done => checkedOut.query(text(tag), done)).finally(() => checkedOut.release()),
    )

  await serve(
    {
      'pool.query': tag => call(tag, done => pool.query(text(tag), done)),
      'pool.query with values': tag => call(tag, done => pool.query(`${text(tag)}, ?`, ['v'], done)),
      'pool.getConnection': checkOut(done => pool.getConnection(done)),
      'pool.query as events': tag =>
        new Promise((resolve, reject) => {
          const query = pool.query(text(tag))
          query.on('error', reject)
          query.on('fields', () => mark(tag))
          query.on('end', () => {
            mark(tag)
            resolve()
          })
        }),
      'cluster.getConnection': checkOut(done => cluster.getConnection(done)),
      'cluster.of().query': tag => call(tag, done => cluster.of('*').query(text(tag), done)),
      'connection.query': tag => call(tag, done => connection.query(text(tag), done)),
      'connection.query as a stream': tag =>
        new Promise((resolve, reject) => {
          const stream = connection.query(text(tag)).stream()
          stream.on('data', () => mark(tag))
          stream.on('error', reject)
          stream.on('end', resolve)
        }),
      'connection.ping': tag => call(tag, done => connection.ping(done)),
    },
    () => {
      pool.end()
      cluster.end()
      connection.destroy()
      close()
    },
  )
})
