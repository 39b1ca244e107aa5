// The whole story against one broker: two orders, billed in one batch. Prints the trace of the batch and that of the
// first order.
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
function start(service, file) {
  // kafkajs 2.2 asks for a timer in the past while it connects, which recent versions of Node remark on.
  const args = ['--disable-warning=TimeoutNegativeWarning', '--require', register]
  return spawn(process.execPath, [...args, fileURLToPath(new URL(file, import.meta.url))], {
    env: {
      ...process.env,
      KAFKA_BROKERS: address,
      KAFKAJS_NO_PARTITIONER_WARNING: '1',
      OTEL_SERVICE_NAME: service,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

const admin = new Kafka({ brokers: address.split(','), logLevel: logLevel.NOTHING }).admin()
await admin.connect()
await admin.createTopics({ topics: ['orders', 'invoices'].map(topic => ({ topic, numPartitions: 1 })) })
await admin.disconnect()

// Both orders are there before anybody asks for them: that makes them one batch.
await once(start('shop', 'shop.mjs'), 'exit')
const billing = start('billing', 'billing.mjs')
for await (const line of billing.stdout) if (String(line).includes('billed')) break
billing.kill('SIGTERM')
if (billing.exitCode === null) await once(billing, 'exit')

const batch = receiver.store.traces().find(({ spans }) => spans.every(span => span.name === 'process orders'))
console.log(renderTrace(batch, { width: 110, linked: findLinked(receiver.store, batch) }))
await broker?.stop()
await receiver.close()
