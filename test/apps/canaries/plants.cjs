// Secrets planted in every library of the catalog that runs here, each `CANARY-<library>-<place>`. `node plants.cjs` runs all,
// each inside a span of its own, and prints what did not run.
const http = require('node:http')
const net = require('node:net')
const { trace, metrics } = require('@opentelemetry/api')

const main = exports => exports.default ?? exports
const ignore = () => {}
const refused = { host: '127.0.0.1', port: 1 }
const tracer = trace.getTracer('plants')

const listen = server => new Promise(done => server.listen(0, '127.0.0.1', () => done(server.address().port)))
const close = server => new Promise(done => server.close(done).closeAllConnections?.())

/** What a browser, a proxy or an attacker sends, to any server. */
function ask(port, library, path = '/users/1') {
  const c = place => `CANARY-${library}-${place}`
  const query = [
    `token=${c('token')}`, `reset-token=${c('kebab')}`, `resetToken=${c('camel')}`, `user[password]=${c('bracket')}`,
    `user%5Bpwd%5D=${c('encoded')}`, `code=${c('code')}`, `otp=${c('otp')}`, `X-Amz-Signature=${c('signature')}`,
    `session=${c('session')}`, `next=%2Fa%3Ftoken%3D${c('nested')}`,
  ] // biome-ignore format: one list
  return new Promise(done =>
    http
      .get(
        {
          host: '127.0.0.1',
          port,
          path: `${path}?${query.join('&')}`,
          agent: false,
          headers: {
            authorization: `Bearer ${c('authorization')}`,
            cookie: `sid=${c('cookie')}`,
            referer: `https://me:${c('userinfo')}@shop.example/?access_token=${c('referer')}`,
            'x-api-key': c('apikey'),
            'x-original-url': `/a?secret=${c('original')}`,
          },
        },
        response => response.resume().on('end', done),
      )
      .on('error', done),
  )
}

/** An error as applications throw them, with what they put into its message. */
function failure(library) {
  const c = place => `CANARY-${library}-${place}`
  return new Error(
    `no postgres://app:${c('dsn')}@db/shop; password=${c('field')}; Authorization: Bearer ${c('bearer')}, GET http://x/?jwt=${c('url')}`,
  )
}

/** What an application does with the span it is in. */
function touch(library) {
  const c = place => `CANARY-${library}-${place}`
  const span = trace.getActiveSpan()
  span?.setAttributes({
    'url.full': `http://x/?token=${c('active-full')}`,
    'http.url': `http://u:${c('active-user')}@x/?token=${c('active-query')}`,
    'app.password': c('active-name'),
    [`app.${library}`]: `token=${c('active-text')}`,
  })
  span?.addEvent('loaded', { link: `/a?key=${c('event')}` })
  span?.addLink({ context: span.spanContext(), attributes: { secret: c('link') } })
}

const serverPlaces = [
  'token', 'kebab', 'camel', 'bracket', 'encoded', 'code', 'otp', 'signature', 'session', 'nested', 'authorization', 'cookie', 'userinfo',
  'referer', 'apikey', 'original', 'active-full', 'active-user', 'active-query', 'active-name', 'active-text', 'event', 'link',
] // biome-ignore format: one list
// Names that were hidden before this room existed, by hand: our own instrumentation never puts them on a span.
const errorPlaces = ['dsn', 'field', 'bearer', 'url']

/** A Redis that knows no command: its errors say what it was asked, as those of the real one do. */
async function withRedis(run) {
  const server = net.createServer(socket => {
    socket.on('error', ignore)
    socket.on('data', data => {
      const text = data.toString('latin1')
      // One answer per command of the batch.
      const commands = text.split(/(?=\*\d+\r\n\$)/).filter(one => one.startsWith('*'))
      for (const command of commands) {
        const words = command.split('\r\n').filter((_word, at) => at % 2 === 0 && at > 0)
        const name = (words[0] ?? '').toUpperCase()
        if (name === 'HELLO') socket.write('-NOPROTO unsupported protocol version\r\n')
        else if (name === 'INFO')
          socket.write('$13\r\nloading:0\r\nok\r\n\r\n'.replace('$13', '$13').slice(0, 20))
        else if (/^(?:CLIENT|SELECT|AUTH|QUIT|PING)$/.test(name)) socket.write('+OK\r\n')
        else if (name === 'GET') socket.write(`-ERR cannot: token=${words[1]}\r\n`)
        else socket.write('+OK\r\n')
      }
    })
  })
  const port = await listen(server)
  await run(port)
  server.close()
}

const sql = (library, quote = "'") =>
  `select ${quote}CANARY-${library}-literal${quote} as a, 'it''s CANARY-${library}-quoted' as b`

const plants = {
  api: {
    places: [
      'name',
      'url.full',
      'http.url',
      'http.target',
      'url.query',
      'exception',
      'status',
      'event',
      'link',
      'statement',
      'redis',
      'mongo',
      'header',
      'graphql',
      'dsn',
      'list',
      'metric',
      'log',
      'log-field',
      'log-error',
      'email',
    ],
    async run(c) {
      const url = place => `http://shop.example/a?token=${c(place)}`
      const span = tracer.startSpan(`GET ${url('name')}`, {
        links: [{ context: trace.getActiveSpan().spanContext(), attributes: { url: url('link') } }],
        attributes: {
          'url.full': url('url.full'), 'http.url': url('http.url'), 'http.target': `/a?pwd=${c('http.target')}`, 'url.query': `jwt=${c('url.query')}`,
          'http.request.header.authorization': [c('header')], 'graphql.source': `{ a(b: "${c('graphql')}") }`, 'db.connection_string': `redis://:${c('dsn')}@h`,
          'app.links': [url('list')], 'db.query.text': `select "${c('statement')}"`,
        },
      }) // biome-ignore format: one list
      span.addEvent('e', { url: url('event') })
      span.recordException(new Error(`fetch ${url('exception')}: Key (email)=(${c('email')}) already exists`))
      span.setStatus({ code: 2, message: `password: ${c('status')}` })
      span.end()
      tracer
        .startSpan('r', { attributes: { 'db.system': 'redis', 'db.statement': `SET k ${c('redis')}` } })
        .end()
      tracer
        .startSpan('m', { attributes: { 'db.system': 'mongodb', 'db.statement': `{"a":"${c('mongo')}"}` } })
        .end()
      metrics
        .getMeter('plants')
        .createCounter('plants')
        .add(1, { url: url('metric') })
      require('@opentelemetry/api-logs')
        .logs.getLogger('plants')
        .emit({
          body: `called ${url('log')}`,
          attributes: { password: c('log-field'), 'exception.message': `pwd=${c('log-error')}` },
        })
    },
  },
  http: {
    places: [...serverPlaces, 'client-user', 'client-query', 'client-fragment'],
    never: ['client-user', 'client-fragment'],
    async run(c) {
      const server = http.createServer((_request, response) => {
        touch('http')
        response.end('ok')
      })
      const port = await listen(server)
      await ask(port, 'http')
      await new Promise(done =>
        http.get(
          `http://u:${c('client-user')}@127.0.0.1:${port}/?refreshToken=${c('client-query')}#access_token=${c('client-fragment')}`,
          response => response.resume().on('end', done),
        ),
      )
      await close(server)
    },
  },
  undici: {
    places: ['query', 'header', 'body', 'failed'],
    never: ['header', 'body'],
    async run(c) {
      const server = http.createServer((request, response) =>
        request.resume().on('end', () => response.end()),
      )
      const port = await listen(server)
      await fetch(`http://127.0.0.1:${port}/a?client_secret=${c('query')}`, {
        method: 'POST',
        body: c('body'),
        headers: { 'x-mine': c('header') },
      })
      await close(server)
      await fetch(`http://127.0.0.1:${port}/a?client_secret=${c('failed')}`).catch(ignore)
    },
  },
  express: {
    places: [...serverPlaces, ...errorPlaces],
    async run() {
      const app = main(require('express'))()
      app.get('/users/:id', (_request, _response, next) => {
        touch('express')
        next(failure('express'))
      })
      app.use((_error, _request, response, _next) => response.status(500).end())
      const server = http.createServer(app)
      await ask(await listen(server), 'express')
      await close(server)
    },
  },
  fastify: {
    places: [...serverPlaces, ...errorPlaces],
    async run() {
      const app = main(require('fastify'))()
      app.get('/users/:id', async () => {
        touch('fastify')
        throw failure('fastify')
      })
      await app.listen({ port: 0, host: '127.0.0.1' })
      await ask(app.server.address().port, 'fastify')
      await app.close()
    },
  },
  koa: {
    places: [...serverPlaces, ...errorPlaces],
    async run() {
      const app = new (main(require('koa')))()
      app.silent = true
      app.use(async function answer() {
        touch('koa')
        throw failure('koa')
      })
      const server = http.createServer(app.callback())
      await ask(await listen(server), 'koa')
      await close(server)
    },
  },
  hapi: {
    places: [...serverPlaces, ...errorPlaces],
    async run() {
      const server = main(require('@hapi/hapi')).server({ port: 0, host: '127.0.0.1', debug: false })
      server.route({
        method: 'GET',
        path: '/users/{id}',
        handler() {
          touch('hapi')
          throw failure('hapi')
        },
      })
      await server.start()
      await ask(server.info.port, 'hapi')
      await server.stop()
    },
  },
  restify: {
    places: serverPlaces,
    async run() {
      const server = main(require('restify')).createServer()
      server.get('/users/:id', (_request, response, next) => {
        touch('restify')
        response.send('ok')
        next()
      })
      await ask(await listen(server.server), 'restify')
      await close(server.server)
    },
  },
  connect: {
    places: serverPlaces,
    async run() {
      const app = main(require('connect'))()
      app.use('/users', function answer(_request, response) {
        touch('connect')
        response.end('ok')
      })
      const server = http.createServer(app)
      await ask(await listen(server), 'connect')
      await close(server)
    },
  },
  nestjs: {
    places: serverPlaces,
    async run() {
      require('reflect-metadata')
      const { NestFactory } = require('@nestjs/core')
      const { Module, Controller, Get } = require('@nestjs/common')
      class Users {
        find() {
          touch('nestjs')
          return 'ok'
        }
      }
      Get('/users/:id')(Users.prototype, 'find', Object.getOwnPropertyDescriptor(Users.prototype, 'find'))
      Controller()(Users)
      class App {}
      Module({ controllers: [Users] })(App)
      const app = await NestFactory.create(App, { logger: false })
      await app.listen(0, '127.0.0.1')
      await ask(app.getHttpServer().address().port, 'nestjs')
      await app.close()
    },
  },
  graphql: {
    places: ['string', 'block', 'variable', 'invalid', 'resolver'],
    never: ['string', 'block', 'variable'],
    async run(c) {
      const { buildSchema, graphql } = require('graphql')
      const schema = buildSchema('type Query { hello(a: String, n: Int): String }')
      const rootValue = {
        hello() {
          throw new Error(`token=${c('resolver')}`)
        },
      }
      await graphql({
        schema,
        rootValue,
        source: `query Q($v: String) { hello(a: "${c('string')}") b: hello(a: """${c('block')}""") c: hello(a: $v) }`,
        variableValues: { v: c('variable') },
      })
      await graphql({ schema, rootValue, source: `{ hello(n: "${c('invalid')}") }` })
    },
    // Upstream replaces literals itself, and its errors are not recorded in every release.
    maybe: ['invalid', 'resolver'],
  },
  pg: {
    places: ['literal', 'quoted', 'beside', 'email', 'password'],
    never: ['password'],
    maybe: ['email'],
    async run(c) {
      const { Client } = main(require('pg'))
      const client = new Client({
        host: '127.0.0.1',
        port: Number(process.env.POSTGRES_PORT),
        user: 'postgres',
        database: 'postgres',
        password: c('password'),
      })
      await client.connect()
      await client.query(sql('pg'))
      await client.query(`select $1::text, '${c('beside')}'`, ['x'])
      await client.query(`select '${c('email')}'::int`).catch(ignore)
      await client.end()
    },
  },
  knex: {
    places: ['literal', 'quoted', 'data'],
    // The span of pg tells the query, without its literals.
    maybe: ['literal', 'quoted', 'data'],
    async run(c) {
      const knex = main(require('knex'))({
        client: 'pg',
        connection: {
          host: '127.0.0.1',
          port: Number(process.env.POSTGRES_PORT),
          user: 'postgres',
          database: 'postgres',
        },
      })
      await knex.raw(sql('knex'))
      await knex.raw(`select '${c('data')}'::int`).catch(ignore)
      await knex.destroy()
    },
  },
  mysql2: {
    places: ['literal', 'quoted', 'double', 'error'],
    async run(c) {
      const mysql = main(require('mysql2'))
      const server = mysql.createServer()
      server.on('connection', connection => {
        connection.serverHandshake({
          protocolVersion: 10,
          serverVersion: '8.0.0',
          connectionId: 1,
          statusFlags: 2,
          characterSet: 45,
          capabilityFlags: 0xffffff ^ 0x800,
          authCallback: (_params, done) => done(null),
        })
        connection.on('error', ignore)
        connection.on('query', () =>
          connection.writeError({
            code: 1062,
            message: `Duplicate entry '${c('error')}' for key 'users.email'`,
          }),
        )
      })
      server.listen(0, '127.0.0.1')
      await new Promise(done => server._server.once('listening', done))
      const client = mysql.createConnection({
        host: '127.0.0.1',
        port: server._server.address().port,
        user: 'u',
      })
      client.on('error', ignore)
      await new Promise(done => client.query(`${sql('mysql2')}, "${c('double')}"`, done))
      client.destroy()
      server.close()
    },
    maybe: ['error'],
  },
  mysql: {
    places: ['literal', 'quoted', 'double'],
    async run(c) {
      const client = main(require('mysql')).createConnection(refused)
      await new Promise(done => client.query(`${sql('mysql')}, "${c('double')}"`, done))
    },
  },
  tedious: {
    places: ['literal', 'quoted'],
    async run() {
      const { Connection, Request } = main(require('tedious'))
      const connection = new Connection({ server: '127.0.0.1', options: { port: 1 } })
      await new Promise(done =>
        connection.execSql(new Request(sql('tedious', "N'").replace("N' as", "' as"), done)),
      )
      connection.close()
    },
  },
  'cassandra-driver': {
    places: ['literal', 'parameter'],
    never: ['literal', 'parameter'],
    async run(c) {
      const { Client } = main(require('cassandra-driver'))
      const client = new Client({ contactPoints: ['127.0.0.1:1'], localDataCenter: 'dc' })
      await client
        .execute(`select * from t where a = '${c('literal')}' and b = ?`, [c('parameter')])
        .catch(ignore)
      await client.shutdown()
    },
  },
  oracledb: {
    places: ['password'],
    never: ['password'],
    async run(c) {
      await main(require('oracledb'))
        .getConnection({ user: 'a', password: c('password'), connectString: '127.0.0.1:1/x' })
        .catch(ignore)
    },
  },
  ioredis: {
    places: ['set', 'hash', 'script', 'payload', 'zset', 'remove', 'auth', 'config', 'error'],
    never: ['set', 'hash', 'script', 'payload', 'zset', 'remove', 'auth', 'config'],
    run: c =>
      withRedis(async port => {
        const { Redis } = require('ioredis')
        const redis = new Redis({
          host: '127.0.0.1',
          port,
          enableReadyCheck: false,
          disconnectTimeout: 1,
          retryStrategy: () => null,
        })
        redis.on('error', ignore)
        await redis.set('k', c('set'))
        await redis.hset('k', 'f', c('hash'))
        await redis.eval(`return '${c('script')}'`, 1, 'k', c('payload'))
        await redis.zadd('k', 1, c('zset'))
        await redis.srem('k', c('remove'))
        await redis.call('AUTH', c('auth'))
        await redis.config('SET', 'requirepass', c('config'))
        await redis.get(c('error')).catch(ignore)
        redis.disconnect()
      }),
    // The key itself: it stays on the span by intention.
    shown: ['error'],
  },
  redis: {
    places: ['set', 'hash', 'script', 'payload', 'remove', 'evalsha', 'multi'],
    maybe: ['set', 'hash', 'multi'],
    run: c =>
      withRedis(async port => {
        const { createClient } = require('redis')
        const client = createClient({
          RESP: 2,
          disableClientInfo: true,
          socket: { host: '127.0.0.1', port, reconnectStrategy: false },
        })
        client.on('error', ignore)
        await client.connect()
        await client.set('k', c('set'))
        await client.hSet('k', 'f', c('hash')).catch(ignore)
        await client.eval(`return '${c('script')}'`, { keys: ['k'], arguments: [c('payload')] })
        await client.sRem('k', c('remove')).catch(ignore)
        await client.sendCommand(['EVALSHA', 'abc', '0', c('evalsha')])
        await client.sendCommand(['SET', 'k', c('multi')])
        client.destroy()
      }),
  },
  memcached: {
    places: ['value'],
    never: ['value'],
    async run(c) {
      const client = new (main(require('memcached')))('127.0.0.1:1', { retries: 0, timeout: 100 })
      await new Promise(done => client.set('key', c('value'), 1, done))
      client.end()
    },
  },
  mongodb: {
    places: ['password', 'filter'],
    never: ['password', 'filter'],
    async run(c) {
      const { MongoClient } = require('mongodb')
      const client = new MongoClient(`mongodb://u:${c('password')}@127.0.0.1:1`, {
        serverSelectionTimeoutMS: 1,
      })
      await client
        .db('a')
        .collection('b')
        .findOne({ a: c('filter') })
        .catch(ignore)
      await client.close()
    },
  },
  mongoose: {
    places: ['filter'],
    never: ['filter'],
    async run(c) {
      const mongoose = main(require('mongoose'))
      mongoose.set('bufferCommands', false)
      const User = mongoose.model('User', new mongoose.Schema({ name: String }))
      await User.findOne({ name: c('filter') })
        .exec()
        .catch(ignore)
    },
  },
  amqplib: {
    places: ['password'],
    never: ['password'],
    async run(c) {
      await require('amqplib')
        .connect(`amqp://u:${c('password')}@127.0.0.1:1`)
        .catch(ignore)
    },
  },
  pino: {
    places: ['message', 'field', 'nested', 'error'],
    async run(c) {
      const pino = require('pino')
      const log = pino({ level: 'info' }, pino.destination({ dest: '/dev/null', sync: true }))
      log.info(
        { password: c('field'), request: { headers: { authorization: c('nested') } } },
        `called /a?token=${c('message')}`,
      )
      log.error(new Error(`pwd=${c('error')}`))
    },
  },
  winston: {
    places: ['message', 'field'],
    async run(c) {
      const winston = require('winston')
      const { PassThrough } = require('node:stream')
      const log = winston.createLogger({
        transports: [new winston.transports.Stream({ stream: new PassThrough().resume() })],
      })
      log.info(`called /a?token=${c('message')}`, { apiKey: c('field') })
    },
  },
  bunyan: {
    places: ['message', 'field'],
    async run(c) {
      const { PassThrough } = require('node:stream')
      const log = require('bunyan').createLogger({ name: 'b', stream: new PassThrough().resume() })
      log.info({ secret: c('field') }, `called /a?token=${c('message')}`)
    },
  },
}

module.exports = { plants }
if (require.main === module) {
  const run = async () => {
    for (const [library, { run }] of Object.entries(plants)) {
      await tracer.startActiveSpan(`plant ${library}`, async span => {
        try {
          const tooLate = new Promise((_done, fail) =>
            setTimeout(fail, 10_000, new Error('too late')).unref(),
          )
          if (process.env.TRACE_PLANTS) console.error(library, Date.now() % 1e6)
          await Promise.race([run(place => `CANARY-${library}-${place}`), tooLate])
        } catch (error) {
          console.log(`${library} did not run: ${error.stack}`)
        }
        span.end()
      })
    }
  }
  // Sockets of libraries that were refused linger.
  run().then(() => {
    console.log('planted')
    setTimeout(() => process.exit(), 1000)
  })
}
