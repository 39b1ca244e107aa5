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
// One series, and 16 in turn, in label objects made anew.
const sets = Array.from({ length: 16 }, (_, i) => ({
  method: i & 1 ? 'GET' : 'POST',
  route: `/route/${i >> 1}`,
}))
const cases = { 'one series': () => sets[0], '16 series': i => ({ ...sets[i & 15] }) }
let pick = cases['one series']
const plain = new bare.Histogram(options)
const patched = new ours.Histogram(options)
const native = new own.Histogram({ ...options, enableExemplars: hasOwnMode })
const values = Array.from({ length: 1024 }, (_, i) => 0.001 * ((i * 7919) % 1024))

const variants = {
  without: n => {
    for (let i = 0; i < n; i++) plain.observe(pick(i), values[i & 1023])
  },
  ours: n => {
    for (let i = 0; i < n; i++) patched.observe(pick(i), values[i & 1023])
  },
  'prom-client exemplars': n => {
    for (let i = 0; i < n && hasOwnMode; i++) {
      const { traceId, spanId } = trace.getActiveSpan().spanContext()
      native.observe({
        labels: pick(i),
        value: values[i & 1023],
        exemplarLabels: { trace_id: traceId, span_id: spanId },
      })
    }
  },
}

const n = 50_000
const rounds = 40

function measure(name) {
  pick = cases[name]
  const times = Object.fromEntries(Object.keys(variants).map(variant => [variant, []]))
  for (const run of Object.values(variants)) run(4 * n)
  for (let round = 0; round < rounds; round++) {
    for (const [variant, run] of Object.entries(variants)) {
      const began = process.hrtime.bigint()
      run(n)
      times[variant].push(Number(process.hrtime.bigint() - began) / n)
    }
  }
  const [without, withUs, theirs] = Object.values(times)
  const added = withUs.map((time, i) => time - without[i])
  const addedByThem = theirs.map((time, i) => time - without[i])
  const ratios = added.map((time, i) => time / addedByThem[i])
  const shown = [`${name}: without ${median(without)} ns, added by us ${median(added)} ns`]
  if (hasOwnMode)
    shown.push(
      `by prom-client's own mode ${median(addedByThem)} ns: ratio ${quantile(ratios, 0.5).toFixed(2)} (quartiles ${quantile(ratios, 0.25).toFixed(2)}..${quantile(ratios, 0.75).toFixed(2)} of ${rounds} paired rounds)`,
    )
  console.log(shown.join(', '))
}

function quantile(list, share) {
  return list.toSorted((a, b) => a - b)[Math.floor(list.length * share)]
}

function median(list) {
  return quantile(list, 0.5).toFixed(0)
}

context.with(trace.setSpan(context.active(), tracer.startSpan('bench')), () => {
  for (const name of Object.keys(cases)) measure(name)
})
