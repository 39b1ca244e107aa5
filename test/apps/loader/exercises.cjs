// One small use per library of the catalog. None needs a server: where a library speaks to one, the connection is
// refused and the span says so. `load(name)` is `require` or `import()`; `name` only has to be patched when its
// exercise makes no span.
const http = require('node:http')

const main = exports => exports.default ?? exports
const ignore = () => {}
const refused = { host: '127.0.0.1', port: 1 }

function listen(server) {
  return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(server.address().port)))
}

function get(port, path) {
  return new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port, path, agent: false }, res => res.resume().on('end', resolve))
      .on('error', reject)
  })
}

async function serve(server, path) {
  const port = await listen(server)
  await get(port, path)
  await new Promise(resolve => server.close(resolve))
}

module.exports = {
  async express(load) {
    const app = main(await load('express'))()
    app.get('/users/:id', (_req, res) => res.end('ok'))
    await serve(http.createServer(app), '/users/1')
  },
  async fastify(load) {
    const app = main(await load('fastify'))()
    app.get('/users/:id', async function getUser() {
      return 'ok'
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    await get(app.server.address().port, '/users/1')
    await app.close()
  },
  async koa(load) {
    const app = new (main(await load('koa')))()
    app.use(async function answer(ctx) {
      ctx.body = 'ok'
    })
    await serve(http.createServer(app.callback()), '/')
  },
  async '@hapi/hapi'(load) {
    const server = main(await load('@hapi/hapi')).server({ port: 0, host: '127.0.0.1' })
    server.route({ method: 'GET', path: '/users/{id}', handler: () => 'ok' })
    await server.start()
    await get(server.info.port, '/users/1')
    await server.stop()
  },
  async restify(load) {
    const server = main(await load('restify')).createServer()
    server.get('/users/:id', (_req, res, next) => {
      res.send('ok')
      next()
    })
    await serve(server.server, '/users/1')
  },
  async connect(load) {
    const app = main(await load('connect'))()
    app.use('/users', function answer(_req, res) {
      res.end('ok')
    })
    await serve(http.createServer(app), '/users')
  },
  async router(load) {
    const router = main(await load('router'))()
    router.get('/users/:id', (_req, res) => res.end('ok'))
    await serve(
      http.createServer((req, res) => router(req, res, ignore)),
      '/users/1',
    )
  },
  async '@nestjs/core'(load) {
    await load('reflect-metadata')
    const { NestFactory } = await load('@nestjs/core')
    const { Module, Controller, Get } = await load('@nestjs/common')
    class Users {
      find() {
        return 'ok'
      }
    }
    Get('/users/:id')(Users.prototype, 'find', Object.getOwnPropertyDescriptor(Users.prototype, 'find'))
    Controller()(Users)
    class App {}
    Module({ controllers: [Users] })(App)
    const app = await NestFactory.create(App, { logger: false })
    await app.listen(0, '127.0.0.1')
    await get(app.getHttpServer().address().port, '/users/1')
    await app.close()
  },
  async graphql(load) {
    const { buildSchema, execute, graphql, parse } = await load('graphql')
    const schema = buildSchema('type Query { hello: String }')
    const rootValue = { hello: () => 'world' }
    await graphql({ schema, source: '{ hello }', rootValue })
    // `abortSignal` is an argument that graphql 17 added.
    const aborted = { schema, document: parse('{ hello }'), rootValue, abortSignal: AbortSignal.abort() }
    const outcome = await (async () => execute(aborted))().catch(error => error)
    if (outcome.name !== 'AbortError') throw new Error('the abort signal was lost')
  },
  async dataloader(load) {
    const DataLoader = main(await load('dataloader'))
    await new DataLoader(async keys => keys).load(1)
  },
  async 'socket.io'(load) {
    const { Server } = await load('socket.io')
    new Server().emit('news', 'hello')
  },
  async pg(load) {
    const { Client, Pool } = main(await load('pg'))
    await new Client(refused).connect().catch(ignore)
    await new Pool(refused).query('select 1').catch(ignore)
  },
  async mysql(load) {
    const connection = main(await load('mysql')).createConnection(refused)
    await new Promise(resolve => connection.query('select 1', resolve))
  },
  async mysql2(load) {
    const connection = main(await load('mysql2')).createConnection(refused)
    connection.on('error', ignore)
    await new Promise(resolve => connection.query('select 1', resolve))
  },
  async mongodb(load) {
    const { MongoClient } = await load('mongodb')
    const client = new MongoClient('mongodb://127.0.0.1:1', { serverSelectionTimeoutMS: 1 })
    await client.connect().catch(ignore)
    await client.close()
  },
  async mongoose(load) {
    const mongoose = main(await load('mongoose'))
    mongoose.set('bufferCommands', false)
    const User = mongoose.model('User', new mongoose.Schema({ name: String }))
    await User.findOne({ name: 'a' }).exec().catch(ignore)
  },
  async ioredis(load) {
    const { Redis } = await load('ioredis')
    const redis = new Redis({
      ...refused,
      lazyConnect: true,
      disconnectTimeout: 1,
      retryStrategy: () => null,
    })
    redis.on('error', ignore)
    await redis.get('key').catch(ignore)
    redis.disconnect()
  },
  async redis(load) {
    const { createClient } = await load('redis')
    const client = createClient({ socket: { ...refused, reconnectStrategy: false } })
    client.on('error', ignore)
    await client.connect().catch(ignore)
  },
  async knex(load) {
    const knex = main(await load('knex'))
    class Answering extends knex.Client {
      _driver() {}
      acquireRawConnection = async () => ({})
      destroyRawConnection = async () => {}
      _query = async (_connection, query) => ({ ...query, response: [] })
      processResponse = query => query.response
    }
    Object.assign(Answering.prototype, { driverName: 'answering', dialect: 'answering' })
    const database = knex({ client: Answering, connection: {} })
    await database.raw('select 1')
    await database.destroy()
  },
  async tedious(load) {
    const { Connection, Request } = main(await load('tedious'))
    const connection = new Connection({ server: '127.0.0.1', options: { port: 1 } })
    await new Promise(resolve => connection.execSql(new Request('select 1', resolve)))
    connection.close()
  },
  async oracledb(load) {
    const oracledb = main(await load('oracledb'))
    await oracledb.getConnection({ user: 'a', password: 'b', connectString: '127.0.0.1:1/x' }).catch(ignore)
  },
  async 'cassandra-driver'(load) {
    const { Client } = main(await load('cassandra-driver'))
    const client = new Client({ contactPoints: ['127.0.0.1:1'], localDataCenter: 'dc' })
    await client.execute('select now() from system.local').catch(ignore)
    await client.shutdown()
  },
  async memcached(load) {
    const client = new (main(await load('memcached')))('127.0.0.1:1', { retries: 0, timeout: 100 })
    await new Promise(resolve => client.get('key', resolve))
    client.end()
  },
  async 'lru-memoizer'(load) {
    main(await load('lru-memoizer'))
  },
  async 'generic-pool'(load) {
    const pool = main(await load('generic-pool')).createPool(
      { create: async () => ({}), destroy: async () => {} },
      { max: 1 },
    )
    await pool.release(await pool.acquire())
    await pool.drain()
    await pool.clear()
  },
  async '@grpc/grpc-js'(load) {
    const grpc = main(await load('@grpc/grpc-js'))
    const bytes = value => Buffer.from(value)
    const method = {
      path: '/test.Users/Get',
      requestStream: false,
      responseStream: false,
      requestSerialize: bytes,
      requestDeserialize: String,
      responseSerialize: bytes,
      responseDeserialize: String,
    }
    const server = new grpc.Server()
    server.addService({ get: method }, { get: (_call, answer) => answer(null, 'ok') })
    const port = await new Promise((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    )
    const Users = grpc.makeGenericClientConstructor({ get: method }, 'Users')
    const client = new Users(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
    await new Promise(resolve => client.get('1', resolve))
    client.close()
    server.forceShutdown()
  },
  async amqplib(load) {
    const amqp = main(await load('amqplib'))
    await amqp.connect('amqp://127.0.0.1:1').catch(ignore)
  },
  async '@aws-sdk/client-sts'(load) {
    const { STSClient, GetCallerIdentityCommand } = await load('@aws-sdk/client-sts')
    const client = new STSClient({
      region: 'eu-west-1',
      endpoint: 'http://127.0.0.1:1',
      maxAttempts: 1,
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    })
    await client.send(new GetCallerIdentityCommand({})).catch(ignore)
  },
  async openai(load) {
    const { OpenAI } = await load('openai')
    const client = new OpenAI({ apiKey: 'a', baseURL: 'http://127.0.0.1:1', maxRetries: 0 })
    await client.chat.completions
      .create({ model: 'm', messages: [{ role: 'user', content: 'hi' }] })
      .catch(ignore)
  },
  async kafkajs(load) {
    const { Kafka, logLevel } = main(await load('kafkajs'))
    const kafka = new Kafka({ brokers: ['127.0.0.1:1'], logLevel: logLevel.NOTHING, retry: { retries: 0 } })
    const producer = kafka.producer()
    await producer.send({ topic: 't', messages: [{ value: 'v' }] }).catch(ignore)
  },
  async '@platformatic/kafka'(load) {
    const { Producer } = await load('@platformatic/kafka')
    const producer = new Producer({ clientId: 'c', bootstrapBrokers: ['127.0.0.1:1'], retries: false })
    await producer.send({ messages: [{ topic: 't', value: Buffer.from('v') }] }).catch(ignore)
    await producer.close()
  },
  async pino(load) {
    main(await load('pino'))({}, { write: ignore }).info('hello')
  },
  async winston(load) {
    ;(await load('winston')).createLogger({ silent: true }).info('hello')
  },
  async bunyan(load) {
    main(await load('bunyan'))
      .createLogger({ name: 'a', streams: [] })
      .info('hello')
  },
  async 'prom-client'(load) {
    const { Histogram, Registry } = main(await load('prom-client'))
    new Histogram({ name: 'h', help: 'h', registers: [new Registry()] }).observe(1)
  },
  async '@cucumber/cucumber'(load) {
    await load('@cucumber/cucumber')
  },
}
