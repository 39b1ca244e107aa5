// What an exemplar costs per observation. By hand: node --conditions=@org/source bench/observe.mjs [prom-client]
// Three variants in one process, in paired rounds: without us, with us (inside a sampled span), and
// prom-client's own exemplar mode fed with the same two labels.
import { createRequire } from 'node:module'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { patchPromClient } from '../src/prom-client.ts'

const library = process.argv[2] ?? 'prom-client'
const require = createRequire(import.meta.url)
const load = () => {
  for (const key of Object.keys(require.cache)) delete require.cache[key]
  return require(library)
}
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
const tracer = new TracerProvider().getTracer('bench')

const hasOwnMode = library !== 'prom-client-14'
const bare = load()
const own = load()
const ours = load()
patchPromClient(ours)
const options = { name: 'h', help: 'h', labelNames: ['method', 'route'], registers: [] }
const labels = { method: 'GET', route: '/users/:id' }
const plain = new bare.Histogram(options)
const patched = new ours.Histogram(options)
const native = new own.Histogram({ ...options, enableExemplars: hasOwnMode })
const values = Array.from({ length: 1024 }, (_, i) => 0.001 * ((i * 7919) % 1024))

const variants = {
  without: n => {
    for (let i = 0; i < n; i++) plain.observe(labels, values[i & 1023])
  },
  ours: n => {
    for (let i = 0; i < n; i++) patched.observe(labels, values[i & 1023])
  },
  'prom-client exemplars': n => {
    for (let i = 0; i < n && hasOwnMode; i++) {
      const { traceId, spanId } = trace.getActiveSpan().spanContext()
      native.observe({
        labels,
        value: values[i & 1023],
        exemplarLabels: { trace_id: traceId, span_id: spanId },
      })
    }
  },
}

const n = 200_000
const rounds = 15
const times = Object.fromEntries(Object.keys(variants).map(name => [name, []]))
context.with(trace.setSpan(context.active(), tracer.startSpan('bench')), () => {
  for (const run of Object.values(variants)) run(n)
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(variants)) {
      const began = process.hrtime.bigint()
      run(n)
      times[name].push(Number(process.hrtime.bigint() - began) / n)
    }
  }
})
const median = list => list.toSorted((a, b) => a - b)[list.length >> 1]
for (const [name, list] of Object.entries(times)) {
  const sorted = list.toSorted((a, b) => a - b)
  console.log(
    `${name.padEnd(24)} ${median(list).toFixed(0)} ns  (${sorted[0].toFixed(0)}..${sorted.at(-1).toFixed(0)})`,
  )
}
const [without, withUs, theirs] = Object.values(times)
const added = median(withUs.map((time, i) => time - without[i]))
const addedByThem = median(theirs.map((time, i) => time - without[i]))
console.log(`added by us: ${added.toFixed(0)} ns (medians of ${rounds} paired rounds)`)
if (hasOwnMode) {
  console.log(
    `added by prom-client's own mode: ${addedByThem.toFixed(0)} ns; ratio ${(added / addedByThem).toFixed(2)}`,
  )
}
