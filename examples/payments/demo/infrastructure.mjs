// What the services need around them: the real things when the environment names them, small embedded ones otherwise.
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { startReceiver } from '@org/otel-devtools'
import { startKafkaBroker } from '@org/otel-devtools/kafka-broker'
import { startService } from './service.mjs'

/**
 * Starts what is missing. `env`: what the services are told. `receiver`: where the traces can be looked at; undefined
 * when they go to OTEL_EXPORTER_OTLP_ENDPOINT and no DEMO_RECEIVER_PORT says where that sends a copy.
 * Rejects when one does not start; those that did are stopped before.
 */
export async function startInfrastructure(say) {
  const { DATABASE_URL, KAFKA_BROKERS, OTEL_EXPORTER_OTLP_ENDPOINT, DEMO_RECEIVER_PORT } = process.env
  const env = {}

  const results = await Promise.allSettled([
    DATABASE_URL
      ? undefined
      : startService({
          name: 'database',
          file: fileURLToPath(new URL('database.mjs', import.meta.url)),
          env: { NODE_OPTIONS: '' },
        }),
    KAFKA_BROKERS ? undefined : startKafkaBroker(),
    OTEL_EXPORTER_OTLP_ENDPOINT && !DEMO_RECEIVER_PORT
      ? undefined
      : startReceiver({ port: Number(DEMO_RECEIVER_PORT || 0) }),
    startMerchant(),
  ])
  const [database, broker, receiver, merchant] = results.map(result => result.value)
  const stop = async () => {
    await database?.stop()
    await broker?.stop()
    await receiver?.close()
    merchant?.close()
  }
  const failed = results.find(result => result.status === 'rejected')
  if (failed !== undefined) {
    await stop()
    throw failed.reason
  }
  env.DATABASE_URL = DATABASE_URL || `postgres://postgres@127.0.0.1:${database.port}/postgres`
  env.KAFKA_BROKERS = KAFKA_BROKERS || broker.address
  env.OTEL_EXPORTER_OTLP_ENDPOINT = OTEL_EXPORTER_OTLP_ENDPOINT || receiver.url
  env.MERCHANT_URL = merchant.url

  say(`PostgreSQL: ${DATABASE_URL ? 'yours (DATABASE_URL)' : 'embedded (PGlite)'}`)
  say(`Kafka: ${KAFKA_BROKERS ? 'yours (KAFKA_BROKERS)' : `embedded, on ${broker.address}`}`)
  const target = OTEL_EXPORTER_OTLP_ENDPOINT
    ? 'yours (OTEL_EXPORTER_OTLP_ENDPOINT)'
    : `embedded, on ${receiver.url}`
  say(`OpenTelemetry receiver: ${target}`)
  return { env, receiver, stop }
}

/** Somebody else's server: not instrumented, and it fails the first webhook of every payment of one merchant. */
async function startMerchant() {
  const failed = new Set()
  const server = createServer((request, response) => {
    const chunks = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const { payment, merchant } = JSON.parse(Buffer.concat(chunks).toString())
      const unreliable = merchant === 'flaky-shop' && !failed.has(payment)
      if (unreliable) failed.add(payment)
      response.writeHead(unreliable ? 503 : 200).end()
    })
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
