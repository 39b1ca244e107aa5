// Rows that are no databases: HTTP, RPC, brokers, caches and pools.
import type { Row, Untried, Way } from './row.ts'

const one: Way = { spans: 1, headers: 1 }
const twice: Way = { spans: 2, headers: 2 }

/** Ways that only a program's own server offers. */
function without(ways: Row['ways'], ...names: readonly string[]): Row['ways'] {
  return Object.fromEntries(Object.entries(ways).filter(([name]) => !names.includes(name)))
}

/** What every undici from 5 on can do. */
const undiciWays: Readonly<Record<string, Way>> = {
  'Pool.request': one,
  'Pool.request with a callback': { ...one, marks: 4 },
  'Pool.stream': { ...one, marks: 2 },
  'Pool.pipeline': { ...one, marks: 2 },
  'Pool.dispatch': one,
  'Client.request': one,
  'BalancedPool.request': one,
  'request of an Agent': one,
  'undici.fetch': one,
  'fetch of a BalancedPool': one,
  'a generator as body': { ...one, marks: 2 },
}
const newerUndiciWays = {
  RetryAgent: twice,
  'a composed Agent': one,
  'the redirect interceptor': twice,
}
/** Node's fetch speaks to dispatchers of its own major. */
const globalFetchWays = { 'global fetch': one, 'setGlobalDispatcher and the global fetch': one }

function undici(name: string, major: number, ways: Row['ways'], nodes?: readonly number[]): Row {
  return {
    program: 'undici.cjs',
    key: 'undici',
    package: name,
    server: 'own server',
    ways,
    ...(nodes && { nodes }),
    env: { UNDICI: name, UNDICI_MAJOR: String(major) },
  }
}

const redisWays = {
  'a command': { spans: 1 },
  'a callback': { spans: 1, marks: 2 },
  'commands before the connection': { spans: 1 },
  'a pipeline': { spans: 2 },
  'a transaction': { spans: 3, named: /^(?:multi|set|exec)$/ },
  'automatic pipelines': { spans: 2 },
  subscriptions: { spans: 1, named: /^publish$/ },
  'events of a connection': { spans: 1 },
  'a cluster': { spans: 1 },
  'a cluster with automatic pipelines': { spans: 1 },
}

const clusterWays = Object.keys(redisWays).filter(name => name.startsWith('a cluster'))

function ioredis(name: string, server: Row['server'], ways: Row['ways'] = redisWays): Row {
  return {
    program: 'ioredis.cjs',
    key: 'ioredis',
    package: name,
    server,
    ways,
    setup: /^(?:connect|subscribe)$/,
    env: { IOREDIS: name },
  }
}

/** node-redis 4 has an isolation pool in its client, later ones a pool of clients. */
const nodeRedisWays = {
  'a command': { spans: 1 },
  'commands before the connection': { spans: 1 },
  'a transaction': { spans: 2 },
  'commands at once': { spans: 2 },
  subscriptions: { spans: 1, named: /^redis-PUBLISH|^PUBLISH/ },
  'events of a connection': { spans: 1 },
}
const clientPoolWays = {
  createClientPool: { spans: 1 },
  'createClientPool, execute': { spans: 1, marks: 2 },
}

function nodeRedis(name: string, server: Row['server'], ways: Row['ways']): Row {
  return {
    program: 'redis.cjs',
    key: 'redis',
    package: name,
    server,
    ways: { ...nodeRedisWays, ...ways },
    setup: /^(?:redis-connect|redis-SUBSCRIBE|generic-pool.acquire)$/,
    env: { REDIS: name },
  }
}

function memcached(server: Row['server']): Row {
  return {
    program: 'memcached.cjs',
    key: 'memcached',
    package: 'memcached',
    server,
    ways: {
      set: { spans: 1, named: /^memcached set$/, marks: 2 },
      get: { spans: 1, named: /^memcached get$/, marks: 2 },
    },
  }
}

/** A message has a span that sends it and one that takes it. */
const messaging: Way = { spans: 2, named: /^publish|process$/, headers: 1, marks: 2, markIn: /process$/ }

function amqplib(name: string): Row {
  return {
    program: 'amqplib.cjs',
    key: 'amqplib',
    package: name,
    server: 'RabbitMQ',
    ways: {
      'a channel and a consumer': messaging,
      'a confirm channel': { ...messaging, marks: 3 },
      'the callback API': { ...messaging, marks: 3 },
      'a request to the broker': { spans: 0, named: /./, marks: 2 },
      'a message that comes back': { spans: 1, named: /^publish/ },
    },
    env: { AMQPLIB: name },
  }
}

export const queues: readonly Row[] = [
  {
    program: 'http-agent.cjs',
    key: 'http',
    package: 'node',
    server: 'own server',
    nodes: [20, 22, 24, 26],
    ways: {
      'Agent with maxSockets': { spans: 1, headers: 1, marks: 2 },
      'Agent with keepAlive and maxSockets': { spans: 1, headers: 1, marks: 2 },
      'Agent with maxTotalSockets': { spans: 1, headers: 1, marks: 2 },
    },
  },
  {
    program: 'own-fetch.cjs',
    key: 'undici',
    package: 'node',
    server: 'own server',
    nodes: [20, 22, 24, 26],
    ways: {
      'fetch without a limit': one,
      'fetch with a dispatcher': one,
      'fetch with another global dispatcher': one,
      'fetch of a stream': one,
    },
  },
  undici('undici5', 5, undiciWays),
  undici('undici6', 6, { ...undiciWays, ...newerUndiciWays, ...globalFetchWays }, [20, 22]),
  undici('undici7', 7, { ...undiciWays, ...newerUndiciWays, ...globalFetchWays }, [24]),
  undici('undici', 8, { ...undiciWays, ...newerUndiciWays, ...globalFetchWays }, [26]),
  {
    program: 'generic-pool.cjs',
    key: 'generic-pool',
    package: 'generic-pool',
    server: 'own server',
    setup: /^generic-pool/,
    ways: {
      acquire: { spans: 1, marks: 2 },
      use: { spans: 1, marks: 2 },
      'acquire and destroy': { spans: 1, marks: 2 },
    },
    env: { POOL: 'generic-pool' },
  },
  {
    program: 'generic-pool.cjs',
    key: 'generic-pool',
    package: 'generic-pool2',
    server: 'own server',
    setup: /^generic-pool/,
    ways: { 'acquire with a callback': { spans: 1, marks: 2 } },
    env: { POOL: 'generic-pool2' },
  },
  {
    program: 'dataloader.cjs',
    key: 'dataloader',
    package: 'dataloader',
    server: 'own server',
    setup: /^dataloader/,
    ways: {
      'load of a loader per request': { spans: 1, marks: 2, markIn: /^dataloader.batch$/ },
      'load of a shared loader': { spans: 1 },
    },
  },
  {
    program: 'lru-memoizer.cjs',
    key: 'lru-memoizer',
    package: 'lru-memoizer',
    server: 'own server',
    ways: { 'calls that wait for one': { spans: 1, marks: 2 } },
  },
  {
    program: 'grpc.cjs',
    key: 'grpc',
    package: '@grpc/grpc-js',
    server: 'own server',
    ways: {
      makeUnaryRequest: { spans: 1, named: /^grpc/, headers: 1, marks: 3 },
      unary: { spans: 1, named: /^grpc/, headers: 1, marks: 3 },
      'unary, before the channel is ready': { spans: 1, named: /^grpc/, headers: 1, marks: 3 },
      'a stream from the server': { spans: 1, named: /^grpc/, headers: 1, marks: 4 },
      'a stream to the server': { spans: 1, named: /^grpc/, headers: 1, marks: 3 },
      'streams both ways': { spans: 1, named: /^grpc/, headers: 1, marks: 4 },
    },
  },
  {
    program: 'aws-sdk.cjs',
    key: 'aws-sdk',
    package: '@aws-sdk/client-sts',
    server: 'small protocol server',
    ways: {
      send: { spans: 2, named: /^STS\.|^POST$/, headers: 1 },
      'send with a callback': { spans: 2, named: /^STS\.|^POST$/, headers: 1, marks: 2 },
    },
  },
  {
    program: 'openai.cjs',
    key: 'openai',
    package: 'openai',
    server: 'small protocol server',
    nodes: [24],
    ways: { 'chat.completions': { spans: 2, named: /^chat |^POST$/, headers: 1 } },
  },
  memcached('small protocol server'),
  memcached('memcached'),
  amqplib('amqplib0'),
  amqplib('amqplib'),
  {
    program: 'bullmq.cjs',
    key: 'ioredis',
    package: 'bullmq',
    server: 'Redis',
    ways: { 'add and a worker': { spans: 1, named: /^evalsha$/, marks: 2 } },
    setup: /^(?:connect|info|hmset|script|quit)$/,
  },
  ioredis('ioredis4', 'small protocol server'),
  ioredis('ioredis5', 'small protocol server'),
  ioredis('ioredis', 'small protocol server'),
  nodeRedis('redis4', 'small protocol server', { executeIsolated: { spans: 1, marks: 2 } }),
  nodeRedis('redis5', 'small protocol server', clientPoolWays),
  nodeRedis('redis', 'small protocol server', clientPoolWays),
  nodeRedis('redis4', 'Redis', { executeIsolated: { spans: 1, marks: 2 } }),
  nodeRedis('redis5', 'Redis', clientPoolWays),
  nodeRedis('redis', 'Redis', clientPoolWays),
  ioredis('ioredis5', 'Redis', without(redisWays, ...clusterWays)),
  ioredis('ioredis', 'Redis', without(redisWays, ...clusterWays)),
]

/** Rows of the catalog that have no queue, or one that cannot be kept busy here. */
export const untriedQueues: readonly Untried[] = [
  { key: 'net', why: 'no queue: a span per connection' },
  { key: 'dns', why: 'no queue: a span per lookup' },
  { key: 'fs', why: 'no queue of its own: Node keeps the context of each operation' },
  { key: 'runtime-node', why: 'metrics only' },
  { key: 'host-metrics', why: 'metrics only' },
  { key: 'aws-lambda', why: 'one invocation at a time' },
  { key: 'express', why: 'no queue: runs in the request' },
  { key: 'fastify', why: 'no queue: runs in the request' },
  { key: 'koa', why: 'no queue: runs in the request' },
  { key: 'hapi', why: 'no queue: runs in the request' },
  { key: 'restify', why: 'no queue: runs in the request' },
  { key: 'connect', why: 'no queue: runs in the request' },
  { key: 'router', why: 'no queue: runs in the request' },
  { key: 'nestjs-core', why: 'no queue: runs in the request' },
  { key: 'graphql', why: 'no queue: runs in the request' },
  { key: 'socket.io', why: 'no queue: an event is sent in the call' },
  { key: 'pino', why: 'log lines are made in the call' },
  { key: 'winston', why: 'log lines are made in the call' },
  { key: 'bunyan', why: 'log lines are made in the call' },
  { key: 'prom-client', why: 'exemplars are taken in the call' },
  { key: 'cucumber', why: 'one step at a time' },
  { key: 'kafkajs', why: 'batches have producers and consumers of their own: test/e2e/kafka-traces.test.ts' },
  {
    key: 'confluent-kafka',
    why: 'batches have producers and consumers of their own: test/real/kafka-clients.test.ts',
  },
  {
    key: 'node-rdkafka',
    why: 'batches have producers and consumers of their own: test/real/kafka-clients.test.ts',
  },
  {
    key: 'platformatic-kafka',
    why: 'batches have producers and consumers of their own: test/e2e/kafka-traces.test.ts',
  },
]
