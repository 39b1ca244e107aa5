// The promise: what is secret stays in the process. Each way a secret usually leaks carries a canary of its own, every
// byte of telemetry and of stderr is kept as it was sent, and no canary may be in it.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type App, runApp } from '@org/otel-devtools/testing'

const cwd = join(__dirname, '..')
let app: App | undefined
let collector: Server
const bodies: Buffer[] = []
const everything = () => Buffer.concat(bodies).toString('latin1')

beforeEach(async () => {
  bodies.length = 0
  // Not the receiver of the testing kit: that one decodes, and what it does not know it would not show.
  collector = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      bodies.push(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body)
      response.end()
    })
  })
  await new Promise<void>(done => collector.listen(0, '127.0.0.1', done))
})
afterEach(async () => {
  await app?.dispose()
  await new Promise(done => collector.close(done).closeAllConnections())
})

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await new Promise(done => setTimeout(done, 50))
}

// Where a secret is put; the names are the canaries: CANARY-<name>.
const program = `
const http = require('node:http')
const express = require('express')
const { trace } = require('@opentelemetry/api')
const pino = require('pino')
const pg = require('pg')
const { Redis } = require('ioredis')
const c = name => 'CANARY-' + name
const log = pino({ redact: ['password'] }, pino.destination({ dest: 1, sync: true }))
const ignore = () => {}
const app = express()
app.get('/in', async (req, res) => {
  const port = server.address().port
  const own = 'http://127.0.0.1:' + port
  await fetch(own + '/sink?api_key=' + c('fetch-query') + '&X-Amz-Signature=' + c('fetch-aws') + '&plain=visible', {
    headers: { authorization: 'Bearer ' + c('fetch-authorization'), cookie: 'sid=' + c('fetch-cookie'), 'x-api-key': c('fetch-api-key') },
    method: 'POST', body: c('fetch-body'),
  })
  await new Promise(done => http.get('http://me:' + c('client-userinfo') + '@127.0.0.1:' + port + '/sink?access_token=' + c('client-query') + '&sig=' + c('client-sig') + '#' + c('client-fragment'), r => r.resume().on('end', done)))
  await new Promise(done => http.get({ port, path: '/sink?password=' + c('client-path'), auth: 'me:' + c('client-auth') }, r => r.resume().on('end', done)))
  await fetch('http://127.0.0.1:1/gone?token=' + c('refused-fetch')).catch(ignore)
  await new Promise(done => http.get('http://u:' + c('refused-userinfo') + '@127.0.0.1:1/gone?token=' + c('refused-client')).on('error', done))
  const client = new pg.Client({ connectionString: 'postgres://app:' + c('pg-password') + '@127.0.0.1:1/shop' })
  client.query("select * from cards where number = '" + c('sql-literal') + "'").catch(ignore)
  client.query('update cards set pin = $1', [c('sql-parameter')]).catch(ignore)
  await client.connect().catch(ignore)
  client.end().catch(ignore)
  const redis = new Redis({ host: '127.0.0.1', port: 1, password: c('redis-password'), lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
  redis.on('error', ignore)
  await Promise.all([
    redis.set('session:1', c('redis-value')).catch(ignore),
    redis.call('AUTH', 'me', c('redis-auth')).catch(ignore),
    redis.hset('user', 'password', c('redis-hash')).catch(ignore),
  ])
  redis.disconnect()
  log.info({ password: c('log-redacted') }, 'called http://u:' + c('log-userinfo') + '@host/x?token=' + c('log-query'))
  log.error(new Error('cannot reach postgres://app:' + c('log-error') + '@db/shop'))
  const span = trace.getTracer('shop').startSpan('manual')
  span.recordException(new Error('GET https://u:' + c('exception-userinfo') + '@api/x?access_token=' + c('exception-query') + ' failed'))
  span.end()
  res.set('set-cookie', 'sid=' + c('set-cookie')).send('ok')
})
app.all('/sink', (req, res) => req.resume().on('end', () => res.end('sunk')))
app.get('/throws', () => { throw new Error('no postgres://app:' + c('thrown') + '@db/shop?password=' + c('thrown-query')) })
app.use((error, req, res, next) => res.status(500).end())
const server = app.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
`
const requests = `
CANARY-in-query /in?token=CANARY-in-query&code=CANARY-in-code&client_secret=CANARY-in-secret
`

test('no secret is in any byte that leaves, nor on stderr', async () => {
  const { port } = collector.address() as AddressInfo
  app = await runApp(program, {
    cwd,
    module: 'cjs',
    args: ['--password=CANARY-argv', '--token', 'CANARY-argv2'],
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://collector:CANARY-endpoint@127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-ingest-key=CANARY-header',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'none',
      OTEL_NODE_RESOURCE_DETECTORS: 'all',
      OTEL_METRICS_EXEMPLAR_FILTER: 'always_on',
      ORG_OTEL_LOG_SENDING: 'true',
      ORG_OTEL_LOG_RECORD_ERRORS: 'true',
      ORG_OTEL_LOG_LEVEL: 'debug',
      // Asked for by mistake, as people do: the value must not leave either.
      DATABASE_URL: 'postgres://app:CANARY-environment@db/shop',
    },
  })
  const path = requests.trim().split(' ')[1]!
  const answer = await app.get(path, {
    headers: {
      authorization: 'Bearer CANARY-in-authorization',
      cookie: 'sid=CANARY-in-cookie',
      'proxy-authorization': 'CANARY-in-proxy',
      'x-api-key': 'CANARY-in-api-key',
    },
  })
  expect(answer.status).toBe(200)
  expect((await app.get('/throws')).status).toBe(500)
  const arrived = [
    'manual',
    'GET /in',
    'GET /throws',
    'cannot reach',
    'visible',
    'select * from cards',
    'update cards set pin = $1',
    'http.client.request.duration',
  ]
  await until(() => arrived.every(text => everything().includes(text)))
  await app.stop()
  const sent = everything()
  for (const text of arrived) expect(sent).toContain(text)
  expect([...new Set(sent.match(/CANARY-[a-z0-9-]+/g) ?? [])]).toEqual([])
  expect([...new Set(app.stderr.match(/CANARY-[a-z0-9-]+/g) ?? [])]).toEqual([])
  expect(app.stderr).not.toContain('ORG_OTEL_INTERNAL')
})

test.each([
  ['an endpoint that cannot be read', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://me:CANARY-pw@ho st:4318' }],
  ['an endpoint with a scheme nobody knows', { OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://me:CANARY-pw@host:4318' }],
  ['a password with an @', { OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://me:CANARY-1@CANARY-2@host:4318' }],
  ['an endpoint with a broken escape', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://me:CANARY-%zz@127.0.0.1:1' }],
  ['headers that cannot be read', { OTEL_EXPORTER_OTLP_HEADERS: 'authorization Bearer CANARY-h' }],
  ['headers with a broken escape', { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=CANARY-%zz' }],
  ['a header name that is none', { OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a b=CANARY-h' }],
  ['a misspelt variable', { OTEL_EXPORTER_OTLP_HEADER: 'authorization=CANARY-h' }],
  [
    'a Zipkin endpoint',
    {
      OTEL_TRACES_EXPORTER: 'zipkin',
      OTEL_EXPORTER_ZIPKIN_ENDPOINT: 'http://me:CANARY-z@127.0.0.1:1/api?token=CANARY-q',
    },
  ],
  [
    'a collector that cannot be reached',
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://me:CANARY-pw@127.0.0.1:1',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=CANARY-h',
    },
  ],
])('%s is said without its secret', async (_what, env) => {
  app = await runApp(
    `require('@opentelemetry/api').trace.getTracer('t').startSpan('x').end(); setTimeout(() => console.log('ran'), 300)`,
    { cwd, env: { ORG_OTEL_LOG_LEVEL: 'debug', ...env } },
  )
  expect(await app.exited).toEqual({ code: 0, signal: null })
  expect(app.stdout).toBe('ran\n')
  expect(app.stderr).toContain('[otel]')
  expect(app.stderr).not.toMatch(/CANARY|Q0FOQVJZ/)
  expect(app.stderr).not.toMatch(/ORG_OTEL_INTERNAL|ORG_OTEL_START_FAILED/)
})
