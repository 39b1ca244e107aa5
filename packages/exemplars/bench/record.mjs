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

// One series, and 64 in turn: routes by status, as a server has them, in objects made anew for each measurement.
const one = {
  'http.request.method': 'GET',
  'http.route': '/users/:id',
  'http.response.status_code': 200,
  'url.scheme': 'http',
  'network.protocol.version': '1.1',
}
const many = Array.from({ length: 64 }, (_, i) => ({
  ...one,
  'http.route': `/route/${i % 16}`,
  'http.response.status_code': 200 + (i >> 4),
}))
const values = Array.from({ length: 1024 }, (_, i) => 0.01 * ((i * 7919) % 1024))
const cases = {
  'one series': ({ histogram }, n) => {
    for (let i = 0; i < n; i++) histogram.record(values[i & 1023], one)
  },
  '64 series': ({ histogram }, n) => {
    for (let i = 0; i < n; i++) histogram.record(values[i & 1023], { ...many[i & 63] })
  },
}
const n = 50_000
const rounds = 40
for (const [name, run] of Object.entries(cases)) {
  const times = { upstream: [], ours: [] }
  await context.with(trace.setSpan(context.active(), span), async () => {
    run(upstream, 4 * n)
    run(ours, 4 * n)
    for (let round = 0; round < rounds; round++) {
      for (const [variant, it] of Object.entries({ upstream, ours })) {
        const began = process.hrtime.bigint()
        run(it, n)
        times[variant].push(Number(process.hrtime.bigint() - began) / n)
        await it.reader.collect()
      }
    }
  })
  const ratios = times.ours.map((time, i) => time / times.upstream[i])
  console.log(
    `${name.padEnd(10)}  upstream ${quantile(times.upstream, 0.5).toFixed(0)} ns, ours ${quantile(times.ours, 0.5).toFixed(0)} ns; ratio ${quantile(ratios, 0.5).toFixed(2)} (quartiles ${quantile(ratios, 0.25).toFixed(2)}..${quantile(ratios, 0.75).toFixed(2)} of ${rounds} paired rounds)`,
  )
}

function quantile(list, share) {
  return list.toSorted((a, b) => a - b)[Math.floor(list.length * share)]
}
