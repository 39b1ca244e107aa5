// The promise: a query is one CLIENT span, whoever wrote it, and its name is made of few words.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { type App, runApp } from '@org/otel-devtools/testing'

const root = join(__dirname, '../..')
let postgres: ChildProcess
let port = ''
beforeAll(async () => {
  postgres = spawn(process.execPath, [join(root, 'packages/otel/test/libraries/postgres.mjs')], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  port = String((await once(postgres.stdout!, 'data'))[0]).trim()
}, 60_000)
afterAll(() => postgres.kill())
let app: App
afterEach(() => app?.dispose())

/** What is asked -> the name of knex's span where nothing below is instrumented. */
const asked: [string, string, string][] = [
  ['select', `knex('books').select('id')`, 'select books'],
  ['alias', `knex({ b: 'books' }).select('id')`, 'select books'],
  ['first', `knex('books').first()`, 'first books'],
  ['insert', `knex('books').insert({ id: 1 })`, 'insert books'],
  [
    'function',
    `knex.select('x').from(builder => { builder.select(knex.raw('1 as x')).as('query') })`,
    'select postgres',
  ],
  ['subquery', `knex.select('*').from(knex('books').select('id').as('t'))`, 'select books'],
  [
    'raw table',
    `knex.select('*').from(knex.raw("(select 'secret@example.com' as m) as t"))`,
    'select postgres',
  ],
  ['raw', `knex.raw("select 'secret@example.com' as m")`, 'raw postgres'],
  ['failing', `knex.raw("select 'secret@example.com'::int").catch(() => {})`, 'raw postgres'],
  ['schema', `knex.schema.createTable('t' + Date.now(), t => t.integer('id'))`, 'create postgres'],
  ['odd table', `knex('no such "table" /etc/passwd').select().catch(() => {})`, 'select postgres'],
  ['transaction', `knex.transaction(async trx => { await trx('books').select('id') })`, 'select books'],
]

// The client that answers by itself has no schema builder and no transactions.
const answerable = asked.filter(([name]) => name !== 'schema' && name !== 'transaction')

const program = (client: string, rows: typeof asked) => `
const api = require('@opentelemetry/api')
const { knex: open, Client } = { knex: require('knex'), Client: require('knex').Client }
class Answering extends Client {
  _driver() {}
  acquireRawConnection = async () => ({})
  destroyRawConnection = async () => {}
  _query = async (_connection, query) => ({ ...query, response: [] })
  processResponse = query => query.response
}
Object.assign(Answering.prototype, { driverName: 'better-sqlite3', dialect: 'better-sqlite3' })
const knex = ${client}
const tracer = api.trace.getTracer('test')
const inSpan = (name, work) => tracer.startActiveSpan(name, async span => { await work(); span.end() })
;(async () => {
  await knex.raw('create table if not exists books (id int)')
  ${rows.map(([name, code]) => `await inSpan(${JSON.stringify(name)}, () => ${code})`).join('\n  ')}
  await knex.destroy()
})()
`
const withPg = () =>
  `open({ client: 'pg', connection: { host: '127.0.0.1', port: ${port}, user: 'postgres', password: 'postgres', database: 'postgres' }, pool: { min: 0, max: 1 } })`
const withSqlite = `open({ client: Answering, connection: { filename: '/var/lib/shop/books.db' } })`

async function start(client: string, env: Record<string, string> = {}, rows = asked): Promise<void> {
  app = await runApp(program(client, rows), { cwd: join(__dirname, '..'), env })
  await app.exited
  expect(app.stderr).not.toMatch(/ORG_OTEL_INTERNAL|Error/)
}

function clientsIn(name: string) {
  const parent = app.receiver.store.spans({ name })[0]!
  return app.receiver.store.spans({ traceId: parent.traceId, kind: 'client' })
}
const scopes = () => new Set(app.receiver.store.spans().map(span => span.scope.name))

test("the driver's span is the only one of a query, below the caller's", async () => {
  await start(withPg())
  expect(scopes()).not.toContain('@opentelemetry/instrumentation-knex')
  for (const [name] of asked) {
    const queries = clientsIn(name).filter(span => span.name.startsWith('pg.query'))
    expect([name, queries.length]).toEqual([name, name === 'transaction' ? 3 : name === 'schema' ? 1 : 1])
  }
})

test('with alwaysSpans knex has spans too, of kind INTERNAL, around those of the driver', async () => {
  await start(withPg(), { ORG_OTEL_INSTRUMENTATION_KNEX_ALWAYS_SPANS: 'true' })
  const spans = app.receiver.store.spans().filter(span => span.scope.name.endsWith('-knex'))
  expect(new Set(spans.map(span => span.kind))).toEqual(new Set(['internal']))
  expect(spans.length).toBeGreaterThanOrEqual(asked.length)
  expect(clientsIn('select')[0]!.parentSpanId).toBe(spans.find(span => span.name === 'select books')!.spanId)
})

test('without the instrumentation of the driver the only span is that of knex, named by few words', async () => {
  await start(withPg(), { OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'pg' })
  for (const [name, , expected] of asked)
    expect([name, clientsIn(name).map(span => span.name)]).toEqual([name, [expected]])
  const failed = clientsIn('failing')[0]!
  expect(failed.status.code).toBe('error')
  expect(failed.events[0]!.attributes['exception.message']).toBe('data exception (code: 22P02)')
  expect(clientsIn('raw')[0]!.attributes).toMatchObject({
    'db.system.name': 'postgresql',
    'db.query.text': 'select ? as m',
    'db.namespace': 'postgres',
  })
  expect(inspect(app.receiver.store.spans(), { depth: 9, maxArrayLength: null })).not.toContain(
    'secret@example',
  )
})

test('a file is no part of a name', async () => {
  await start(withSqlite, {}, answerable)
  for (const [name, , expected] of answerable)
    expect([name, clientsIn(name).map(span => span.name)]).toEqual([
      name,
      [expected.replace(' postgres', '')],
    ])
})

test.each([
  ['internal', {}],
  ['client', { OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'mongodb' }],
])('spans of mongoose are of kind %s with %j', async (kind, env) => {
  app = await runApp(
    `const mongoose = require('mongoose')
     mongoose.set('bufferCommands', false)
     const User = mongoose.model('User', new mongoose.Schema({ name: String }))
     User.findOne({ name: 'a' }).exec().catch(() => {})`,
    { cwd: join(__dirname, '..'), env },
  )
  await app.exited
  expect(app.receiver.store.spans({ name: 'findOne users' }).map(span => span.kind)).toEqual([kind])
})
