// The table of everything we can instrument: every row of @opentelemetry/auto-instrumentations-node 0.82, fastify
// (which that package dropped), and the Kafka clients it does not know. Adding a library starts here.

export interface CatalogRow {
  /** The name in OTEL_NODE_ENABLED_INSTRUMENTATIONS, OTEL_NODE_DISABLED_INSTRUMENTATIONS and the options. */
  readonly key: string
  /** Who wrote it: `upstream` is a class of an OpenTelemetry package, `ours` a LibraryHooks. */
  readonly owner: 'upstream' | 'ours'
  /**
   * What activates it: the first load of one of `packages`; `builtin`, a module of Node itself, patched in place;
   * `start`, at once, for what is observed by channels or timers.
   */
  readonly on: 'load' | 'builtin' | 'start'
  /** Packages (`load`, and what `start` corrects beside its channels) or builtins (`builtin`) it watches. */
  readonly packages: readonly string[]
  /** File `dist/lib/<chunk>.cjs`. Absent: `attachLibraries` gets the hooks from its caller. */
  readonly chunk?: string
  /** For the build: where the chunk's code comes from and which export it is. */
  readonly source?: { readonly from: string; readonly exported: string }
  readonly byDefault: boolean
  /** Package -> releases that have nothing to patch because another package of the row does their work. */
  readonly shells?: Readonly<Record<string, readonly string[]>>
  /** Table package that describes this one's work itself when it is the one that loads it. */
  readonly coveredBy?: string
  /** Why it is off by default, widened, or ours. */
  readonly why?: string
  /** Package -> ranges that replace the ones upstream declares. Each is proven by test/e2e/catalog.test.ts. */
  readonly widen?: Readonly<Record<string, readonly string[]>>
  /** What it says depends on what else is instrumented: its options have `isInstrumented(key)`. */
  readonly asksOthers?: true
  /** The package ships each patched `x.js` as `x.mjs` too, and Node may load either. */
  readonly mjsTwins?: true
  /**
   * Files (`.` is the main one) of releases that are ES modules. Only needed on runtimes whose module hooks live on
   * another thread, which must know before anything is loaded; elsewhere the patches themselves say it.
   */
  readonly esmFiles?: Readonly<Record<string, readonly string[]>>
}

function upstream(
  key: string,
  exported: string,
  packages: readonly string[],
  more: Partial<CatalogRow> = {},
): CatalogRow {
  return {
    key,
    owner: 'upstream',
    on: 'load',
    packages,
    chunk: key,
    source: { from: `@opentelemetry/instrumentation-${key}`, exported },
    byDefault: true,
    ...more,
  }
}

/** Upstream's class with a method or two of ours. */
function mended(key: string, exported: string): Pick<CatalogRow, 'source'> {
  return { source: { from: `./src/libraries/${key}.ts`, exported } }
}

const kafka = { from: '@org/otel-kafka/hooks', exported: 'kafkaHooks' }
const logging = { from: '@org/otel-logging/hooks', exported: 'loggingHooks' }
const exemplars = { from: '@org/otel-exemplars/hooks', exported: 'exemplarHooks' }

function ours(
  key: string,
  packages: readonly string[],
  chunk: string,
  source: { from: string; exported: string },
  more: Partial<CatalogRow> = {},
): CatalogRow {
  return { key, owner: 'ours', on: 'load', packages, chunk, source, byDefault: true, ...more }
}

export const catalog: readonly CatalogRow[] = [
  // Node itself
  { key: 'http', owner: 'ours', on: 'start', packages: [], byDefault: true },
  {
    key: 'undici',
    owner: 'ours',
    on: 'start',
    packages: ['undici'],
    chunk: 'undici',
    source: { from: './src/libraries/undici.ts', exported: 'undiciHooks' },
    byDefault: true,
    why: 'its channels say everything but who asked for a request that waited',
  },
  upstream('net', 'NetInstrumentation', ['net'], {
    on: 'builtin',
    byDefault: false,
    why: 'a tcp.connect span for every connection that another span already describes',
  }),
  upstream('dns', 'DnsInstrumentation', ['dns', 'dns/promises'], {
    on: 'builtin',
    byDefault: false,
    why: 'a span for every lookup that another span already contains',
  }),
  upstream('fs', 'FsInstrumentation', ['fs', 'fs/promises'], {
    on: 'builtin',
    byDefault: false,
    why: 'a span for every file operation; off upstream too',
  }),
  upstream('runtime-node', 'RuntimeNodeInstrumentation', [], { on: 'start' }),
  upstream('host-metrics', 'HostMetricsInstrumentation', [], {
    on: 'start',
    byDefault: false,
    why: 'the host is the business of a node agent; off upstream too',
  }),
  upstream('aws-lambda', 'AwsLambdaInstrumentation', [], { on: 'start' }),

  // Web frameworks
  ours('express', ['express'], 'express', { from: './src/libraries/express.ts', exported: 'expressHooks' }),
  ours('fastify', ['fastify'], 'fastify', { from: './src/libraries/fastify.ts', exported: 'fastifyHooks' }),
  upstream('koa', 'KoaInstrumentation', ['koa'], mended('koa', 'KoaInstrumentation')),
  upstream('hapi', 'HapiInstrumentation', ['@hapi/hapi'], {
    source: { from: './src/libraries/hapi.ts', exported: 'HapiInstrumentation' },
    why: 'upstream leaves out the prefix of a plugin in the route',
  }),
  upstream('restify', 'RestifyInstrumentation', ['restify'], mended('restify', 'RestifyInstrumentation')),
  ours('connect', ['connect'], 'connect', { from: './src/libraries/connect.ts', exported: 'connectHooks' }),
  upstream('router', 'RouterInstrumentation', ['router'], {
    coveredBy: 'express',
    why: "not applied to the copy that express 5 brings: express's own spans describe it",
  }),
  upstream('nestjs-core', 'NestInstrumentation', ['@nestjs/core'], {
    widen: { '@nestjs/core': ['>=4.0.0 <13'] },
    esmFiles: { '@nestjs/core': ['nest-factory.js', 'router/router-execution-context.js'] },
    why: 'upstream stops before 12, which is an ES module and works',
  }),
  upstream('graphql', 'GraphQLInstrumentation', ['graphql'], {
    ...mended('graphql', 'GraphQLInstrumentation'),
    widen: { graphql: ['>=14.0.0 <18'] },
    mjsTwins: true,
    esmFiles: { graphql: ['execution/execute.mjs', 'language/parser.mjs', 'validation/validate.mjs'] },
    why: 'upstream stops before 17, which works once its new arguments are passed on',
  }),
  upstream('dataloader', 'DataloaderInstrumentation', ['dataloader'], {
    source: { from: './src/libraries/dataloader.ts', exported: 'DataloaderInstrumentation' },
    why: 'upstream makes a span for every call of load, one per item of a list',
  }),
  upstream(
    'socket.io',
    'SocketIoInstrumentation',
    ['socket.io'],
    mended('socket.io', 'SocketIoInstrumentation'),
  ),

  // Databases and caches
  ours('pg', ['pg', 'pg-pool'], 'pg', { from: './src/libraries/pg.ts', exported: 'pgHooks' }),
  ours('mysql', ['mysql'], 'mysql', { from: './src/libraries/mysql.ts', exported: 'mysqlHooks' }),
  ours('mysql2', ['mysql2'], 'mysql2', { from: './src/libraries/mysql2.ts', exported: 'mysql2Hooks' }),
  upstream('mongodb', 'MongoDBInstrumentation', ['mongodb'], {
    source: { from: './src/libraries/mongodb.ts', exported: 'MongoDBInstrumentation' },
  }),
  upstream('mongoose', 'MongooseInstrumentation', ['mongoose'], {
    source: { from: './src/libraries/mongoose.ts', exported: 'MongooseInstrumentation' },
    asksOthers: true,
    why: "upstream's spans are of kind CLIENT, as are those that the driver makes of the same operation",
  }),
  ours('ioredis', ['ioredis'], 'ioredis', { from: './src/libraries/ioredis.ts', exported: 'ioredisHooks' }),
  upstream('redis', 'RedisInstrumentation', ['redis', '@redis/client', '@node-redis/client'], {
    source: { from: './src/libraries/redis.ts', exported: 'RedisInstrumentation' },
    shells: { redis: ['>=4'] },
  }),
  upstream('knex', 'KnexInstrumentation', ['knex'], {
    source: { from: './src/libraries/knex.ts', exported: 'KnexInstrumentation' },
    asksOthers: true,
    why: "upstream makes a second span for every query that the driver's span tells, named by what it finds",
  }),
  upstream('tedious', 'TediousInstrumentation', ['tedious']),
  upstream('oracledb', 'OracleInstrumentation', ['oracledb']),
  upstream('cassandra-driver', 'CassandraDriverInstrumentation', ['cassandra-driver'], {
    source: { from: './src/libraries/cassandra-driver.ts', exported: 'CassandraDriverInstrumentation' },
  }),
  upstream(
    'memcached',
    'MemcachedInstrumentation',
    ['memcached'],
    mended('memcached', 'MemcachedInstrumentation'),
  ),
  upstream('lru-memoizer', 'LruMemoizerInstrumentation', ['lru-memoizer']),
  upstream('generic-pool', 'GenericPoolInstrumentation', ['generic-pool'], {
    source: { from: './src/libraries/generic-pool.ts', exported: 'GenericPoolInstrumentation' },
  }),

  // Messaging, RPC, cloud
  upstream('grpc', 'GrpcInstrumentation', ['@grpc/grpc-js'], {
    source: { from: './src/libraries/grpc.ts', exported: 'GrpcInstrumentation' },
  }),
  upstream('amqplib', 'AmqplibInstrumentation', ['amqplib'], {
    source: { from: './src/libraries/amqplib.ts', exported: 'AmqplibInstrumentation' },
  }),
  ours('kafkajs', ['kafkajs'], 'kafka', kafka),
  ours('confluent-kafka', ['@confluentinc/kafka-javascript'], 'kafka', kafka),
  ours('node-rdkafka', ['node-rdkafka'], 'kafka', kafka),
  ours('platformatic-kafka', ['@platformatic/kafka'], 'kafka', kafka, {
    esmFiles: { '@platformatic/kafka': ['.'] },
  }),
  upstream(
    'aws-sdk',
    'AwsInstrumentation',
    [
      '@aws-sdk/middleware-stack',
      '@smithy/middleware-stack',
      '@smithy/core',
      '@aws-sdk/smithy-client',
      '@smithy/smithy-client',
    ],
    // Every release of the SDK has its stack in one of them and the others beside it.
    {
      shells: {
        '@smithy/core': ['<3.24.0'],
        '@smithy/middleware-stack': ['<2.0.0'],
        '@smithy/smithy-client': ['<1.0.3'],
      },
    },
  ),
  upstream('openai', 'OpenAIInstrumentation', ['openai'], {
    widen: { openai: ['>=4.19.0 <8'] },
    esmFiles: { openai: ['.'] },
    why: 'upstream stops before 7, which works',
  }),

  // Logs and metrics
  ours('pino', ['pino'], 'logging', logging),
  ours('winston', ['winston'], 'logging', logging),
  ours('bunyan', ['bunyan'], 'logging', logging),
  ours(
    'prom-client',
    ['prom-client', '@prometheus-io/client', '@platformatic/prom-client'],
    'exemplars',
    exemplars,
  ),

  // Tests
  upstream('cucumber', 'CucumberInstrumentation', ['@cucumber/cucumber']),
]
