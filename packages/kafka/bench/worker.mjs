// One measurement in one process: kafkajs as it is but for the network. What traces it was loaded before this file,
// by --require; `import` stands for this package with upstream's SDK, the way an application without the preload has it.
//   node bench/worker.mjs <none|preload|upstream|import> <scenario>   prints one line of JSON
import { createRequire } from 'node:module'
import { context, metrics, propagation, trace } from '@opentelemetry/api'

const [who, scenario] = process.argv.slice(2)
const require = createRequire(import.meta.url)
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
if (who === 'import') await startUpstreamSdk()

// A meter provider that takes histograms over, where the preload's does not do it yet.
if (process.env.BENCH_SINK === '1' && who === 'preload')
  metrics.getMeterProvider().addHistogramSource ??= () => {}

async function startUpstreamSdk() {
  const { AsyncLocalStorageContextManager } = await import('@opentelemetry/context-async-hooks')
  const core = await import('@opentelemetry/core')
  const { MeterProvider, MetricReader } = await import('@opentelemetry/sdk-metrics')
  const { TracerProvider } = await import('@opentelemetry/sdk-trace')
  class ManualReader extends MetricReader {
    onForceFlush() {
      return Promise.resolve()
    }
    onShutdown() {
      return Promise.resolve()
    }
  }
  const discard = { onStart() {}, onEnd() {}, forceFlush: async () => {}, shutdown: async () => {} }
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [discard] }))
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [new ManualReader()] }))
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const propagators = [new core.W3CTraceContextPropagator(), new core.W3CBaggagePropagator()]
  propagation.setGlobalPropagator(new core.CompositePropagator({ propagators }))
}

// The network of kafkajs: one broker that is always there and acknowledges everything at once.
const Cluster = require('kafkajs/src/cluster/index.js')
const acknowledge = ({ topicData }) =>
  Promise.resolve({
    topics: topicData.map(({ topic }) => ({
      topicName: topic,
      partitions: [{ partition: 0, errorCode: 0, baseOffset: '0', logAppendTime: '-1' }],
    })),
  })
const broker = { isConnected: () => true, produce: acknowledge }
Object.assign(Cluster.prototype, {
  connect: async () => {},
  isConnected: () => true,
  addMultipleTargetTopics: async () => {},
  addTargetTopic: async () => {},
  refreshMetadata: async () => {},
  refreshMetadataIfNecessary: async () => {},
  findTopicPartitionMetadata: () => [{ partitionId: 0, leader: 1 }],
  findLeaderForPartitions: () => ({ 1: [0] }),
  findBroker: async () => broker,
})
let handlers
const runner = require.resolve('kafkajs/src/consumer/runner.js')
require.cache[runner] = {
  id: runner,
  filename: runner,
  loaded: true,
  exports: class {
    constructor(options) {
      handlers = options
    }
    async start() {}
  },
}

const { Kafka, logLevel } = require('kafkajs')
let kafka = new Kafka({ clientId: 'bench', brokers: ['127.0.0.1:1'], logLevel: logLevel.NOTHING })
if (who === 'import') kafka = require('../dist/index.cjs').instrumentKafka(kafka)

const traceparent = i => Buffer.from(`00-${'a'.repeat(32)}-${(i + 1).toString(16).padStart(16, '0')}-01`)
const message = i => ({
  key: Buffer.from('key'),
  value: Buffer.from('value'),
  headers: { traceparent: traceparent(i), 'content-type': Buffer.from('application/json') },
  offset: String(i),
  timestamp: String(Date.now()),
})

/** Each gives a function that handles `perCall` messages. */
const scenarios = {
  async send() {
    const producer = kafka.producer()
    await producer.connect()
    return { perCall: 1, call: () => producer.send({ topic: 't', messages: [{ key: 'k', value: 'v' }] }) }
  },
  async send100() {
    const producer = kafka.producer()
    await producer.connect()
    return {
      perCall: 100,
      call: () =>
        producer.send({
          topic: 't',
          messages: Array.from({ length: 100 }, () => ({ key: 'k', value: 'v' })),
        }),
    }
  },
  async eachMessage() {
    const consumer = kafka.consumer({ groupId: 'g' })
    await consumer.run({ eachMessage: async () => {} })
    const messages = Array.from({ length: 1000 }, (_, i) => message(i))
    const heartbeat = async () => {}
    let next = 0
    return {
      perCall: 1,
      call: () =>
        handlers.eachMessage({
          topic: 't',
          partition: 0,
          message: messages[next++ % 1000],
          heartbeat,
          pause() {},
        }),
    }
  },
  async eachBatch500() {
    const consumer = kafka.consumer({ groupId: 'g' })
    await consumer.run({ eachBatch: async () => {} })
    const messages = Array.from({ length: 500 }, (_, i) => message(i))
    return {
      perCall: 500,
      call: () =>
        handlers.eachBatch({ batch: { topic: 't', partition: 0, messages }, heartbeat: async () => {} }),
    }
  },
}

const { perCall, call } = await scenarios[scenario]()
const isSend = scenario.startsWith('send')
// A burst that fits into the queue of every exporter: what is measured is the message, not who drops what.
const callsPerBurst = Math.max(1, Math.floor(1000 / perCall))
const bursts = Math.ceil(Number(process.env.BENCH_MESSAGES ?? 100_000) / (callsPerBurst * perCall))

/** Senders send in a request, as most do; consumers start from nothing. */
async function burst() {
  const run = async () => {
    for (let i = 0; i < callsPerBurst; i++) await call()
  }
  if (isSend)
    await trace.getTracer('bench').startActiveSpan('request', span => run().finally(() => span.end()))
  else await run()
  // Exporters work now.
  await new Promise(resolve => setTimeout(resolve, 8))
}

async function repeat(times) {
  for (let i = 0; i < times; i++) await burst()
  // What was handed to an exporter is still on its way.
  await new Promise(resolve => setTimeout(resolve, 100))
}

function readHeap() {
  for (let i = 0; i < 2; i++) globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

await repeat(bursts / 4)
const perBurst = callsPerBurst * perCall
const burstsToHeap = Math.ceil(Number(process.env.BENCH_HEAP_MESSAGES ?? 50_000) / perBurst)
const heapBefore = readHeap()
await repeat(burstsToHeap)
const heapAfter = readHeap()

// Processor time, not duration: one exporter encodes when a span ends, another when a batch leaves, and both are paid for.
const before = process.cpuUsage()
await repeat(bursts)
const { user, system } = process.cpuUsage(before)
const nsPerMessage = ((user + system) * 1000) / (bursts * perBurst)
const result = { who, scenario, nsPerMessage, heapBefore, heapAfter, heapMessages: burstsToHeap * perBurst }
process.stdout.write(`${JSON.stringify(result)}\n`)
process.exit(0)
