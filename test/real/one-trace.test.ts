// The promise of the mission on the real parts: one trace from HTTP through Apache Kafka into the worker and its
// database call, and the whole demo on PostgreSQL and Kafka instead of its embedded stand-ins.
import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { expectTrace, runApp } from '@org/otel-devtools/testing'
import { type KafkaPart, startKafka, startPostgres, startRedis } from './parts/start.ts'

const root = resolve(__dirname, '../..')
type Stopped = { stop(): Promise<void>; readonly url: string }
let kafka: KafkaPart
let postgres: Stopped
let redis: Stopped

beforeAll(async () => {
  ;[kafka, postgres, redis] = await Promise.all([startKafka(), startPostgres(), startRedis()])
}, 600_000)

afterAll(async () => {
  await Promise.all([kafka?.stop(), postgres?.stop(), redis?.stop()])
})

const imports = {
  cjs: `const express = require('express'), pino = require('pino'), pg = require('pg'), { Redis } = require('ioredis'), { Kafka } = require('kafkajs')`,
  esm: `import express from 'express'\nimport pino from 'pino'\nimport pg from 'pg'\nimport { Redis } from 'ioredis'\nimport { Kafka } from 'kafkajs'`,
}
const body = `
const log = pino()
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })
const redis = new Redis(process.env.REDIS_URL)
const kafka = new Kafka({ clientId: 'shop', brokers: [process.env.KAFKA_BROKERS], logLevel: 0 })
const topic = 'orders-' + process.pid
const producer = kafka.producer(), consumer = kafka.consumer({ groupId: 'worker-' + process.pid, maxWaitTimeInMs: 50 })
const app = express()
app.get('/orders/:id', async (req, res) => {
  const { rows } = await pool.query('select $1::int as id', [Number(req.params.id)])
  await redis.set('last', req.params.id)
  await producer.send({ topic, messages: [{ key: req.params.id, value: JSON.stringify(rows[0]) }] })
  log.info({ order: rows[0].id }, 'ordered')
  res.json(rows[0])
})
async function main() {
  const admin = kafka.admin()
  await admin.connect(); await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }); await admin.disconnect()
  await producer.connect(); await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const joined = new Promise(done => consumer.on('consumer.group_join', done))
  await consumer.run({ eachMessage: async ({ message }) => {
    await pool.query('select now()')
    log.info({ bytes: message.value.length }, 'settled')
  } })
  await joined
  const server = app.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
}
main().catch(error => { console.error(error); process.exit(1) })
`

test.each(['cjs', 'esm'] as const)(
  'one trace (%s) from HTTP through Apache Kafka into the worker and its query in PostgreSQL',
  async kind => {
    const app = await runApp(`${imports[kind]}\n${body}`, {
      cwd: join(root, 'test'),
      module: kind,
      preload: join(root, 'packages/otel/dist/register.cjs'),
      env: {
        DATABASE_URL: postgres.url,
        REDIS_URL: redis.url,
        KAFKA_BROKERS: kafka.address,
        OTEL_SERVICE_NAME: 'shop',
      },
      timeoutMs: 60_000,
    })
    try {
      expect((await app.get('/orders/7')).body).toBe('{"id":7}')
      await app.waitForOutput('settled', 30_000)
      const query = { kind: 'client', attributes: { 'db.system.name': 'postgresql' } } as const
      const trace = await expectTrace(
        app,
        {
          name: 'GET /orders/:id',
          kind: 'server',
          root: true,
          descendants: [
            query,
            { kind: 'client', attributes: { 'db.system.name': 'redis' } },
            {
              name: /^send/,
              kind: 'producer',
              children: [{ name: /^process/, kind: 'consumer', descendants: [query] }],
            },
          ],
        },
        { timeoutMs: 30_000 },
      )
      expect(app.logs.find(line => line.msg === 'settled')?.trace_id).toBe(trace.traceId)
      expect(app.logs.find(line => line.msg === 'ordered')?.trace_id).toBe(trace.traceId)
    } finally {
      await app.dispose()
    }
  },
  120_000,
)

test('the demo tells its whole story on the real database and broker', async () => {
  const demo = spawn('node', ['examples/payments/demo.mjs', '--once'], {
    cwd: root,
    env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: postgres.url, KAFKA_BROKERS: kafka.address },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const keep = (chunk: Buffer) => {
    output += chunk
  }
  demo.stdout.on('data', keep)
  demo.stderr.on('data', keep)
  const code = await new Promise(done => demo.once('exit', done))
  expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' })
  expect(output).toMatch(/All \d+ links hold/)
}, 180_000)
