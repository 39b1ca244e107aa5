// The table test: every library of the catalog whose real package can be installed is loaded by `require` and by
// `import`, used once, and must have been patched and have given its span. What it is used for: exercises.cjs.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { catalog } from '../../packages/otel/src/loader/catalog.ts'
import { app, bundle, makeFolder, node, run } from './loader-process.ts'

interface Expected {
  /** Key of the catalog row. */
  key: string
  /** Name of a span it must give. Absent: its spans need a server; that it was patched is all we can see here. */
  span?: string | RegExp
  /** `http.route` that must have reached the request's span. */
  route?: string
  /** First Node line on which the library itself runs. */
  from?: number
}

const expected: Record<string, Expected> = {
  express: { key: 'express', route: '/users/:id' },
  fastify: { key: 'fastify', span: 'request handler - getUser', route: '/users/:id' },
  koa: { key: 'koa', span: 'middleware - answer' },
  '@hapi/hapi': { key: 'hapi', span: 'route - /users/{id}', route: '/users/{id}' },
  restify: { key: 'restify', span: /^request handler - / },
  connect: { key: 'connect', route: '/users' },
  '@nestjs/core': { key: 'nestjs-core', span: 'Users.find', route: '/users/:id' },
  graphql: { key: 'graphql', span: 'graphql.parse', from: 22 },
  dataloader: { key: 'dataloader', span: 'dataloader.load' },
  'socket.io': { key: 'socket.io', span: /^send / },
  pg: { key: 'pg', span: 'pg-pool.connect' },
  mysql: { key: 'mysql', span: 'select' },
  mysql2: { key: 'mysql2', span: 'select' },
  mongodb: { key: 'mongodb' },
  mongoose: { key: 'mongoose', span: 'findOne users' },
  ioredis: { key: 'ioredis', span: 'get' },
  redis: { key: 'redis', span: 'redis-connect' },
  knex: { key: 'knex', span: /^raw/ },
  tedious: { key: 'tedious', span: 'execSql' },
  oracledb: { key: 'oracledb', span: 'oracledb.getConnection' },
  'cassandra-driver': { key: 'cassandra-driver', span: 'cassandra-driver.execute' },
  memcached: { key: 'memcached', span: 'memcached get' },
  'lru-memoizer': { key: 'lru-memoizer' },
  'generic-pool': { key: 'generic-pool', span: 'generic-pool.acquire' },
  '@grpc/grpc-js': { key: 'grpc', span: 'grpc.test.Users/Get' },
  amqplib: { key: 'amqplib' },
  '@aws-sdk/client-sts': { key: 'aws-sdk', span: 'STS.GetCallerIdentity' },
  openai: { key: 'openai', span: 'chat m', from: 22 },
  kafkajs: { key: 'kafkajs', span: /t$/ },
  '@platformatic/kafka': { key: 'platformatic-kafka', span: /t$/, from: 22 },
  pino: { key: 'pino' },
  winston: { key: 'winston' },
  bunyan: { key: 'bunyan' },
  'prom-client': { key: 'prom-client' },
  '@cucumber/cucumber': { key: 'cucumber' },
}

// Tested elsewhere, or not installable without a compiler.
const elsewhere: Record<string, string> = {
  router: 'below, in a process without express',
  http: 'the tracing room',
  undici: 'the tracing room',
  'runtime-node': 'the metrics room',
  'host-metrics': 'below, as something to start',
  'aws-lambda': 'loader.test.ts',
  net: 'loader.test.ts',
  dns: 'loader.test.ts',
  fs: 'loader.test.ts',
  'confluent-kafka': 'the kafka package: a native module',
  'node-rdkafka': 'the kafka package: a native module',
}

jest.setTimeout(60_000)
const register = bundle('start')
// Where hooks run on a thread of their own, and where they do not: everything. Elsewhere: what is an ES module.
const everything = [20, 24]
const esmOnly = ['@nestjs/core', 'graphql', 'openai', '@platformatic/kafka', 'express', 'pg']

async function exercise(major: number, kind: string, only?: readonly string[]) {
  const results = join(makeFolder(), 'results.json')
  const ran = await run(node(major), ['--require', register, app(`catalog.${kind}`)], {
    env: { TEST_RESULTS: results, ...(only ? { TEST_ONLY: only.join() } : {}) },
  })
  expect(ran).toMatchObject({ code: 0, stdout: '' })
  return { ...ran, results: JSON.parse(readFileSync(results, 'utf8')) }
}

test('every row of the catalog is exercised here or, for a reason, elsewhere', () => {
  const covered = [...Object.values(expected).map(({ key }) => key), ...Object.keys(elsewhere)]
  expect(covered.sort()).toEqual(catalog.map(row => row.key).sort())
})

const runs = [20, 22, 24, 26].flatMap(major =>
  ['cjs', 'mjs'].map(kind => ({
    major,
    kind,
    names: everything.includes(major) ? Object.keys(expected) : esmOnly,
  })),
)

describe.each(runs)('on Node $major, loaded from $kind', ({ major, kind, names }) => {
  const running = exercise(major, kind, everything.includes(major) ? undefined : names)

  it('nothing of ours failed', async () => {
    const { report } = await running
    expect(report.swallowed).toBe(0)
    expect(report.seen.filter((one: any) => one.state === 'failed')).toEqual([])
  })

  it.each(names.filter(name => (expected[name]!.from ?? 0) <= major))('%s is instrumented', async name => {
    const { report, results } = await running
    const { key, span, route } = expected[name]!
    expect(results[name].error).toBeUndefined()
    expect(report.instrumented).toContain(key)
    const spans: { scope: string; name: string; route?: string }[] = results[name].spans
    if (span !== undefined) {
      const named =
        typeof span === 'string'
          ? expect.arrayContaining([span])
          : expect.arrayContaining([expect.stringMatching(span)])
      expect(spans.map(one => one.name)).toEqual(named)
    }
    if (route !== undefined) expect(spans.find(one => one.scope === 'http')?.route).toBe(route)
  })

  it('an express request has its own span and none from express or its router', async () => {
    const { results } = await running
    expect(results.express.spans.map((one: any) => one.scope)).toEqual(['http'])
  })
})

test.each(['cjs', 'mjs'])('router is instrumented where it stands alone (%s)', async kind => {
  const { report, results } = await exercise(24, kind, ['router'])
  expect(report.instrumented).toContain('router')
  expect(results.router.spans.map((one: any) => one.scope)).toContain('@opentelemetry/instrumentation-router')
})

test('host-metrics and runtime-node start without keeping the process alive', async () => {
  const ran = await run(node(24), ['--require', register, '-e', '0'], {
    env: { OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'host-metrics,runtime-node' },
  })
  expect(ran).toMatchObject({ code: 0, stdout: '', stderr: '' })
  expect(ran.report.instrumented).toEqual(['runtime-node', 'host-metrics'])
})
