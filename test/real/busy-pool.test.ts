// The rows of the busy-pool table (test/e2e/busy-pool) that talk to a real server.
import { databases } from '../e2e/busy-pool/databases.ts'
import { describeRow } from '../e2e/busy-pool/describe.ts'
import { queues } from '../e2e/busy-pool/queues.ts'
import { type RealServer, realServers } from '../e2e/busy-pool/row.ts'
import type { Part } from './parts/process.ts'
import { startMariadb, startMemcached, startPostgres, startRabbitmq, startRedis } from './parts/start.ts'

/** Starts the server; resolves to what a program finds in `SERVER_URL`. */
const start: Record<RealServer, () => Promise<{ part: Part; url: string }>> = {
  Redis: async () => withUrl(await startRedis()),
  RabbitMQ: async () => withUrl(await startRabbitmq()),
  PostgreSQL: async () => withUrl(await startPostgres()),
  MariaDB: async () => withUrl(await startMariadb()),
  memcached: async () => {
    const part = await startMemcached()
    return { part, url: part.address }
  },
}

function withUrl(part: Part & { readonly url: string }) {
  return { part, url: part.url }
}

describe.each(realServers)('%s', server => {
  const rows = [...queues, ...databases].filter(row => row.server === server)
  let running: { part: Part; url: string } | undefined
  beforeAll(async () => {
    running = await start[server]()
  }, 300_000)
  afterAll(() => running?.part.stop())

  for (const row of rows) describeRow(row, () => ({ SERVER_URL: running!.url }))

  test('rows of it are in the table', () => expect(rows).not.toEqual([]))
})
