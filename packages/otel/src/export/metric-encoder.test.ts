import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  AggregationType,
  InstrumentType,
  MeterProvider,
  MetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import { decode } from '../../test/export/otlp.ts'
import { Random } from '../../test/export/random.ts'
import { seeded } from '../../test/export/samples.ts'
import { encodeMetrics } from './metric-encoder.ts'
import { encodeResource } from './resource-encoder.ts'
import { countItems } from './split.ts'

class Reader extends MetricReader {
  protected override async onForceFlush() {}
  protected override async onShutdown() {}
}

/** Real collections by the real SDK: every kind of instrument, with random values and attributes. */
async function collect(seed: number, temporality: AggregationTemporality): Promise<ResourceMetrics> {
  const random = new Random(seeded(seed))
  const reader = new Reader({
    aggregationTemporalitySelector: () => temporality,
    aggregationSelector: (type: InstrumentType) =>
      type === InstrumentType.HISTOGRAM && seed % 2 === 1
        ? { type: AggregationType.EXPONENTIAL_HISTOGRAM }
        : { type: AggregationType.DEFAULT },
  } as any)
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ 'service.name': 'shop' }),
    readers: [reader],
  })
  const meter = provider.getMeter('shop', '1.0')
  const counter = meter.createCounter('requests', { unit: '{request}', description: 'Requests' })
  const double = meter.createCounter('seconds', { unit: 's' })
  const upDown = meter.createUpDownCounter('queue')
  const gauge = meter.createGauge('temperature')
  const histogram = meter.createHistogram('duration', {
    unit: 's',
    advice: { explicitBucketBoundaries: [0.1, 1, 10] },
  })
  meter.createObservableGauge('observed').addCallback(r => r.observe(42.5, { a: 'b' }))
  for (let i = 0; i < 30; i++) {
    const attributes = { route: `/r/${random.int(4)}`, ok: random.chance(0.5), n: random.int(3) }
    counter.add(random.int(10), attributes)
    double.add(random.int(100) / 7, attributes)
    upDown.add(random.int(10) - 5)
    gauge.record(random.int(1000) / 10)
    histogram.record(random.int(1000) / 50, attributes)
    if (seed % 4 === 1) histogram.record(0)
  }
  const { resourceMetrics } = await reader.collect()
  await provider.shutdown()
  return resourceMetrics
}

/** Absent and default are the same in proto3. */
function normalize(value: any): any {
  if (Array.isArray(value)) return value.map(normalize)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(
        ([k, v]) =>
          !(k === 'isMonotonic' && v === false) &&
          !(['offset', 'scale', 'droppedAttributesCount'].includes(k) && v === 0),
      )
      .map(([k, v]) => [k, normalize(v)]),
  )
}

describe.each([AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA])(
  'temporality %i',
  temporality => {
    test.each([0, 1, 2, 3, 4, 5, 6, 7])(
      "collection %i decodes to what upstream's serializer says",
      async seed => {
        const collected = await collect(seed, temporality)
        const encoded = encodeMetrics(collected)!
        expect(normalize(decode('MetricsRequest', encoded.request.bytes))).toEqual(
          normalize(decode('MetricsRequest', ProtobufMetricsSerializer.serializeRequest(collected)!)),
        )
        expect(encoded.items).toBe(countItems(encoded.request.bytes, true))
      },
    )
  },
)

test('exemplars lead to the trace', async () => {
  const collected = await collect(0, AggregationTemporality.CUMULATIVE)
  const duration = collected.scopeMetrics[0]!.metrics.find(m => m.descriptor.name === 'duration')!
  Object.assign(duration.dataPoints[0]!, {
    exemplars: [
      {
        value: 0.25,
        timeMs: 1_763_712_000_000,
        traceId: '0123456789abcdef0123456789abcdef',
        spanId: 'fedcba9876543210',
        filteredAttributes: { user: 'u1' },
      },
    ],
  })
  const decoded = decode('MetricsRequest', encodeMetrics(collected)!.request.bytes)
  const metric = decoded.resourceMetrics[0].scopeMetrics[0].metrics.find((m: any) => m.name === 'duration')
  expect(metric.histogram.dataPoints[0].exemplars).toEqual([
    {
      filteredAttributes: [{ key: 'user', value: { stringValue: 'u1' } }],
      timeUnixNano: '1763712000000000000',
      asDouble: 0.25,
      spanId: 'fedcba9876543210',
      traceId: '0123456789abcdef0123456789abcdef',
    },
  ])
})

test('nothing measured gives nothing to send, and our resource replaces the collected one', async () => {
  const collected = await collect(0, AggregationTemporality.CUMULATIVE)
  expect(encodeMetrics({ ...collected, scopeMetrics: [] })).toBeUndefined()
  const encoded = encodeMetrics(
    collected,
    encodeResource({ attributes: { other: 1 }, schemaUrl: 'https://s/1' }),
  )!
  const [resource] = decode('MetricsRequest', encoded.request.bytes).resourceMetrics
  expect(resource.resource.attributes).toEqual([{ key: 'other', value: { intValue: '1' } }])
  expect(resource.schemaUrl).toBe('https://s/1')
})
