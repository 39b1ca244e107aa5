// pg with one connection per pool: queries in every form, checkouts, cursors, streams, COPY and notifications.
const { Client, Pool, Query } = require('pg')
const Cursor = require('pg-cursor')
const QueryStream = require('pg-query-stream')
const { from, to } = require('pg-copy-streams')
const { drizzle } = require('drizzle-orm/node-postgres')
const { sql } = require('drizzle-orm')
const { mark, serve } = require('./lib.cjs')
const { startPostgres } = require('./postgres-server.cjs')

startPostgres().then(async ({ url, close }) => {
  const pool = new Pool({ connectionString: url, max: 1 })
  const text = tag => `select 1 as ${tag}`
  // Opened by a request; what it hears and its end come long after.
  pool.on('connect', one => {
    one.on('notification', () => mark('notification', 'nobody'))
    one.on('end', () => mark('end of a connection', 'nobody'))
  })
  // Every connection is for one query: the next is opened by the one who releases.
  const fresh = new Pool({ connectionString: url, max: 1, maxUses: 1 })
  const orm = drizzle({ client: pool })

  /** With the mark in the callback. */
  const call = (tag, start) =>
    new Promise((resolve, reject) =>
      start((error, ...rest) => {
        mark(tag)
        if (error) reject(error)
        else resolve(rest)
      }),
    )
  const withClient = async use => {
    const one = await pool.connect()
    try {
      return await use(one)
    } finally {
      one.release()
    }
  }
  const listen = (tag, emitter, event, end) =>
    new Promise((resolve, reject) => {
      emitter.on('error', reject)
      emitter.on(event, () => mark(tag))
      emitter.on(end, () => {
        mark(tag)
        resolve()
      })
    })
  const client = new Client(url)
  await client.connect()

  await serve(
    {
      'pool.query': tag => pool.query(text(tag)),
      'pool.query with a callback': tag => call(tag, done => pool.query(text(tag), done)),
      'pool.connect': tag => withClient(one => one.query(text(tag))),
      'pool.connect with a callback': async tag => {
        const [one, release] = await call(tag, done => pool.connect(done))
        await call(tag, done => one.query(text(tag), done))
        release()
      },
      'pool that opens a connection per query': tag => fresh.query(text(tag)),
      'client.query': tag => client.query(text(tag)),
      'client.query with a callback': tag => call(tag, done => client.query(text(tag), done)),
      'query object with events': tag => listen(tag, client.query(new Query(text(tag))), 'row', 'end'),
      'cursor with a callback': tag =>
        withClient(async one => {
          const cursor = one.query(new Cursor(text(tag)))
          await call(tag, done => cursor.read(1, done))
          await cursor.close()
        }),
      'stream with events': tag =>
        withClient(one => listen(tag, one.query(new QueryStream(text(tag))), 'data', 'end')),
      'stream with for await': tag =>
        withClient(async one => {
          for await (const _row of one.query(new QueryStream(text(tag)))) mark(tag)
        }),
      'COPY TO': tag =>
        withClient(one => listen(tag, one.query(to(`copy (${text(tag)}) to stdout`)), 'data', 'end')),
      'COPY FROM': tag =>
        withClient(async one => {
          await one.query('create temp table if not exists copied (n int)')
          const stream = one.query(from(`copy copied from stdin /* ${tag} */`))
          const finished = new Promise((resolve, reject) => stream.on('finish', resolve).on('error', reject))
          stream.on('finish', () => mark(tag))
          stream.end('1\n')
          await finished
        }),
      'LISTEN and NOTIFY': tag =>
        withClient(async one => {
          await one.query(`listen ${tag}`)
          await one.query(`notify ${tag}`)
        }),
      'drizzle over the pool': tag => orm.execute(sql.raw(text(tag))),
    },
    async () => {
      await Promise.all([pool.end(), fresh.end(), client.end()])
      close()
    },
  )
})
