// The promise: what GraphQL sends follows the text of a query, never the size of its answer.
import { join } from 'node:path'
import { type App, runApp } from '@org/otel-devtools/testing'

const cwd = join(__dirname, '..')
const scope = '@opentelemetry/instrumentation-graphql'
let app: App
afterEach(() => app.dispose())

const program = (graphql: string) => `
const http = require('node:http')
const express = require('express')
const { buildSchema, graphql, execute, parse, subscribe } = require('${graphql}')
const schema = buildSchema(\`
  type Author { name: String, books: [Book] }
  type Book { id: Int, title: String, author: Author, price: Int, tags: [[Tag]] }
  type Tag { word: String }
  type Query { books(n: Int): [Book], hello: String, broken: Int, strict: Int!, lazy: String, seen: String }
  type Mutation { add(title: String): Book }
  type Subscription { added: Book }
\`)
let queries = 0
const later = () => new Promise(done => setTimeout(done, 20))
const book = id => ({
  id,
  title: 't' + id,
  author: async () => { await later(); return { name: 'a' + id, books: [] } },
  price: async () => { if (id === 3) { await later(); throw new Error('no price of 3') } return id },
  tags: [[{ word: () => 'x' }, { word: () => 'y' }], [{ word: () => 'z' }]],
})
const rootValue = {
  books: ({ n }) => Array.from({ length: n }, (_, id) => book(id)),
  hello: 'world',
  broken: () => { throw { code: 'PLAIN', message: 'a plain object' } },
  strict: () => null,
  // A query builder: it runs when \`then\` is called, and again when it is called again.
  lazy: () => ({ then(ok, failed) { queries++; return later().then(() => 'built').then(ok, failed) } }),
  seen: (_args, context) => JSON.stringify([typeof context, Reflect.ownKeys(context ?? {}).length]),
  add: async ({ title }) => { await later(); return { ...book(1), title } },
}
const app = express()
const run = async source => graphql.length === 1 || '${graphql}' !== 'graphql14' ? graphql({ schema, source, rootValue }) : graphql(schema, source, rootValue)
app.get('/q', async (request, response) => response.json(await run(request.query.source)))
app.get('/batch', async (request, response) =>
  response.json(await Promise.all(['query A { hello }', 'query B { hello }'].map(run))))
app.get('/event', async (_request, response) => {
  const args = { schema, document: parse('subscription OnAdded { added { title author { name } } }'),
    rootValue: { added: async function* () { yield { added: book(1) }; yield { added: book(2) } } } }
  const events = []
  for await (const event of await subscribe(args)) events.push(event)
  response.json(events)
})
app.get('/queries', (_request, response) => response.json(queries))
app.get('/frozen', async (_request, response) =>
  response.json(await execute({ schema, document: parse('{ seen }'), rootValue, contextValue: Object.freeze({}) })))
// Servers (Apollo) put a resolver of their own in front of every field.
app.get('/wrapped', async (request, response) => {
  for (const name of ['Query', 'Book', 'Author'])
    for (const [key, field] of Object.entries(schema.getType(name).getFields()))
      field.resolve = (source, args) => typeof source[key] === 'function' ? source[key](args) : source[key]
  response.json(await run(request.query.source))
})
app.listen(0, '127.0.0.1', function () { console.log('listening ' + this.address().port) })
`

async function start(env: Record<string, string> = {}, graphql = 'graphql16'): Promise<void> {
  app = await runApp(program(graphql), { cwd, env })
}

async function ask(source: string, path = '/q') {
  const answer = await app.get(`${path}?source=${encodeURIComponent(source)}`)
  return JSON.parse(String(answer.body))
}

// Of requests: the schema is parsed outside of any.
const spans = () =>
  app.receiver.store.spans().filter(span => span.scope.name === scope && span.parentSpanId !== undefined)
const resolved = () => spans().filter(span => span.name.startsWith('graphql.resolve'))
const names = () => spans().map(span => span.name)
const server = () => app.receiver.store.spans({ kind: 'server' })
const find = (path: string) => resolved().find(span => span.attributes['graphql.field.path'] === path)!

describe.each(['graphql14', 'graphql15', 'graphql16', 'graphql'])('%s', graphql => {
  test('1,500 items make as many spans as one, with a count, and none for plain properties', async () => {
    await start({}, graphql)
    const source = (n: number) =>
      `query Big { books(n: ${n}) { id title author { name } price tags { word } } }`
    const { data, errors } = await ask(source(1500))
    expect([data.books.length, data.books[7].author.name, errors.length]).toEqual([1500, 'a7', 1])
    await app.stop()
    expect(names().sort()).toEqual([
      'graphql.parse',
      'graphql.resolve Book.author',
      'graphql.resolve Book.price',
      'graphql.resolve Query.books',
      'graphql.resolve Tag.word',
      'graphql.validate',
      'query Big',
    ])
    expect(find('books').attributes['graphql.item.count']).toBeUndefined()
    expect(find('books.*.author').attributes).toMatchObject({
      'graphql.item.count': 1500,
      'graphql.field.type': 'Author',
      'graphql.parent.name': 'Book',
    })
    expect(find('books.*.tags.*.*.word').attributes['graphql.item.count']).toBe(4500)
    expect(find('books.*.author').durationMs).toBeGreaterThan(15)
    expect(find('books.*.price').attributes).toMatchObject({
      'graphql.item.count': 1500,
      'graphql.item.failed_count': 1,
    })
    expect(find('books.*.price').status).toEqual({ code: 'error', message: 'no price of 3' })
    expect(find('books.*.price').events).toHaveLength(1)
    const execute = spans().find(span => span.name === 'query Big')!
    expect(execute.status).toMatchObject({ code: 'error', message: 'no price of 3' })
    // The field's span has it.
    expect(execute.events).toEqual([])
    expect(find('books').parentSpanId).toBe(execute.spanId)
    expect(find('books.*.author').parentSpanId).toBe(find('books').spanId)
  })

  test('the server span is named by the operation: query, mutation, subscription', async () => {
    await start({}, graphql)
    await ask('query Hello { hello }')
    await ask('{ hello }')
    await ask('mutation Add { add(title: "x") { title } }')
    await app.get('/event')
    await app.stop()
    expect(server().map(span => span.name)).toEqual([
      'GET /q query Hello',
      'GET /q query',
      'GET /q mutation Add',
      'GET /event subscription OnAdded',
    ])
    expect(server()[2]!.attributes).toMatchObject({
      'http.route': '/q',
      'graphql.operation.type': 'mutation',
      'graphql.operation.name': 'Add',
    })
    const events = spans().filter(span => span.name === 'subscription OnAdded')
    expect(events).toHaveLength(2)
    expect(
      resolved()
        .filter(span => span.name === 'graphql.resolve Book.author')
        .map(span => span.parentSpanId)
        .sort(),
    ).toEqual(events.map(span => span.spanId).sort())
  })
})

test('the loads of a list are one span with a count, below the field, and a batch', async () => {
  app = await runApp(
    `
const http = require('node:http')
const DataLoader = require('dataloader')
const { buildSchema, graphql } = require('graphql16')
const schema = buildSchema('type Author { name: String } type Book { id: Int, author: Author } type Query { books: [Book] }')
http.createServer(async (request, response) => {
  const loader = new DataLoader(async ids => ids.map(id => id === 3 ? new Error('no author 3') : { name: 'a' + id }), { name: 'authors' })
  const books = () => Array.from({ length: 500 }, (_, id) => ({ id, author: () => loader.load(id) }))
  await Promise.all([loader.load(1), loader.load(1)])
  const { data, errors } = await graphql({ schema, source: '{ books { author { name } } }', rootValue: { books } })
  response.end(JSON.stringify([data.books.length, errors.length]))
}).listen(0, '127.0.0.1', function () { console.log('listening ' + this.address().port) })`,
    { cwd },
  )
  expect((await app.get('/')).body).toBe('[500,1]')
  await app.stop()
  const loads = app.receiver.store.spans({ name: 'dataloader.load authors' })
  expect(loads.map(span => span.attributes['dataloader.load.count']).sort()).toEqual([2, 500])
  const ofField = loads.find(span => span.attributes['dataloader.load.count'] === 500)!
  expect(ofField.parentSpanId).toBe(find('books.*.author').spanId)
  expect(ofField.status).toEqual({ code: 'error', message: 'no author 3' })
  expect(find('books.*.author').status).toEqual({ code: 'error', message: 'no author 3' })
  const batches = app.receiver.store.spans({ name: 'dataloader.batch authors' })
  expect(batches.flatMap(span => span.links.map(link => link.spanId)).sort()).toEqual(
    loads.map(span => span.spanId).sort(),
  )
})

const byPath = () => resolved().map(span => span.attributes['graphql.field.path'])

test('a batch of different operations is named by the route alone', async () => {
  await start()
  await app.get('/batch')
  await app.stop()
  expect(server().map(span => span.name)).toEqual(['GET /batch'])
  expect(names()).toEqual(expect.arrayContaining(['query A', 'query B']))
})

test('nameServerSpan: false leaves the name of the server span alone', async () => {
  await start({ ORG_OTEL_INSTRUMENTATION_GRAPHQL_NAME_SERVER_SPAN: 'false' })
  await ask('query Hello { hello }')
  await app.stop()
  expect(server().map(span => span.name)).toEqual(['GET /q'])
})

test('resolvers that a server puts in front of every field are trivial where they give the property', async () => {
  await start()
  await ask('{ books(n: 20) { id title author { name } } }', '/wrapped')
  await app.stop()
  expect(byPath().sort()).toEqual(['books', 'books.*.author'])
})

test.each([
  // What upstream makes: one per item and field, named by its path.
  [{ MERGE_ITEMS: 'false' }, 'graphql.resolve books.4.author', 1 + 5],
  [{ MERGE_ITEMS: 'false', IGNORE_TRIVIAL_RESOLVE_SPANS: 'false' }, 'graphql.resolve books.4.id', 1 + 15 + 5],
  [{ IGNORE_TRIVIAL_RESOLVE_SPANS: 'false' }, 'graphql.resolve Book.id', 5],
  [{ DEPTH: '1' }, 'graphql.resolve Query.books', 1],
  [{ IGNORE_RESOLVE_SPANS: 'true' }, 'query', 0],
])('by option %j', async (options, name, count) => {
  await start(
    Object.fromEntries(
      Object.entries(options).map(([key, value]) => [`ORG_OTEL_INSTRUMENTATION_GRAPHQL_${key}`, value]),
    ),
  )
  await ask('{ books(n: 5) { id title author { name } } }')
  await app.stop()
  expect(names()).toContain(name)
  expect(resolved()).toHaveLength(count)
})

test('a field that failed has its error, a plain object too; what failed in no resolver is on the operation', async () => {
  await start()
  await ask('query Broken { broken }')
  await ask('query Strict { strict }')
  await app.stop()
  expect(find('broken').status).toEqual({ code: 'error', message: 'a plain object' })
  expect(find('broken').events[0]!.attributes).toMatchObject({
    'exception.type': 'PLAIN',
    'exception.message': 'a plain object',
  })
  const strict = spans().find(span => span.name === 'query Strict')!
  expect(strict.status.message).toMatch(/non-nullable field Query.strict/)
  expect(strict.events.map(event => event.attributes['exception.message'])).toEqual([strict.status.message])
})

test('a lazy result is asked once, and the context of the application is what it was', async () => {
  await start()
  expect(await ask('{ lazy }')).toEqual({ data: { lazy: 'built' } })
  expect((await app.get('/queries')).body).toBe('1')
  expect(JSON.parse(String((await app.get('/frozen')).body)).data).toEqual({ seen: '["object",0]' })
  expect(await ask('{ seen }')).toEqual({ data: { seen: '["undefined",0]' } })
})

test('neither aliases nor names of operations make spans or names without bound', async () => {
  await start()
  const aliases = Array.from({ length: 100 }, (_, i) => `a${i}: books(n: 1) { author { name } }`)
  await ask(`query Aliases { ${aliases.join(' ')} }`)
  for (let i = 0; i < 250; i++) await ask(`query N${i} { hello }`)
  await app.stop()
  const aliased = spans().find(span => span.name === 'query Aliases')!
  expect(resolved()).toHaveLength(128)
  expect(aliased.attributes['graphql.field.unrecorded_count']).toBe(72)
  expect([...new Set(resolved().map(span => span.name))].sort()).toEqual([
    'graphql.resolve Book.author',
    'graphql.resolve Query.books',
  ])
  expect(new Set(server().map(span => span.name)).size).toBe(201)
  expect(server().at(-1)!).toMatchObject({
    name: 'GET /q query',
    attributes: { 'graphql.operation.name': 'N249' },
  })
})
