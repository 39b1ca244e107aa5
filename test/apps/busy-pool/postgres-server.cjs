// An embedded PostgreSQL that serves several connections by one session; or a real one.
const { createServer } = require('node:net')
const { listen } = require('./lib.cjs')

/** @returns the URL, and what ends the server */
async function startPostgres() {
  if (process.env.SERVER_URL) return { url: process.env.SERVER_URL, close() {} }
  const { PGlite } = require('@electric-sql/pglite')
  const { PGLiteSocketServer } = require('@electric-sql/pglite-socket')
  // The server does not say which port it got.
  const probe = createServer()
  const port = await listen(probe)
  await new Promise(resolve => probe.close(resolve))
  const db = await PGlite.create()
  const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port, maxConnections: 50 })
  await server.start()
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres?sslmode=disable`,
    async close() {
      await server.stop()
      await db.close()
    },
  }
}
module.exports = { startPostgres }
