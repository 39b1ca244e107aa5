// What tracing costs per message with the preload, as a share of what upstream's preload costs, in one run.
//   npm run build && node packages/kafka/bench/compare.mjs [scenario]
// Every number comes from a process of its own; the processes take turns, so that a busy machine is busy for all of
// them. Both preloads export to the same collector, which takes everything and keeps nothing.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const path = relative => fileURLToPath(new URL(relative, import.meta.url))
const worker = path('worker.mjs')
const upstream = createRequire(path('../../otel/package.json')).resolve(
  '@opentelemetry/auto-instrumentations-node/register',
)
const preloads = {
  none: [],
  preload: ['--require', process.env.BENCH_PRELOAD ?? path('../../otel/dist/register.cjs')],
  upstream: ['--require', upstream],
  import: [],
}
/** Share of upstream's cost. Upstream makes one span per message of a batch, and so does 500 times the work there. */
const targets = { send: 0.35, send100: 0.35, eachMessage: 0.35, eachBatch500: 0.05 }
const repeats = Number(process.env.BENCH_REPEATS ?? 3)
const only = process.argv[2]

const sink = createServer((request, response) => {
  request.resume()
  request.on('end', () => response.end())
})
sink.listen(0, '127.0.0.1')
await once(sink, 'listening')

async function measure(who, scenario) {
  const child = spawn(process.execPath, ['--expose-gc', ...preloads[who], worker, who, scenario], {
    env: {
      ...process.env,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${sink.address().port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_NODE_RESOURCE_DETECTORS: 'none',
      OTEL_SERVICE_NAME: 'bench',
      OTEL_LOG_LEVEL: 'error',
      OTEL_LOGS_EXPORTER: 'none',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let errors = ''
  child.stdout.on('data', chunk => (output += chunk))
  child.stderr.on('data', chunk => (errors += chunk))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${who} ${scenario} exited with ${code}: ${errors}`)
  return JSON.parse(output.trim().split('\n').at(-1))
}

let missed = 0
console.log('added to a message by   this preload     upstream     ratio   target   | this package with')
console.log(
  'scenario       none ns            ns           ns                     | upstream SDK, ns   heap growth',
)
for (const [scenario, target] of Object.entries(targets)) {
  if (only && only !== scenario) continue
  const best = Object.fromEntries(Object.keys(preloads).map(who => [who, Infinity]))
  let growth = Infinity
  for (let i = 0; i < repeats; i++) {
    for (const who of Object.keys(best)) {
      const result = await measure(who, scenario)
      best[who] = Math.min(best[who], result.nsPerMessage)
      if (who === 'preload') growth = Math.min(growth, result.heapGrowthBytes)
    }
  }
  const added = who => best[who] - best.none
  const ratio = added('preload') / added('upstream')
  if (ratio > target) missed++
  const cells = [
    [scenario, -14],
    [best.none.toFixed(0), 7],
    [added('preload').toFixed(0), 14],
    [added('upstream').toFixed(0), 13],
    [ratio.toFixed(3), 10],
    [String(target), 9],
    [added('import').toFixed(0), 18],
    [`${(growth / 1024).toFixed(0)} KB`, 16],
  ]
  console.log(cells.map(([text, width]) => (width < 0 ? text.padEnd(-width) : text.padStart(width))).join(''))
}
console.log(missed === 0 ? 'every target is met' : `${missed} targets are missed`)
sink.close()
