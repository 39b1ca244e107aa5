// What exemplars cost per record() of the metrics SDK. By hand: node --conditions=@org/source bench/record.mjs
// Two copies of the SDK in one process, one of them patched; paired rounds, medians.
import { createRequire } from 'node:module'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { patchSdkMetrics } from '../src/sdk-metrics.ts'

const require = createRequire(import.meta.url)
const load = () => {
  for (const key of Object.keys(require.cache)) if (key.includes('sdk-metrics')) delete require.cache[key]
  return require('@opentelemetry/sdk-metrics')
}
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
const span = new TracerProvider().getTracer('bench').startSpan('bench')

const open = sdk => {
  class Reader extends sdk.MetricReader {
    async onForceFlush() {}
    async onShutdown() {}
  }
  const reader = new Reader()
  const advice = {
    explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  }
  const histogram = new sdk.MeterProvider({ readers: [reader] })
    .getMeter('bench')
    .createHistogram('h', { advice })
  return { histogram, reader }
}
const upstream = open(load())
const patchedSdk = load()
const reason = patchSdkMetrics(patchedSdk)
if (reason !== undefined) throw new Error(reason)
const ours = open(patchedSdk)

const attributes = {
  'http.request.method': 'GET',
  'http.route': '/users/:id',
  'http.response.status_code': 200,
  'url.scheme': 'http',
  'network.protocol.version': '1.1',
}
const values = Array.from({ length: 1024 }, (_, i) => 0.01 * ((i * 7919) % 1024))
const run = ({ histogram }, n) => {
  for (let i = 0; i < n; i++) histogram.record(values[i & 1023], attributes)
}
const n = 200_000
const times = { upstream: [], ours: [] }
await context.with(trace.setSpan(context.active(), span), async () => {
  run(upstream, n)
  run(ours, n)
  for (let round = 0; round < 25; round++) {
    for (const [name, one] of Object.entries({ upstream, ours })) {
      const began = process.hrtime.bigint()
      run(one, n)
      times[name].push(Number(process.hrtime.bigint() - began) / n)
      await one.reader.collect()
    }
  }
})
const median = list => list.toSorted((a, b) => a - b)[list.length >> 1]
for (const [name, list] of Object.entries(times)) {
  const sorted = list.toSorted((a, b) => a - b)
  console.log(
    `${name.padEnd(10)} ${median(list).toFixed(0)} ns  (${sorted[0].toFixed(0)}..${sorted.at(-1).toFixed(0)})`,
  )
}
const ratios = times.ours.map((ours, i) => ours / times.upstream[i])
console.log(`ratio ${median(ratios).toFixed(3)} (median of ${ratios.length} paired rounds)`)
