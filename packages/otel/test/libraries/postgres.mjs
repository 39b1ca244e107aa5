// An embedded PostgreSQL on a free port, which it prints. Ends with its parent.
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'

// It is a dependency of the tests, not of the package.
const { resolve } = createRequire(`${process.cwd()}/test/package.json`)
const { PGlite } = await import(resolve('@electric-sql/pglite'))
const { PGLiteSocketServer } = await import(resolve('@electric-sql/pglite-socket'))

// The server does not say which port it got.
const probe = createServer().listen(0, '127.0.0.1')
await once(probe, 'listening')
const { port } = probe.address()
probe.close()
await once(probe, 'close')

const db = await PGlite.create()
await new PGLiteSocketServer({ db, host: '127.0.0.1', port, maxConnections: 50 }).start()
process.stdout.write(`${port}\n`)
process.stdin.resume().on('end', () => process.exit(0))
