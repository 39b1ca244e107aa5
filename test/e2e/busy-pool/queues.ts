// Rows that are no databases: HTTP, RPC, brokers, caches and pools.
import type { Row, Untried } from './row.ts'

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
