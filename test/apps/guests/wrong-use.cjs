// Calls libraries with what they refuse, and prints what each of them says: `WRONG_USE` names the library.
const values = { undefined, null: null, text: 'x', number: 7, object: {}, list: [], function: () => {} }
const show = error =>
  error instanceof Error ? `${error.name}: ${error.message.split('\n')[0]}` : `threw ${String(error)}`

async function attempt(fn) {
  try {
    const result = fn()
    if (typeof result?.then !== 'function') return typeof result
    const late = new Promise(resolve => setTimeout(resolve, 200, 'pending').unref())
    return `promise of ${await Promise.race([result.then(value => typeof value), late])}`
  } catch (error) {
    return show(error)
  }
}

/** What is called: a name -> a function that gets one of the values. */
const libraries = {
  koa() {
    const Koa = require('koa')
    return { use: value => new Koa().use(value), 'use, no argument': () => new Koa().use() }
  },
  connect() {
    const connect = require('connect')
    return {
      use: value => connect().use(value),
      'use at a path': value => connect().use('/x', value),
      handle: value => connect().handle(value),
    }
  },
  express() {
    const express = require('express')
    return {
      use: value => express().use(value),
      get: value => express().get('/x', value),
      param: value => express().param('id', value),
      'use at a path': value => express().use('/x', value),
    }
  },
  router() {
    const Router = require('router')
    return {
      use: value => Router().use(value),
      get: value => Router().get('/x', value),
      handle: value => Router().handle(value),
    }
  },
  restify() {
    const restify = require('restify')
    const server = () => restify.createServer({ name: 'x' })
    return {
      use: value => server().use(value),
      pre: value => server().pre(value),
      get: value => server().get('/x', value),
      'get at a value': value => server().get(value, () => {}),
    }
  },
  hapi() {
    const Hapi = require('@hapi/hapi')
    return {
      route: value => Hapi.server().route(value),
      'route, handler': value => Hapi.server().route({ method: 'GET', path: '/', handler: value }),
      ext: value => Hapi.server().ext('onRequest', value),
      'ext at a value': value => Hapi.server().ext(value),
      register: value => Hapi.server().register(value),
      'register, plugin': value => Hapi.server().register({ plugin: value }),
    }
  },
  fastify() {
    const fastify = require('fastify')
    return {
      get: value => void fastify().get('/x', value),
      route: value => void fastify().route(value),
      addHook: value => void fastify().addHook('onRequest', value),
    }
  },
  'socket.io'() {
    const { Server } = require('socket.io')
    const io = () => new Server()
    return {
      on: value => typeof io().on('connection', value),
      emit: value => io().emit(value),
      to: value => typeof io().to(value),
      of: value => typeof io().of(value),
      'namespace on': value => typeof io().of('/x').on('connection', value),
    }
  },
  'generic-pool'() {
    const { createPool } = require('generic-pool')
    const pool = () => createPool({ create: async () => ({}), destroy: async () => {} }, { max: 1 })
    return { createPool: value => void createPool(value), acquire: value => pool().acquire(value) }
  },
  dataloader() {
    const DataLoader = require('dataloader')
    const loader = () => new DataLoader(async keys => keys)
    return {
      new: value => new DataLoader(value),
      load: value => loader().load(value),
      loadMany: value => loader().loadMany(value),
      prime: value => typeof loader().prime(value, 1),
      'batch result': value => new DataLoader(() => value).load(1),
    }
  },
  amqplib() {
    const { connect } = require('amqplib')
    const callbackApi = require('amqplib/callback_api')
    return {
      connect: value =>
        typeof value === 'function' || value == null
          ? undefined
          : connect({ hostname: '127.0.0.1', port: 1, ...value }),
      'connect with a callback that is none': value =>
        typeof value === 'function' ? undefined : callbackApi.connect('amqp://127.0.0.1:1', {}, value),
    }
  },
  'cassandra-driver'() {
    const { Client } = require('cassandra-driver')
    const client = () => new Client({ contactPoints: ['127.0.0.1:1'], localDataCenter: 'x' })
    return {
      new: value => new Client(value),
      execute: value => client().execute(value),
      batch: value => client().batch(value),
      eachRow: value => client().eachRow(value),
      stream: value =>
        typeof client()
          .stream(value)
          ?.once('error', () => {}),
    }
  },
  memcached() {
    const Memcached = require('memcached')
    const client = () => new Memcached('127.0.0.1:1', { retries: 0, timeout: 50 })
    return {
      get: value => client().get(value),
      set: value => client().set('a', 1, 1, value),
      del: value => client().del(value),
    }
  },
  mysql() {
    const mysql = require('mysql')
    const connection = () => mysql.createConnection({ host: '127.0.0.1', port: 1 }).on('error', () => {})
    return {
      query: value =>
        typeof connection()
          .query(value)
          ?.on?.('error', () => {}),
      createPool: value => (value === 'x' ? undefined : typeof mysql.createPool(value)),
      getConnection: value =>
        mysql.createPool({ host: '127.0.0.1', port: 1 }).getConnection(value ?? (() => {})),
    }
  },
  mysql2() {
    const mysql = require('mysql2')
    const connection = () => mysql.createConnection({ host: '127.0.0.1', port: 1 }).on('error', () => {})
    return {
      query: value =>
        typeof connection()
          .query(value)
          ?.on?.('error', () => {}),
      execute: value =>
        typeof connection()
          .execute(value)
          ?.on?.('error', () => {}),
    }
  },
  mongodb() {
    const { MongoClient } = require('mongodb')
    const collection = () =>
      new MongoClient('mongodb://127.0.0.1:1', { serverSelectionTimeoutMS: 50 }).db('a').collection('b')
    return {
      insertOne: value => collection().insertOne(value),
      find: value => typeof collection().find(value),
      aggregate: value => typeof collection().aggregate(value),
      updateOne: value => collection().updateOne(value),
    }
  },
  mongoose() {
    const mongoose = require('mongoose')
    const Model = mongoose.model('A', new mongoose.Schema({ name: String }, { bufferCommands: false }))
    return {
      find: value => typeof Model.find(value),
      exec: value => Model.find().exec(value),
      save: value => new Model(value === 'x' || value === 7 ? {} : value).save(value),
      insertMany: value => Model.insertMany(value),
      aggregate: value => typeof Model.aggregate(value),
    }
  },
  redis() {
    const { createClient } = require('redis')
    const client = () =>
      createClient({ socket: { port: 1, reconnectStrategy: false }, disableOfflineQueue: true }).on(
        'error',
        () => {},
      )
    return {
      get: value => client().get(value),
      set: value => client().set('a', value),
      sendCommand: value => client().sendCommand(value),
      createClient: value => typeof createClient(value),
    }
  },
  ioredis() {
    const { Redis } = require('ioredis')
    const client = () =>
      new Redis({ lazyConnect: true, port: 1, retryStrategy: null, maxRetriesPerRequest: 0 }).on(
        'error',
        () => {},
      )
    return { sendCommand: value => client().sendCommand(value), get: value => client().get(value) }
  },
  pg() {
    const { Client, Pool } = require('pg')
    return {
      query: value => void new Client({ port: 1 }).query(value)?.catch?.(() => {}),
      'pool query': value => void new Pool({ port: 1, host: '127.0.0.1' }).query(value)?.catch?.(() => {}),
    }
  },
  knex() {
    const knex = require('knex')
    const db = () =>
      knex({ client: 'pg', connection: { host: '127.0.0.1', port: 1 }, acquireConnectionTimeout: 50 })
    return {
      new: value => typeof knex(value),
      raw: value => String(db().raw(value)),
      where: value => String(db()('t').where(value)),
    }
  },
  tedious() {
    const { Connection, Request } = require('tedious')
    return {
      new: value => typeof new Connection(value),
      execSql: value => new Connection({ server: '127.0.0.1' }).execSql(value),
      execBulkLoad: value => new Connection({ server: '127.0.0.1' }).execBulkLoad(value),
      Request: value => typeof new Request('select 1', value),
    }
  },
  oracledb() {
    const oracledb = require('oracledb')
    // With a trace handler oracledb itself stumbles over no options at all.
    return {
      getConnection: value => oracledb.getConnection(value ?? { user: 7 }, 1),
      createPool: value => oracledb.createPool(value ?? { user: 7 }),
    }
  },
  'lru-memoizer'() {
    const memoizer = require('lru-memoizer')
    const main = memoizer.memoizer ?? memoizer.default ?? memoizer
    return { new: value => typeof main(value) }
  },
  grpc() {
    const grpc = require('@grpc/grpc-js')
    const Client = grpc.makeGenericClientConstructor({}, 'x')
    return {
      addService: value => new grpc.Server().addService(value, value),
      register: value => typeof new grpc.Server().register('/a/b', value, value, value, 'unary'),
      'register of a kind': value =>
        typeof new grpc.Server().register(
          '/a/b',
          () => {},
          x => x,
          x => x,
          value,
        ),
      makeUnaryRequest: value =>
        typeof new Client('127.0.0.1:1', grpc.credentials.createInsecure()).makeUnaryRequest('/a/b', value),
      'makeUnaryRequest, callback': value =>
        typeof new Client('127.0.0.1:1', grpc.credentials.createInsecure()).makeUnaryRequest(
          '/a/b',
          x => x,
          x => x,
          {},
          value,
        ),
    }
  },
  graphql() {
    const { execute, parse, validate } = require('graphql')
    return {
      parse: value => typeof parse(value),
      validate: value => typeof validate(value),
      execute: value => typeof execute(value),
    }
  },
  kafkajs() {
    const { Kafka, logLevel } = require('kafkajs')
    const kafka = () =>
      new Kafka({ brokers: ['127.0.0.1:1'], logLevel: logLevel.NOTHING, retry: { retries: 0 } })
    return {
      producer: value => (value === null ? undefined : typeof kafka().producer(value)),
      consumer: value => typeof kafka().consumer(value),
      send: value => kafka().producer({}).send(value),
      sendBatch: value => kafka().producer({}).sendBatch(value),
    }
  },
  '@aws-sdk/client-sts'() {
    const { STS } = require('@aws-sdk/client-sts')
    const sts = () =>
      new STS({
        region: 'a',
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
        maxAttempts: 1,
        endpoint: 'http://127.0.0.1:1',
      })
    return { send: value => sts().send(value) }
  },
  pino() {
    const pino = require('pino')
    return {
      new: value => typeof pino(value, { write() {} }),
      child: value => typeof pino({ write() {} }).child(value),
    }
  },
  winston() {
    const winston = require('winston')
    return {
      createLogger: value => typeof winston.createLogger(value),
      write: value => typeof winston.createLogger({ silent: true }).write(value),
      configure: value => typeof winston.createLogger({ silent: true }).configure(value),
    }
  },
  bunyan() {
    const bunyan = require('bunyan')
    return { createLogger: value => typeof bunyan.createLogger(value) }
  },
  'prom-client'() {
    const client = require('prom-client')
    return {
      Histogram: value => typeof new client.Histogram(value),
      observe: value =>
        new client.Histogram({
          name: `h${Math.random().toString(36).slice(2)}`,
          help: 'h',
          registers: [],
        }).observe(value),
      inc: value =>
        new client.Counter({ name: `c${Math.random().toString(36).slice(2)}`, help: 'c', registers: [] }).inc(
          value,
        ),
    }
  },
  http() {
    const http = require('node:http')
    const { emit } = http.Server.prototype
    return {
      createServer: value =>
        typeof value === 'object' || value === undefined ? undefined : typeof http.createServer(value),
      request: value =>
        value === undefined || value === null || value === 'x' ? http.request(value) : undefined,
      'get, headers': value =>
        http.get({ host: '127.0.0.1', port: 1, headers: value }).on('error', () => {}).destroyed,
      'detached emit': value => emit('request', value),
      'detached request emit': value => {
        const { emit: emitOf } = http.ClientRequest.prototype
        return emitOf('close', value)
      },
      'detached message emit': value => {
        const { emit: emitOf } = http.IncomingMessage.prototype
        return emitOf('close', value)
      },
      'detached response emit': value => {
        const { emit: emitOf } = http.ServerResponse.prototype
        return emitOf('close', value)
      },
      fetch: value => (value === undefined || value === null || value === 'x' ? fetch(value) : undefined),
    }
  },
}

async function main() {
  process.on('uncaughtException', error => console.log('uncaught', show(error)))
  process.on('unhandledRejection', error => console.log('unhandled', show(error)))
  for (const [call, fn] of Object.entries(libraries[process.env.WRONG_USE]()))
    for (const [name, value] of Object.entries(values))
      console.log(call, name, await attempt(() => fn(value)))
  process.exit()
}

module.exports = Object.keys(libraries)
if (require.main === module) main()
