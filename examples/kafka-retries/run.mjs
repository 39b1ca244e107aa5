// The whole story against one broker: an order that fails three times and lands in the dead-letter topic, and its
// replay once the reason is gone. Prints the traces.
//
//   node run.mjs                 with a broker and a receiver of its own
//   KAFKA_BROKERS=host:9092 node run.mjs
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { findLinked, renderTrace, startReceiver } from '@org/otel-devtools'
import { startKafkaBroker } from '@org/otel-devtools/kafka-broker'
import { Kafka, logLevel } from 'kafkajs'

const register = createRequire(import.meta.url).resolve('@org/otel/register')
const receiver = await startReceiver()
const broker = process.env.KAFKA_BROKERS ? undefined : await startKafkaBroker({ partitions: 1 })
const address = process.env.KAFKA_BROKERS ?? broker.address

/** Starts one of the programs under the preload, as a service of that name. */
function start(service, file, env = {}) {
  // kafkajs 2.2 asks for a timer in the past while it connects, which recent versions of Node remark on.
  const args = ['--disable-warning=TimeoutNegativeWarning', '--require', register]
  const child = spawn(process.execPath, [...args, fileURLToPath(new URL(file, import.meta.url))], {
    env: {
      ...process.env,
      KAFKA_BROKERS: address,
      KAFKAJS_NO_PARTITIONER_WARNING: '1',
      OTEL_SERVICE_NAME: service,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_LOG_LEVEL: 'error',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child.stdout.setEncoding('utf8')
  return child
}

/** Resolves when the program says it. */
async function says(child, text) {
  let output = ''
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    output += chunk
    if (output.includes(text)) return
  }
  throw new Error(`expected "${text}", got "${output}"`)
}

async function ends(child, signal) {
  if (signal) child.kill(signal)
  if (child.exitCode === null) await once(child, 'exit')
}

const admin = new Kafka({ brokers: address.split(','), logLevel: logLevel.NOTHING }).admin()
await admin.connect()
await admin.createTopics({
  topics: ['orders', 'orders.retry', 'orders.dead-letter'].map(topic => ({ topic, numPartitions: 1 })),
})
await admin.disconnect()

const failing = start('processor', 'processor.mjs')
await says(failing, 'ready')
await ends(start('shop', 'shop.mjs'))
await says(failing, 'dead letter')
await ends(failing, 'SIGTERM')

// Days later.
const repaired = start('processor', 'processor.mjs', { TERMINAL: 'up' })
await says(repaired, 'ready')
await ends(start('replay', 'replay.mjs'))
await says(repaired, 'charged')
await ends(repaired, 'SIGTERM')

const traces = receiver.store.traces().sort((a, b) => a.startMs - b.startMs)
const replay = traces.find(trace => trace.services.includes('replay'))
console.log(renderTrace(replay, { width: 110, linked: findLinked(receiver.store, replay) }))
await broker?.stop()
await receiver.close()
