// What tracing costs per message with the preload, export included, as a share of what upstream's preload costs.
// Every number comes from a process of its own; the processes take turns, so that a busy machine is busy for all of
// them. Both preloads export to the same collector, which takes everything and keeps nothing.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const path = relative => fileURLToPath(new URL(relative, import.meta.url))
const worker = path('worker.mjs')
const upstream = createRequire(path('../../otel/package.json')).resolve(
  '@opentelemetry/auto-instrumentations-node/register',
)

/**
 * `aim`: share of upstream's cost. Upstream makes one span per message of a batch, and so does 500 times the work there.
 * `longer`: with fewer messages what is measured is the compiler; consumers run for days.
 */
const scenarios = {
  send: { says: 'send, 1 message', aim: 0.35, longer: 2 },
  send100: { says: 'send, 100 messages in a call', aim: 0.35, longer: 2 },
  eachMessage: { says: 'eachMessage', aim: 0.35, longer: 4 },
  eachBatch500: { says: 'eachBatch, 500 messages', aim: 0.05, longer: 4 },
}
/** What must be left of a message on the heap is nothing; the smallest object takes 12 bytes. */
const keptBytes = 10
/** After this many messages the heap is looked at. */
const heapMessages = 50_000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    messages: { type: 'string', default: '100000' },
    import: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const unknown = positionals.find(name => !Object.hasOwn(scenarios, name))
if (values.help || unknown !== undefined) {
  console.log(`npm run build && node packages/kafka/bench/compare.mjs [scenario...]

  scenarios         ${Object.keys(scenarios).join(', ')}; all by default
  --rounds n        each round measures everything once (5)
  --messages n      per process, after a quarter of them to warm up (100000; more for calls with many)
  --import          also this package imported, with upstream's SDK and nothing exported
  BENCH_PRELOAD     another preload than packages/otel/dist/register.cjs

Exits with 1 when an aim is missed.`)
  process.exit(unknown === undefined ? 0 : 2)
}
const preloads = {
  none: [],
  upstream: ['--require', upstream],
  preload: ['--require', process.env.BENCH_PRELOAD ?? path('../../otel/dist/register.cjs')],
  ...(values.import && { import: [] }),
}

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
      BENCH_MESSAGES: String(Number(values.messages) * scenarios[scenario].longer),
      BENCH_HEAP_MESSAGES: String(heapMessages),
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

function quantile(list, share) {
  const sorted = list.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  return low + (high - low) * (at - Math.floor(at))
}
const median = list => quantile(list, 0.5)

/** One scenario as cells, from `{ who: results by round }`. */
function renderRow({ says, aim }, by) {
  const added = who => by[who].map(({ nsPerMessage }, round) => nsPerMessage - by.none[round].nsPerMessage)
  const shares = added('preload').map((ns, round) => ns / added('upstream')[round])
  // The round that kept least: what one of them did not keep, no message needs.
  const heap = by.preload.toSorted((a, b) => a.heapAfter - a.heapBefore - (b.heapAfter - b.heapBefore))[0]
  const mb = bytes => (bytes / 2 ** 20).toFixed(2)
  const isFlat = heap.heapAfter - heap.heapBefore <= keptBytes * heap.heapMessages
  const isReached = median(shares) <= aim
  if (!isReached || !isFlat) missed++
  return [
    says,
    median(by.none.map(result => result.nsPerMessage)).toFixed(0),
    median(added('upstream')).toFixed(0),
    median(added('preload')).toFixed(0),
    ...(values.import ? [median(added('import')).toFixed(0)] : []),
    median(shares).toFixed(3),
    `${quantile(shares, 0.25).toFixed(3)} to ${quantile(shares, 0.75).toFixed(3)}`,
    `at most ${aim}`,
    isReached ? 'yes' : 'no',
    `${mb(heap.heapBefore)}, ${mb(heap.heapAfter)}`,
    isFlat ? 'yes' : 'no',
  ]
}

function renderTable(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map(row => row[i].length)))
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  const pad = (cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))
  return [rows[0], rule, ...rows.slice(1)].map(row => `| ${row.map(pad).join(' | ')} |`).join('\n')
}

let missed = 0
const head = ['kafkajs, CPU ns per message', 'bare', 'upstream adds', 'ours adds']
if (values.import) head.push('import adds')
const counted = heapMessages.toLocaleString('en')
head.push('share', 'quartiles', 'aim', 'reached', `heap MB, at 0 and ${counted} messages`, 'flat')
const rows = [head]
for (const [name, scenario] of Object.entries(scenarios)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  const by = Object.fromEntries(Object.keys(preloads).map(who => [who, []]))
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const who of Object.keys(by)) by[who].push(await measure(who, name))
  }
  rows.push(renderRow(scenario, by))
}
console.log(renderTable(rows))
sink.close()
process.exitCode = missed === 0 ? 0 : 1
