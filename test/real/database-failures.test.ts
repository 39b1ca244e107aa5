// The promise: what the server refused is an error on the span of the command, with its code, whichever way the answer came;
// what it did not refuse is none.
import { join } from 'node:path'
import { runApp } from '@org/otel-devtools/testing'
import type { Part } from './parts/process.ts'
import { startMariadb, startPostgres, startRedis } from './parts/start.ts'

const program = join(__dirname, '../apps/database-failures.cjs')

interface Server {
  name: string
  start(): Promise<Part & { readonly url: string }>
  /** Request -> spans of its commands in their order, with the code of those that failed. */
  cases: Record<string, readonly (string | [name: string, code: string])[]>
}

const copy = 'pg.query:COPY postgres'
const select = 'pg.query:SELECT postgres'
const servers: Server[] = [
  {
    name: 'PostgreSQL',
    start: startPostgres,
    cases: {
      'COPY FROM': [copy],
      'COPY FROM that fails': [[copy, '22P02']],
      'COPY FROM into no table': [[copy, '42P01']],
      'COPY TO': [copy],
      'COPY TO that fails': [[copy, '22012']],
      cursor: [select],
      'cursor that fails': [[select, '22012']],
      stream: [select],
      'stream that nobody reads to its end': [select],
      'stream that fails': [[select, '22012']],
      'query object that fails': [[select, '22012']],
      'several statements of which one fails': [[select, '22012']],
      'query that fails': [[select, '22012']],
    },
  },
  {
    name: 'MariaDB',
    start: startMariadb,
    cases: {
      stream: ['select'],
      'stream that fails': [['select', '1146']],
      'stream that fails on its way': [['select', '1242']],
      'bulk insert': ['insert'],
      'bulk insert that fails': [['insert', '1062']],
      'several statements of which one fails': [['select', '1146']],
      'execute that fails': [['select', '1146']],
    },
  },
  {
    name: 'node-redis',
    start: startRedis,
    cases: {
      transaction: ['redis-SET', 'redis-GET'],
      'transaction of which one fails': ['redis-GET', ['redis-LPUSH', 'WRONGTYPE']],
      'command that fails': [['redis-LPUSH', 'WRONGTYPE']],
    },
  },
  {
    name: 'Redis',
    start: startRedis,
    cases: {
      pipeline: ['set', 'get'],
      'pipeline of which one fails': ['get', ['lpush', 'WRONGTYPE']],
      transaction: ['multi', 'set', 'get', 'exec'],
      'transaction of which one fails': ['multi', 'get', 'lpush', ['exec', 'WRONGTYPE']],
      'transaction that is refused': ['multi', 'get', ['get', 'ERR'], ['exec', 'EXECABORT']],
      'command that fails': [['lpush', 'WRONGTYPE']],
    },
  },
]

describe.each(servers)('$name', ({ name, start, cases }) => {
  let server: Part & { readonly url: string }
  let app: Awaited<ReturnType<typeof runApp>>
  beforeAll(async () => {
    server = await start()
    app = await runApp(program, { env: { SERVER_NAME: name, SERVER_URL: server.url }, timeoutMs: 60_000 })
    expect(await app.exited).toMatchObject({ code: 0 })
  }, 300_000)
  afterAll(async () => {
    await app?.dispose()
    await server?.stop()
  })

  test.each(Object.keys(cases))('%s', request => {
    const spans = app.receiver.store.spans()
    const entry = spans.find(span => span.attributes['url.path'] === `/${encodeURIComponent(request)}`)!
    expect(entry.attributes['http.response.status_code']).toBe(200)
    const found = spans
      .filter(span => span.traceId === entry.traceId && 'db.system.name' in span.attributes)
      .sort((a, b) => Number(a.startNano - b.startNano))
      .map(({ name, status, attributes }) => {
        const code = attributes['db.response.status_code']
        expect(attributes['error.type']).toBe(code)
        expect(status.code).toBe(code === undefined ? 'unset' : 'error')
        return code === undefined ? name : [name, code]
      })
    expect(found).toEqual(cases[request])
  })

  test('nothing of ours failed', () => expect(app.stderr).not.toContain('ORG_OTEL_INTERNAL'))
})
