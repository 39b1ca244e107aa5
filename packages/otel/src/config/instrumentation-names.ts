// The names people may write in OTEL_NODE_ENABLED_INSTRUMENTATIONS and friends: those of upstream's metapackage (a test
// compares the list with the installed one) and ours. What they stand for is the loader's business.

export const upstreamInstrumentations = [
  'amqplib',
  'aws-lambda',
  'aws-sdk',
  'bunyan',
  'cassandra-driver',
  'connect',
  'cucumber',
  'dataloader',
  'dns',
  'express',
  'fs',
  'generic-pool',
  'graphql',
  'grpc',
  'hapi',
  'host-metrics',
  'http',
  'ioredis',
  'kafkajs',
  'knex',
  'koa',
  'lru-memoizer',
  'memcached',
  'mongodb',
  'mongoose',
  'mysql2',
  'mysql',
  'nestjs-core',
  'net',
  'openai',
  'oracledb',
  'pg',
  'pino',
  'redis',
  'restify',
  'router',
  'runtime-node',
  'socket.io',
  'tedious',
  'undici',
  'winston',
] as const

export const ourInstrumentations = [
  'fastify',
  'confluent-kafka',
  'node-rdkafka',
  'platformatic-kafka',
  'prom-client',
  'console',
] as const

/** What people write for the same thing: package names and older names. */
export const instrumentationAliases: Readonly<Record<string, string>> = {
  '@confluentinc/kafka-javascript': 'confluent-kafka',
  'confluent-kafka-javascript': 'confluent-kafka',
  '@platformatic/kafka': 'platformatic-kafka',
  rdkafka: 'node-rdkafka',
  nestjs: 'nestjs-core',
  postgres: 'pg',
  'socket-io': 'socket.io',
  fetch: 'undici',
  https: 'http',
  'redis-4': 'redis',
}

export const instrumentationNames: readonly string[] = [...upstreamInstrumentations, ...ourInstrumentations]
