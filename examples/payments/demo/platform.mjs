// The seven services: unmodified programs, started with one flag.
import { fileURLToPath } from 'node:url'
import { parseLogLine } from '@org/otel-devtools'
import { startService } from './service.mjs'

const keptLogs = 5000

/** In order of need: each is told the addresses of those before it. */
const services = [
  { name: 'accounts-ledger', tells: 'LEDGER_URL' },
  { name: 'fraud-detection', tells: 'FRAUD_URL' },
  { name: 'webhook-delivery', tells: 'WEBHOOK_DELIVERY_URL' },
  { name: 'payment-orchestrator', tells: 'ORCHESTRATOR_URL', after: ['LEDGER_URL', 'FRAUD_URL'] },
  { name: 'api-gateway', after: ['ORCHESTRATOR_URL'] },
  { name: 'notification', after: ['WEBHOOK_DELIVERY_URL'] },
  { name: 'reconciliation', after: ['WEBHOOK_DELIVERY_URL'] },
]

/**
 * Starts them all. `logs` collects what they write to stdout, as log records, and `onLog` gets each of them;
 * `service(name)` finds one.
 * Rejects when one does not come up.
 */
export async function startPlatform({ register, env, say, onLog }) {
  const logs = []
  const started = new Map()
  const shared = {
    ...env,
    PORT: '0',
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --require ${JSON.stringify(register)}`.trim(),
    // So that the story can be told at once; in production the defaults are right.
    OTEL_BSP_SCHEDULE_DELAY: '200',
    OTEL_METRIC_EXPORT_INTERVAL: '2000',
    OTEL_METRIC_EXPORT_TIMEOUT: '2000',
  }
  const told = {}
  const waiting = new Map()
  const start = async ({ name, tells, after = [] }) => {
    await Promise.all(after.map(variable => waiting.get(variable)))
    const file = fileURLToPath(new URL(`../services/${name}/index.js`, import.meta.url))
    const onLine = line => {
      const record = parseLogLine(line, name)
      if (record === undefined) return
      logs.push(record)
      if (logs.length > keptLogs) logs.shift()
      onLog(record)
    }
    const service = await startService({ name, file, env: { ...shared, ...told }, onLine })
    if (tells !== undefined) told[tells] = service.url
    started.set(name, service)
    say(`${name} is up${service.url === undefined ? '' : `, on ${service.url}`}`)
  }
  const all = services.map(each => {
    const promise = start(each)
    if (each.tells !== undefined) waiting.set(each.tells, promise)
    return promise
  })
  const results = await Promise.allSettled(all)
  const stop = () => Promise.all([...started.values()].map(async each => [each.name, await each.stop()]))
  const failed = results.find(result => result.status === 'rejected')
  if (failed !== undefined) {
    await stop()
    throw failed.reason
  }
  return { logs, names: services.map(each => each.name), service: name => started.get(name), stop }
}
