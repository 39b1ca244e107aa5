// What a user gets: the packed tarballs, installed with plain npm into an empty application, one flag, four Node lines.
// PostgreSQL is PGlite behind its socket server, Kafka the development broker, Redis a few lines of its protocol;
// test/real has the same against the real ones.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type KafkaBroker, startKafkaBroker } from '@org/otel-devtools/kafka-broker'
import { type App, expectTrace, runApp } from '@org/otel-devtools/testing'

const root = resolve(__dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'tarballs-'))
let broker: KafkaBroker
let redis: Server
let database: { stop(): Promise<void>; url: string }

const majors = [20, 22, 24, 26]

function run(command: string, args: string[], cwd: string): string {
  const done = spawnSync(command, args, { cwd, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } })
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${done.stdout}${done.stderr}`)
  return done.stdout
}

/** INFO says "not loading", everything else is +OK: all that ioredis needs to connect and SET. */
function startRedis(): Promise<Server> {
  const info = '$11\r\nloading:0\r\n\r\n'
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.on('data', data => {
      for (const [, name = ''] of data.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
        socket.write(name.toLowerCase() === 'info' ? info : '+OK\r\n')
      }
    })
  })
  return new Promise(done => server.listen(0, '127.0.0.1', () => done(server)))
}

async function startDatabase() {
  const child = await runApp(
    `import { PGlite } from '@electric-sql/pglite'
     import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
     const server = new PGLiteSocketServer({ db: await PGlite.create(), port: 0, host: '127.0.0.1', maxConnections: 8 })
     server.addEventListener('listening', e => console.log('listening ' + e.detail.port))
     await server.start()
     process.on('SIGTERM', () => process.exit(0))`,
    { cwd: folder, preload: false, module: 'esm', timeoutMs: 60_000 },
  )
  return { url: `postgres://postgres@127.0.0.1:${child.port}/postgres`, stop: () => child.dispose() }
}

const body = `
const log = pino()
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 1 })
const redis = new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: 1 })
const kafka = new Kafka({ clientId: 'shop', brokers: [process.env.KAFKA_BROKERS], logLevel: 0 })
const topic = 'orders-' + process.pid
const producer = kafka.producer()
const consumer = kafka.consumer({ groupId: 'worker-' + process.pid, maxWaitTimeInMs: 50 })
const app = express()
let consumed
const done = new Promise(resolve => { consumed = resolve })
app.get('/orders/:id', async (req, res) => {
  const { rows } = await pool.query('select $1::int as id', [Number(req.params.id)])
  await redis.set('last', req.params.id)
  await producer.send({ topic, messages: [{ key: req.params.id, value: JSON.stringify(rows[0]) }] })
  log.info({ order: rows[0].id }, 'ordered')
  await done
  res.json(rows[0])
})
async function main() {
  await producer.connect()
  const admin = kafka.admin()
  await admin.connect(); await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }); await admin.disconnect()
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => {
    await pool.query('select 2')
    log.info({ bytes: message.value.length }, 'settled')
    consumed()
  } })
  const server = app.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
}
main().catch(error => { console.error(error); process.exit(1) })
`
const programs = {
  'shop.cjs': `const express = require('express'), pino = require('pino'), pg = require('pg'), { Redis } = require('ioredis'), { Kafka } = require('kafkajs')\n${body}`,
  'shop.mjs': `import express from 'express'\nimport pino from 'pino'\nimport pg from 'pg'\nimport { Redis } from 'ioredis'\nimport { Kafka } from 'kafkajs'\n${body}`,
}

beforeAll(async () => {
  run(process.execPath, [join(root, 'scripts/pack.mjs'), '--no-check'], root)
  const catalog = JSON.parse(run('node', ['-e', catalogScript], root)) as Record<string, string>
  const tarball = readdirSync(join(root, 'artifacts')).find(name => /^org-otel-\d/.test(name)) as string
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'shop', version: '1.2.3', private: true }),
  )
  const libraries = [
    'express',
    'pg',
    'ioredis',
    'kafkajs',
    'pino',
    '@electric-sql/pglite',
    '@electric-sql/pglite-socket',
  ]
  const wanted = libraries.map(name => `${name}@${catalog[name]}`)
  run(
    'npm',
    ['install', '--no-fund', '--no-audit', '--loglevel=error', join(root, 'artifacts', tarball), ...wanted],
    folder,
  )
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(folder, name), text)
  ;[broker, redis, database] = await Promise.all([
    startKafkaBroker({ partitions: 1 }),
    startRedis(),
    startDatabase(),
  ])
}, 240_000)

const catalogScript = `
const text = require('fs').readFileSync('pnpm-workspace.yaml', 'utf8')
console.log(JSON.stringify(Object.fromEntries([...text.matchAll(/^  ['"]?(@?[a-z][\\w./@-]*?)['"]?: (\\d[\\w.-]*)$/gm)].map(m => [m[1], m[2]]))))`

afterAll(async () => {
  await Promise.all([broker?.stop(), database?.stop()])
  redis?.close()
  rmSync(folder, { recursive: true, force: true })
})

const cases = majors.flatMap(major => Object.keys(programs).map(program => ({ major, program })))

test.each(cases)(
  'the installed tarball makes one trace of $program on Node $major, from HTTP through Kafka to the database',
  async ({ major, program }) => {
    const { nodePath } = await import('../../scripts/nodes.mjs')
    const app: App = await runApp(join(folder, program), {
      node: nodePath(major),
      cwd: folder,
      preload: '@org/otel/register',
      env: {
        DATABASE_URL: database.url,
        REDIS_URL: `redis://127.0.0.1:${(redis.address() as { port: number }).port}`,
        KAFKA_BROKERS: broker.address,
      },
      timeoutMs: 40_000,
    })
    try {
      expect((await app.get('/orders/7')).body).toBe('{"id":7}')
      const trace = await expectTrace(app, {
        name: 'GET /orders/:id',
        kind: 'server',
        service: 'shop',
        root: true,
        descendants: [
          { kind: 'client', attributes: { 'db.system.name': 'postgresql' } },
          { kind: 'client', attributes: { 'db.system.name': 'redis' } },
          {
            name: /^send orders-/,
            kind: 'producer',
            children: [
              {
                name: /^process orders-/,
                kind: 'consumer',
                descendants: [{ kind: 'client', attributes: { 'db.system.name': 'postgresql' } }],
              },
            ],
          },
        ],
      })
      const settled = app.logs.find(line => line.msg === 'settled')
      expect(settled?.trace_id).toBe(trace.traceId)
      expect(app.stderr).not.toMatch(/ORG_OTEL_/)
      expect(await app.stop()).toEqual({ code: null, signal: 'SIGTERM' })
    } catch (error) {
      throw Object.assign(error as Error, { message: `${(error as Error).message}\n${app.stderr}` })
    } finally {
      await app.dispose()
    }
  },
  90_000,
)

test('installed, @org/otel has one dependency, no install script and at most 6 MB', () => {
  const home = join(folder, 'node_modules/@org/otel')
  const manifest = require(join(home, 'package.json'))
  expect(Object.keys(manifest.dependencies)).toEqual(['@opentelemetry/api'])
  expect(Object.keys(manifest.scripts ?? {}).filter(name => /install|prepare/.test(name))).toEqual([])
  const bytes = readdirSync(home, { recursive: true, encoding: 'utf8' }).reduce(
    (sum, file) => sum + statSync(join(home, file)).size,
    0,
  )
  expect(bytes).toBeLessThanOrEqual(6_000_000)
})
