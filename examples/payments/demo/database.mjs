// PostgreSQL without a server: PGlite behind its socket server, in a process of its own so that a long query stalls
// nobody else. Prints `listening <port>`.
import { PGlite } from '@electric-sql/pglite'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'

const db = await PGlite.create()
const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port: 0, maxConnections: 20 })
server.addEventListener('listening', event => console.log(`listening ${event.detail.port}`))
await server.start()

let stopping = false
async function stop() {
  if (stopping) return
  stopping = true
  await server.stop()
  await db.close()
  process.exit()
}

process.on('SIGTERM', stop)
// The demo holds the other end of stdin: when it is gone, however it ended, so is this.
process.stdin.resume().on('end', stop).on('error', stop)
