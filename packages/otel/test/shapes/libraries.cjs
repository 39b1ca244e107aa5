// What our sources touch inside of libraries without a promise in their documentation, tried on every copy that is
// installed for tests. Prints what is gone; the same form as node.cjs.
const assert = require('node:assert/strict')
const fs = require('node:fs')
const { createRequire } = require('node:module')
const path = require('node:path')

const packages = path.join(__dirname, '../../..')
const from = name => createRequire(path.join(packages, name, 'package.json'))
const otel = from('otel')
const kafka = from('kafka')
const exemplars = from('exemplars')
const logging = from('logging')
const applications = createRequire(path.join(packages, '../test/package.json'))
const test = createRequire(path.join(packages, '../test/package.json'))

function symbolsOf(object) {
  const found = new Map()
  for (let o = object; o !== null; o = Object.getPrototypeOf(o)) {
    for (const symbol of Object.getOwnPropertySymbols(o)) {
      if (symbol.description !== undefined && !found.has(symbol.description))
        found.set(symbol.description, symbol)
    }
  }
  return found
}

const rows = [
  ...['@opentelemetry/api', 'opentelemetry-api-1.4', 'opentelemetry-api-1.7', 'opentelemetry-api-1.9'].map(
    library => ({
      library,
      names: ['_proxyTracerProvider'],
      where: 'packages/otel/src/tracing/publish.ts',
      loses: 'tracers that the application took before the start never record',
      check() {
        const { trace } = otel(library)
        assert.equal(typeof trace._proxyTracerProvider?.setDelegate, 'function')
        const before = trace.getTracer('t')
        const made = []
        const startSpan = name => made.push(name)
        trace._proxyTracerProvider.setDelegate({ getTracer: () => ({ startSpan }) })
        before.startSpan('late')
        assert.deepEqual(made, ['late'])
      },
    }),
  ),
  {
    library: '@opentelemetry/api-logs',
    names: ['_proxyLoggerProvider', '_setDelegate'],
    where: 'packages/otel/src/tracing/publish.ts',
    loses: 'loggers that the application took before the start never emit',
    check() {
      const { logs } = otel('@opentelemetry/api-logs')
      assert.equal(typeof logs._proxyLoggerProvider?._setDelegate, 'function')
      const before = logs.getLogger('l')
      const emitted = []
      logs._proxyLoggerProvider._setDelegate({ getLogger: () => ({ emit: record => emitted.push(record) }) })
      before.emit('late')
      assert.deepEqual(emitted, ['late'])
    },
  },
  {
    library: '@opentelemetry/instrumentation',
    names: ['_modules', '_config', '_diag', '_enabled', '_wrap', '_unwrap', '_updateMetricInstruments'],
    where: 'packages/otel/src/loader/instrumentation-base.ts, upstream.ts',
    loses: "upstream's instrumentations do not find in our base class what they expect from their own",
    check() {
      const { InstrumentationBase } = otel('@opentelemetry/instrumentation')
      class Probe extends InstrumentationBase {
        init() {
          return [{ name: 'x', supportedVersions: ['*'], files: [] }]
        }
      }
      const probe = new Probe('probe', '1', { enabled: false })
      assert.deepEqual(
        probe._modules.map(({ name }) => name),
        ['x'],
      )
      assert.equal(probe._config.enabled, false)
      assert.equal(typeof probe._enabled, 'boolean')
      for (const name of ['_wrap', '_unwrap', '_massWrap', '_massUnwrap', '_updateMetricInstruments'])
        assert.equal(typeof probe[name], 'function', name)
      assert.equal(typeof probe._diag.error, 'function')
    },
  },
  {
    library: '@opentelemetry/instrumentation-graphql',
    names: ['_patchExecute'],
    where: 'packages/otel/src/libraries/graphql.ts',
    loses: 'arguments that GraphQL got since are dropped from execute()',
    check() {
      const { GraphQLInstrumentation } = otel('@opentelemetry/instrumentation-graphql')
      const instrumentation = new GraphQLInstrumentation({ enabled: false })
      const wrap = instrumentation._patchExecute(() => {})
      assert.equal(typeof wrap(() => {}), 'function')
    },
  },
  ...[
    ['koa', 'KoaInstrumentation', '_getKoaUsePatch', 'koa takes what is no middleware'],
    ['restify', 'RestifyInstrumentation', '_handlerPatcher', 'restify takes handlers that it refuses'],
    ['socket.io', 'SocketIoInstrumentation', '_patchOn', 'socket.io takes what is no listener'],
    [
      'dataloader',
      'DataloaderInstrumentation',
      '_wrapBatchLoadFn',
      'the error of a batch without a promise is another',
    ],
  ].map(([key, exported, method, loses]) => ({
    library: `@opentelemetry/instrumentation-${key}`,
    names: [method],
    where: `packages/otel/src/libraries/${key}.ts`,
    loses,
    check() {
      const Instrumentation = otel(`@opentelemetry/instrumentation-${key}`)[exported]
      assert.equal(
        typeof new Instrumentation({ enabled: false })[method](
          () => {},
          () => {},
        ),
        'function',
      )
    },
  })),
  {
    library: '@opentelemetry/instrumentation-hapi',
    names: ['_wrapRouteHandler'],
    where: 'packages/otel/src/libraries/hapi.ts',
    loses: 'routes of plugins have no prefix',
    async check() {
      const { HapiInstrumentation } = otel('@opentelemetry/instrumentation-hapi')
      const instrumentation = new HapiInstrumentation({ enabled: false })
      const given = { path: '/', handler: () => 'answer' }
      const wrapped = instrumentation._wrapRouteHandler(given, 'plugin')
      assert.equal(wrapped, given)
      assert.equal(await wrapped.handler({}), 'answer')
    },
  },
  ...[
    [
      'generic-pool',
      'GenericPoolInstrumentation',
      ['_acquireWithCallbacksPatcher'],
      'callbacks of generic-pool 2 run in the context of whoever released the resource',
    ],
    [
      'grpc',
      'GrpcInstrumentation',
      ['_patchClientRequestMethod', '_getPatchedClientMethods'],
      'callbacks of gRPC run in the span of their call',
    ],
    [
      'amqplib',
      'AmqplibInstrumentation',
      ['getConnectPatch', 'getConfirmedPublishPatch', 'createPublishSpan'],
      'callbacks of amqplib run in the context of whoever opened the connection',
    ],
  ].map(([name, exported, names, loses]) => ({
    library: `@opentelemetry/instrumentation-${name}`,
    names,
    where: `packages/otel/src/libraries/${name}.ts`,
    loses,
    check() {
      const { prototype } = otel(`@opentelemetry/instrumentation-${name}`)[exported]
      for (const method of names) assert.equal(typeof prototype[method], 'function', method)
    },
  })),
  {
    library: '@opentelemetry/instrumentation-redis',
    names: ['instrumentationV4_V5', '_getPatchedClientConnect'],
    where: 'packages/otel/src/libraries/redis.ts',
    loses: 'messages and events of a connection of node-redis run in the span that opened it',
    check() {
      const { RedisInstrumentation } = otel('@opentelemetry/instrumentation-redis')
      const { instrumentationV4_V5 } = new RedisInstrumentation({ enabled: false })
      assert.equal(typeof instrumentationV4_V5._getPatchedClientConnect()(() => {}), 'function')
    },
  },
  ...['ioredis4', 'ioredis5', 'ioredis'].map(library => ({
    library,
    names: ['_autoPipelines', 'delayUntilReady'],
    where: 'packages/otel/src/libraries/ioredis.ts',
    loses: 'commands that ioredis puts into one pipeline lie in the trace of the first of them',
    check() {
      const { Cluster, Pipeline, default: Redis } = applications(library)
      const redis = new Redis({ lazyConnect: true, enableAutoPipelining: true })
      assert.equal(typeof redis._autoPipelines.values, 'function')
      assert.equal(redis.pipeline().redis, redis)
      assert.equal(typeof Pipeline.prototype.sendCommand, 'function')
      for (const name of ['sendCommand', 'connect', 'delayUntilReady'])
        assert.equal(typeof Cluster.prototype[name], 'function', name)
    },
  })),
  ...[
    ['undici5', 'lib/node', 'lib', ['RetryHandler', 'RedirectHandler']],
    ...['undici6', 'undici7', 'undici'].map(name => [
      name,
      'lib/dispatcher',
      'lib/dispatcher',
      ['retry-handler', 'redirect-handler'],
    ]),
  ].map(([library, queue, dispatcher, handlers]) => ({
    library,
    names: ['fixed-queue.js', 'dispatcher-base.js', 'retry-handler', 'redirect-handler', 'readable.js'],
    where: 'packages/otel/src/libraries/undici.ts',
    loses: 'requests that wait in a pool of undici lie in the trace of whoever made room for them',
    check() {
      // Its newest release does not run on 20.
      if (library === 'undici' && Number(process.versions.node.split('.')[0]) < 22) return
      const folder = path.dirname(applications.resolve(`${library}/package.json`))
      const read = file => require(path.join(folder, file))
      const made = read(`${queue}/fixed-queue.js`).prototype
      assert.equal(typeof made.push, 'function')
      assert.equal(typeof made.shift, 'function')
      assert.equal(typeof read(`${dispatcher}/dispatcher-base.js`).prototype.dispatch, 'function')
      for (const name of handlers) assert.match(String(read(`lib/handler/${name}.js`)), /this\.dispatch = /)
      const body = read('lib/api/readable.js')
      assert.equal(typeof (body.Readable ?? body).prototype.on, 'function')
    },
  })),
  {
    library: "Node's own undici",
    names: ['factory', 'defaultFactory', 'queue', 'undici.globalDispatcher'],
    where: 'packages/otel/src/tracing/http/undici-queue.ts, undici.ts',
    loses:
      'requests that wait in a limited dispatcher of its classes lie in the trace of whoever made room for them',
    async check() {
      await (await fetch('data:,')).text()
      const at = number => globalThis[Symbol.for(`undici.globalDispatcher.${number}`)]
      const factory = (at(2) ?? at(1))[symbolsOf(at(2) ?? at(1)).get('factory')]
      assert.equal(factory.name, 'defaultFactory')
      const pool = factory('http://localhost', { connections: 2 })
      const queue = pool[symbolsOf(pool).get('queue')]
      for (const name of ['push', 'shift', 'isEmpty']) assert.equal(typeof queue[name], 'function', name)
    },
  },
  {
    library: '@opentelemetry/instrumentation-mongodb',
    names: ['_getV4ConnectionPoolPatches', '_getV4ConnectCommand', '_patchEnd', '_handleExecutionResult'],
    where: 'packages/otel/src/libraries/mongodb.ts',
    loses:
      'connections of MongoDB belong to the request that opened them, and refused writes look like successes',
    check() {
      const { MongoDBInstrumentation } = otel('@opentelemetry/instrumentation-mongodb')
      const instrumentation = new MongoDBInstrumentation({ enabled: false })
      const { v4PatchConnectionPool } = instrumentation._getV4ConnectionPoolPatches()
      assert.equal(typeof v4PatchConnectionPool, 'function')
      const connect = instrumentation._getV4ConnectCommand()(_options => 'connection')
      assert.equal(connect({}), 'connection')
      const calls = []
      instrumentation._patchEnd(undefined, (...args) => calls.push(args), 1, 'find')(null, 'result')
      assert.deepEqual(calls, [[null, 'result']])
      assert.equal(typeof instrumentation._handleExecutionResult, 'function')
    },
  },
  {
    library: '@opentelemetry/instrumentation-redis',
    names: ['_endSpanWithResponse'],
    where: 'packages/otel/src/libraries/redis.ts',
    loses: 'failed commands of node-redis have no code',
    check() {
      const { RedisInstrumentation } = otel('@opentelemetry/instrumentation-redis')
      const { instrumentationV4_V5 } = new RedisInstrumentation({ enabled: false })
      assert.equal(instrumentationV4_V5._endSpanWithResponse.length, 5)
    },
  },
  {
    library: '@opentelemetry/instrumentation-cassandra-driver',
    names: ['_getPatchedBatch', '_getPatchedStream'],
    where: 'packages/otel/src/libraries/cassandra-driver.ts',
    loses: 'callbacks of Cassandra run in the span of the batch or of the one who connected',
    check() {
      const { CassandraDriverInstrumentation } = otel('@opentelemetry/instrumentation-cassandra-driver')
      const instrumentation = new CassandraDriverInstrumentation({ enabled: false })
      for (const name of ['_getPatchedBatch', '_getPatchedStream'])
        assert.equal(typeof instrumentation[name](), 'function', name)
      const { prototype } = test('cassandra-driver/lib/connection')
      assert.equal(prototype.open.length, 1)
    },
  },
  {
    library: 'mysql2',
    names: [
      '_freeConnections',
      '_allConnections',
      '_notifyError',
      '_addCommandClosedState',
      '_removeIdleTimeoutConnections',
    ],
    where: 'packages/otel/src/libraries/mysql2.ts',
    loses:
      'connections of a pool belong to the request that opened them, and spans of lost connections do not end',
    check() {
      const mysql = test('mysql2')
      const pool = mysql.createPool({ connectionLimit: 3 })
      const { pool: prepared } = mysql.createPool({}).promise()
      for (const one of [pool, prepared]) {
        assert.equal(one._freeConnections.length, 0)
        assert.equal(one._allConnections.length, 0)
        one.end()
      }
      assert.equal(pool.config.connectionLimit, 3)
      for (const name of [
        '_notifyError',
        '_addCommandClosedState',
        'addCommand',
        'query',
        'execute',
        'close',
      ])
        assert.equal(typeof mysql.Connection.prototype[name], 'function', name)
      assert.equal(typeof pool._removeIdleTimeoutConnections, 'function')
    },
  },
  {
    library: 'mysql',
    names: ['_enqueue', '_freeConnections', '_allConnections'],
    where: 'packages/otel/src/libraries/mysql.ts, mysql-metrics.ts',
    loses: 'queries of mysql have no spans, and its pools are not counted',
    check() {
      const mysql = test('mysql')
      const pool = mysql.createPool({})
      assert.equal(pool._freeConnections.length, 0)
      assert.equal(pool._allConnections.length, 0)
      assert.equal(typeof test('mysql/lib/protocol/Protocol').prototype._enqueue, 'function')
      const sequence = test('mysql/lib/protocol/sequences/Sequence').prototype
      assert.equal(typeof sequence.end, 'function')
    },
  },
  {
    library: 'pg',
    names: ['_getPassword', '_checkPgPass'],
    where: 'packages/otel/src/libraries/pg.ts',
    loses: 'a password that is fetched for a connection is fetched outside of the trace that connects',
    check() {
      const { prototype } = test('pg').Client
      assert.equal(typeof (prototype._getPassword ?? prototype._checkPgPass), 'function')
    },
  },
  {
    library: 'pg-pool',
    names: ['_pendingQueue', '_acquireClient'],
    where: 'packages/otel/src/libraries/pg.ts, pg-metrics.ts',
    loses: 'a connection that is opened for somebody who waited lies in the trace of the one who released',
    check() {
      const { Pool } = test('pg')
      const pool = new Pool()
      assert.deepEqual(pool._pendingQueue, [])
      for (const name of ['newClient', '_acquireClient']) assert.equal(typeof pool[name], 'function', name)
    },
  },
  ...['pino', 'pino-8', 'pino-9'].map(library => ({
    library,
    names: [
      'pino.asJson',
      'pino.chindings',
      'pino.formatters',
      'pino.stringifiers',
      'pino.stream',
      'pino.lsCache',
    ],
    where: 'packages/logging/src/pino.ts, pino-record.ts',
    loses: 'lines of pino carry no trace id and are not sent',
    check() {
      const pino = logging(library)
      const makePrototype = logging(`${library}/lib/proto.js`)
      const prototype = Object.getPrototypeOf(makePrototype())
      const asJson = symbolsOf(prototype).get('pino.asJson')
      assert.equal(typeof prototype[asJson], 'function')
      const lines = []
      const logger = pino({}, { write: line => lines.push(line) })
      const symbols = symbolsOf(logger)
      const at = name => logger[symbols.get(name)]
      assert.equal(typeof at('pino.chindings'), 'string')
      assert.equal(typeof at('pino.formatters'), 'object')
      assert.equal(typeof at('pino.stringifiers'), 'object')
      assert.equal(typeof at('pino.stream'), 'object')
      assert.equal(at('pino.lsCache')[30], '{"level":30')
      for (const name of ['messageKey', 'errorKey', 'serializers', 'nestedKey'])
        assert(symbols.has(`pino.${name}`), `pino.${name}`)
      const original = prototype[asJson]
      prototype[asJson] = function (obj, msg, num, time) {
        assert.match(time, /^,"time":\d+$/)
        return original.call(this, obj, msg, num, `${time},"added":1`)
      }
      logger.info({ a: 1 }, 'text')
      prototype[asJson] = original
      assert.equal(JSON.parse(lines[0]).added, 1)
    },
  })),
  {
    library: 'bunyan',
    names: ['_emit'],
    where: 'packages/logging/src/bunyan.ts',
    loses: 'lines of bunyan carry no trace id and are not sent',
    check() {
      const bunyan = logging('bunyan')
      const { prototype } = bunyan
      const original = prototype._emit
      const seen = []
      prototype._emit = function (rec, noemit) {
        seen.push([typeof rec, rec.msg, noemit])
        return original.call(this, rec, noemit)
      }
      bunyan.createLogger({ name: 'x', streams: [{ type: 'raw', stream: { write() {} } }] }).info('text')
      prototype._emit = original
      assert.deepEqual(seen.filter(([, msg]) => msg === 'text').slice(0, 1), [
        ['object', 'text', seen.at(-1)[2]],
      ])
    },
  },
  {
    library: 'winston',
    names: ['_transform'],
    where: 'packages/logging/src/winston.ts',
    loses: 'lines of winston carry no trace id and are not sent',
    check() {
      const winston = logging('winston')
      const Logger = logging('winston/lib/winston/logger.js')
      for (const name of ['write', '_transform', 'push'])
        assert.equal(typeof Logger.prototype[name], 'function', name)
      const seen = []
      const original = Logger.prototype._transform
      Logger.prototype._transform = function (info, ...rest) {
        seen.push(info.message)
        return original.call(this, info, ...rest)
      }
      winston.createLogger({ transports: [new winston.transports.Console({ silent: true })] }).info('text')
      Logger.prototype._transform = original
      assert.deepEqual(seen, ['text'])
    },
  },
  ...['prom-client', 'prom-client-14', '@platformatic/prom-client', '@prometheus-io/client'].map(library => ({
    library,
    names: ['_defaultLabels'],
    where: 'packages/exemplars/src/page.ts',
    loses: 'the OpenMetrics page has no default labels',
    check() {
      const { Registry } = exemplars(library)
      const registry = new Registry()
      registry.setDefaultLabels({ app: 'x' })
      assert.deepEqual({ ...registry._defaultLabels }, { app: 'x' })
      assert.equal(typeof registry.getMetricsAsArray, 'function')
      assert.equal(typeof registry.contentType, 'string')
    },
  })),
  {
    library: '@opentelemetry/sdk-metrics',
    names: [
      '_writableMetricStorage',
      '_deltaMetricStorage',
      '_aggregator',
      '_temporalMetricStorage',
      '_unreportedAccumulations',
      '_activeCollectionStorage',
      '_boundaries',
    ],
    where: 'packages/exemplars/src/sdk-metrics.ts',
    loses: "metrics of the application's SDK carry no exemplars (it is found out at run time, and said)",
    check() {
      const { MeterProvider } = exemplars('@opentelemetry/sdk-metrics')
      const instrument = new MeterProvider({
        readers: [
          {
            setMetricProducer() {},
            selectAggregation: () => ({ type: 0 }),
            selectAggregationTemporality: () => 1,
            selectCardinalityLimit: () => 10,
            collect: async () => ({ resourceMetrics: { scopeMetrics: [] }, errors: [] }),
            forceFlush: async () => {},
            shutdown: async () => {},
          },
        ],
      })
        .getMeter('m')
        .createHistogram('h', { advice: { explicitBucketBoundaries: [1, 2] } })
      const storage = instrument._writableMetricStorage
      assert.equal(typeof storage.record, 'function')
      assert.equal(typeof storage._temporalMetricStorage.buildMetrics, 'function')
      assert.equal(typeof storage._temporalMetricStorage._unreportedAccumulations.size, 'number')
      const aggregator = storage._deltaMetricStorage._aggregator
      assert.deepEqual(aggregator.createAccumulation([0, 0])._boundaries, [1, 2])
      const delta = storage._deltaMetricStorage
      const interval = delta._activeCollectionStorage
      assert.equal(typeof interval, 'object')
      delta.collect()
      assert.notEqual(
        delta._activeCollectionStorage,
        interval,
        'the series of an interval outlive their collection',
      )
    },
  },
  {
    library: '@opentelemetry/sdk-metrics',
    names: ['_maxSize'],
    where: 'packages/exemplars/src/sdk-metrics.ts',
    loses: 'exponential histograms keep the exemplars of a plain one',
    check() {
      const folder = path.dirname(exemplars.resolve('@opentelemetry/sdk-metrics'))
      const files = fs
        .readdirSync(folder, { recursive: true })
        .filter(file => /ExponentialHistogram\.c?js$/.test(file))
      assert(
        files.some(file => /this\._maxSize|_maxSize;/.test(fs.readFileSync(path.join(folder, file), 'utf8'))),
      )
    },
  },
  {
    library: '@platformatic/kafka',
    names: ['plt.kafka.base.options', '_write', '_final'],
    where: 'packages/kafka/src/adapters/platformatic.ts, client.ts',
    loses:
      'spans of @platformatic/kafka do not know their client and group, and its producer streams have none',
    async check() {
      // It does not run on 20 either.
      if (Promise.withResolvers === undefined) return
      const { Producer, ProducerStream } = await import(kafka.resolve('@platformatic/kafka'))
      const producer = new Producer({ clientId: 'me', bootstrapBrokers: ['127.0.0.1:1'] })
      const symbol = symbolsOf(producer).get('plt.kafka.base.options')
      assert.equal(producer[symbol]?.clientId, 'me')
      for (const name of ['_write', '_final'])
        assert.equal(typeof ProducerStream.prototype[name], 'function', name)
      await producer.close()
    },
  },
  {
    library: '@confluentinc/kafka-javascript',
    names: ['_getInternalClient'],
    where: 'packages/kafka/src/client.ts, adapters/confluent.ts',
    loses: "Confluent's client is taken for KafkaJS, and its consumer has no spans",
    check() {
      // Its binding may not be built here; these files tell as well.
      const folder = path.dirname(kafka.resolve('@confluentinc/kafka-javascript/package.json'))
      for (const file of ['_producer.js', '_consumer.js'])
        assert.match(
          fs.readFileSync(path.join(folder, 'lib/kafkajs', file), 'utf8'),
          /^ {2}_getInternalClient\(\)/m,
        )
    },
  },
  {
    library: '@opentelemetry/instrumentation-dataloader',
    names: ['_getPatchedLoad', '_patchPrime', '_patchClear', '_patchClearAll', '_wrapBatchLoadFn', '_batch'],
    where: 'packages/otel/src/libraries/dataloader.ts',
    loses: 'the loads of a list are a span each again, and do not link to their batch',
    check() {
      const { DataloaderInstrumentation } = otel('@opentelemetry/instrumentation-dataloader')
      const instrumentation = new DataloaderInstrumentation({ enabled: false })
      for (const name of [
        '_getPatchedLoad',
        '_patchPrime',
        '_patchClear',
        '_patchClearAll',
        '_wrapBatchLoadFn',
      ])
        assert.equal(typeof instrumentation[name], 'function', name)
      const DataLoader = applications('dataloader')
      assert.equal(new DataLoader(async keys => keys)._batch, null)
    },
  },
  {
    library: '@opentelemetry/instrumentation-graphql',
    names: ['_createExecuteSpan', '_executeResponseHook', '_patchExecute'],
    where: 'packages/otel/src/libraries/graphql.ts',
    loses: 'operations of GraphQL have no spans',
    check() {
      const { GraphQLInstrumentation } = otel('@opentelemetry/instrumentation-graphql')
      const instrumentation = new GraphQLInstrumentation({ enabled: false })
      for (const name of ['_createExecuteSpan', '_executeResponseHook', '_patchExecute'])
        assert.equal(typeof instrumentation[name], 'function', name)
    },
  },
  {
    library: 'knex',
    names: ['_single'],
    where: 'packages/otel/src/libraries/knex.ts',
    loses: 'the span of a query that only knex can tell has no table in its name',
    check() {
      const knex = applications('knex')({ client: 'pg' })
      assert.equal(knex('books').select()._single.table, 'books')
    },
  },
  {
    library: 'node-rdkafka',
    names: ['_modifiedProduce', '_writev'],
    where: 'packages/kafka/src/adapters/rdkafka.ts, client.ts',
    loses:
      'the high-level producer of node-rdkafka is called with the arguments of the other one, and messages of its write streams lie in the trace of another writer',
    check() {
      const folder = path.dirname(kafka.resolve('node-rdkafka/package.json'))
      const stream = fs.readFileSync(path.join(folder, 'lib/producer-stream.js'), 'utf8')
      for (const name of ['_write', '_writev', 'connect', 'close'])
        assert.match(stream, new RegExp(`ProducerStream\\.prototype\\.${name} = |\\.${name} = `))
      const text = fs.readFileSync(path.join(folder, 'lib/producer/high-level-producer.js'), 'utf8')
      assert.match(text, /\._modifiedProduce = /)
    },
  },
]

module.exports = { rows }

async function main() {
  const problems = []
  for (const { library, names, where, loses, check } of rows) {
    try {
      await check()
    } catch (error) {
      problems.push(
        `${library} on Node ${process.versions.node}: ${names.join(', ')} (used in ${where}) is not what it was: ${error.message.split('\n')[0]}. Without it ${loses}.`,
      )
    }
  }
  process.stdout.write(JSON.stringify(problems))
  process.exit()
}
if (require.main === module) void main()
