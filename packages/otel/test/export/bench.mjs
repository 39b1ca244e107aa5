// By hand: node packages/otel/test/export/bench.mjs
// Encoder alone; then a span from end() to compressed request bytes, against upstream's batch processor and serializer.
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace'
import { buildSync } from 'esbuild'

const root = new URL('../..', import.meta.url).pathname
const directory = mkdtempSync(join(tmpdir(), 'bench-'))
const outfile = join(directory, 'export.cjs')
buildSync({
  stdin: {
    contents: `
      export { encodeSpan } from './src/export/span-encoder.ts'
      export { ProtoWriter } from './src/export/protobuf.ts'
      export { Batcher } from './src/export/batcher.ts'
      export { encodeResource } from './src/export/resource-encoder.ts'
      export { endedSpan, httpAttributes } from './test/export/samples.ts'`,
    resolveDir: root,
    loader: 'ts',
  },
  outfile,
  bundle: true,
  platform: 'node',
  format: 'cjs',
})
const { encodeSpan, ProtoWriter, Batcher, encodeResource, endedSpan, httpAttributes } = createRequire(
  import.meta.url,
)(outfile)
rmSync(directory, { recursive: true })

const resourceAttributes = {
  'service.name': 'shop',
  'service.version': '1.2.3',
  'host.name': 'h',
  'process.pid': 1,
}
const total = 200_000
const variety = 1000

/** Keeps results observable. */
let sink = 0

/** Median nanoseconds per span of several rounds. */
function measure(name, round) {
  const times = []
  for (let i = 0; i < 7; i++) {
    globalThis.gc?.()
    const began = process.hrtime.bigint()
    const spans = round()
    times.push(Number(process.hrtime.bigint() - began) / spans)
  }
  times.sort((a, b) => a - b)
  const median = times[3]
  console.log(
    `${name.padEnd(62)} ${median.toFixed(0).padStart(6)} ns  ${(1e9 / median / 1e6).toFixed(2)} M spans/s  (${times[0].toFixed(0)}..${times[6].toFixed(0)})`,
  )
  return median
}

// Values differ from span to span, as they do in a service: nothing can be cached that would not be in real life.
const spans = Array.from({ length: variety }, (_, i) => {
  const attributes = [...httpAttributes]
  attributes[5] = `/users/${i * 7919}/orders`
  attributes[11] = `10.12.${i % 256}.${(i * 7) % 256}`
  return endedSpan({
    attributes,
    t0: i * 7919,
    s0: i * 104729,
    startMs: 1.763e12 + i * 3.25,
    endMs: 1.763e12 + i * 3.25 + 7.5,
  })
})
const prefixed = spans.map(s => ({
  ...s,
  attributes: [4, 5, 10, 11, 14, 15, 16, 17, 18, 19].map(i => s.attributes[i]),
  common: {
    attributes: [0, 2, 6, 8, 12].flatMap(i => [s.attributes[i], s.attributes[i + 1]]),
    encoded: null,
  },
}))

const resource = resourceFromAttributes(resourceAttributes)
const readable = spans.map(s => {
  const hex = (...w) => w.map(x => (x >>> 0).toString(16).padStart(8, '0')).join('')
  const spanContext = { traceId: hex(s.t0, s.t1, s.t2, s.t3), spanId: hex(s.s0, s.s1), traceFlags: 1 }
  const time = ms => [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)]
  const attributes = {}
  for (let i = 0; i < s.attributes.length; i += 2) attributes[s.attributes[i]] = s.attributes[i + 1]
  return {
    name: s.name,
    kind: s.kind,
    spanContext: () => spanContext,
    startTime: time(s.startMs),
    endTime: time(s.endMs),
    status: { code: 0 },
    attributes,
    links: [],
    events: [],
    duration: [0, 0],
    ended: true,
    resource,
    instrumentationScope: spans[0].scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
})

function encodeAll(list) {
  const w = new ProtoWriter(1 << 20)
  for (let i = 0; i < total; i++) {
    if (i % 512 === 0) w.pos = 0
    encodeSpan(w, list[i % variety])
  }
  return total
}

function ours(compress) {
  let bytes = 0
  const batcher = new Batcher({
    encode: encodeSpan,
    limits: { maxExportBatchSize: 512, maxQueueSize: 2048, scheduleDelayMs: 60_000 },
    resource: (() => {
      const encoded = encodeResource({ attributes: resourceAttributes })
      return () => encoded
    })(),
    ledgers: [{ created: 0, dropped: { encoding: 0 } }],
    handOver(request) {
      bytes += compress ? gzipSync(request.bytes, { level: 1 }).length : request.bytes.length
    },
  })
  for (let i = 0; i < total; i++) batcher.add(spans[i % variety])
  batcher.flush()
  sink += bytes
  return total
}

// Upstream's processor hands over asynchronously; what it costs is the same when driven by forceFlush per batch.
async function upstream(compress) {
  let bytes = 0
  const exporter = {
    export(batch, done) {
      const request = ProtobufTraceSerializer.serializeRequest(batch)
      bytes += compress ? gzipSync(request, { level: 6 }).length : request.length
      done({ code: 0 })
    },
    shutdown: async () => {},
    forceFlush: async () => {},
  }
  const processor = new BatchSpanProcessor({ exporter, scheduledDelayMillis: 60_000, maxQueueSize: 2048 })
  const n = total / 4
  for (let i = 0; i < n; i++) {
    processor.onEnd(readable[i % variety])
    if (i % 512 === 511) await processor.forceFlush()
  }
  await processor.shutdown()
  sink += bytes
  return n
}

async function measureAsync(name, round) {
  const times = []
  for (let i = 0; i < 5; i++) {
    const began = process.hrtime.bigint()
    const n = await round()
    times.push(Number(process.hrtime.bigint() - began) / n)
  }
  times.sort((a, b) => a - b)
  console.log(
    `${name.padEnd(62)} ${times[2].toFixed(0).padStart(6)} ns  ${(1e3 / times[2]).toFixed(2)} M spans/s  (${times[0].toFixed(0)}..${times[4].toFixed(0)})`,
  )
  return times[2]
}

console.log(`node ${process.version}`)
measure('encoder alone, 10 attributes', () => encodeAll(spans))
measure('encoder alone, 5 of them already encoded', () => encodeAll(prefixed))
measure("upstream's serializer alone", () => {
  for (let i = 0; i < 100; i++) ProtobufTraceSerializer.serializeRequest(readable.slice(0, 512))
  return 51_200
})
const a = measure('end() to request bytes', () => ours(false))
const b = measure('end() to gzipped request bytes (level 1)', () => ours(true))
const c = await measureAsync("upstream's processor and serializer to request bytes", () => upstream(false))
const d = await measureAsync("upstream's processor and serializer, gzipped (its level 6)", () =>
  upstream(true),
)
if (sink === 0) throw new Error('nothing was written')
console.log(`ratio without compression ${(c / a).toFixed(1)}, with ${(d / b).toFixed(1)}`)
