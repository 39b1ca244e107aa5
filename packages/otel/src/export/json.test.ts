import { JsonMetricsSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { decode } from '../../test/export/otlp.ts'
import { Random } from '../../test/export/random.ts'
import { seeded } from '../../test/export/samples.ts'
import { transcode } from './json.ts'
import { encodeMetrics } from './metric-encoder.ts'
import { ProtoWriter } from './protobuf.ts'
import { encodeScope, frameRequest } from './request.ts'
import { encodeResource } from './resource-encoder.ts'
import { encodeSpan } from './span-encoder.ts'

const encodedScope = encodeScope({ name: 's', version: '1', schemaUrl: 'https://schema' })

test.each(Array.from({ length: 20 }, (_, i) => i))(
  'spans of seed %i say the same in JSON as in protobuf',
  seed => {
    const random = new Random(seeded(seed))
    const w = new ProtoWriter()
    for (let i = 0; i < 5; i++) encodeSpan(w, random.span())
    const { bytes } = frameRequest(encodeResource({ attributes: { a: [1, 'b'] } }), [
      { scope: encodedScope, items: w.finish() },
    ])
    const json = JSON.parse(JSON.stringify(transcode('traces', bytes)))
    expect(json).toEqual(asJson(decode('TraceRequest', bytes)))
  },
)

test("metrics in JSON are what upstream's JSON serializer writes", async () => {
  class Reader extends MetricReader {
    protected override async onForceFlush() {}
    protected override async onShutdown() {}
  }
  const reader = new Reader()
  const provider = new MeterProvider({ resource: resourceFromAttributes({ s: 'x' }), readers: [reader] })
  const meter = provider.getMeter('m', '2')
  meter.createCounter('c', { unit: '1' }).add(3, { a: 'b' })
  meter.createHistogram('h').record(12, { list: ['x', 'y'] })
  meter.createUpDownCounter('u').add(-1.5)
  const { resourceMetrics } = await reader.collect()
  await provider.shutdown()
  const ours = JSON.parse(JSON.stringify(transcode('metrics', encodeMetrics(resourceMetrics)!.request.bytes)))
  const theirs = JSON.parse(
    new TextDecoder().decode(JsonMetricsSerializer.serializeRequest(resourceMetrics)!),
  )
  expect(canonical(ours)).toEqual(canonical(theirs))
})

/** 64-bit integers as strings or numbers, zeros written or not: both are OTLP/JSON. */
function canonical(value: any): any {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return typeof value === 'number' ? String(value) : value
  const out: any = {}
  for (const [k, v] of Object.entries(value)) {
    if (v === 0 || v === false || v === '' || (Array.isArray(v) && v.length === 0)) continue
    out[k] = canonical(v)
  }
  return out
}

/** The protobuf decoder's objects in the notation of OTLP/JSON. */
function asJson(value: any): any {
  if (Array.isArray(value)) return value.map(asJson)
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, asJson(v)]))
}
