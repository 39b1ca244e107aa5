// The metrics of a process without a network: what is handed over, when, and in which temporality.
import { context, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api'
import { AggregationTemporality, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { Config } from '../config/config.ts'
import { encodeMetrics } from '../export/metric-encoder.ts'
import { swallowedCount } from '../self/guard.ts'
import type { HistogramSource } from './histogram-source.ts'
import { LazyMeterProvider } from './lazy-meter-provider.ts'
import { type MetricsOptions, startMetrics } from './pipeline.ts'

const config: Config['metrics'] = {
  exporters: ['otlp'],
  otlp: {
    protocol: 'grpc',
    endpoint: 'http://localhost:4317',
    headers: {},
    timeoutMs: 1000,
    compression: 'none',
    tls: { insecure: true },
  },
  intervalMs: 60_000,
  timeoutMs: 1000,
  temporality: 'cumulative',
  histogramAggregation: 'explicit_bucket_histogram',
  exemplarFilter: 'trace_based',
  prometheus: { host: '127.0.0.1', port: 0 },
  runtime: false,
  spanMetrics: { enabled: false, maxSeries: 100 },
}
const span = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: TraceFlags.SAMPLED,
}
const inSpan = trace.setSpanContext(ROOT_CONTEXT, span)

function run(over: Partial<Config['metrics']> = {}, more: Partial<MetricsOptions> = {}) {
  const sent: ResourceMetrics[] = []
  const metrics = startMetrics({
    config: { ...config, ...over },
    resource: { attributes: { 'service.name': 'shop' } },
    sources: [],
    exportMetrics: async collected => void sent.push(collected),
    ...more,
  })
  const last = (name: string): any =>
    sent
      .at(-1)
      ?.scopeMetrics.flatMap(scope => scope.metrics)
      .find(metric => metric.descriptor.name === name)
  return { ...metrics, sent, last }
}

afterAll(() => expect(swallowedCount()).toBe(0))

describe('the pipeline', () => {
  test('hands over what was measured with the resource, and exemplars that lead to the span', async () => {
    const { provider, flush, sent, last, stop } = run()
    const meter = provider.getMeter('app', '1.0')
    meter
      .createHistogram('lat', { advice: { explicitBucketBoundaries: [1, 2] } })
      .record(1.5, { route: '/' }, inSpan)
    meter.createCounter('jobs').add(2, {}, inSpan)
    meter.createGauge('temp').record(21, {}, inSpan)
    await flush()
    expect(sent[0]?.resource.attributes['service.name']).toBe('shop')
    for (const [name, value] of [
      ['lat', 1.5],
      ['jobs', 2],
      ['temp', 21],
    ] as const) {
      const { traceId, spanId } = span
      expect(last(name).dataPoints[0].exemplars).toEqual([
        { value, traceId, spanId, timeMs: expect.any(Number), filteredAttributes: {} },
      ])
    }
    expect(encodeMetrics(sent[0]!)?.items).toBe(3)
    await flush()
    expect(last('lat').dataPoints[0].value.count).toBe(1)
    expect(last('lat').dataPoints[0].exemplars).toBeUndefined()
    await stop()
  })

  test('a view keeps dropped attributes for the exemplar', async () => {
    const views = [
      { selector: { instrumentName: 'viewed' }, stream: { attributeKeys: { included: ['keep'] } } },
    ]
    const { provider, flush, last, stop } = run({ views })
    provider.getMeter('app').createCounter('viewed').add(1, { keep: 'k', user: 'u42' }, inSpan)
    await flush()
    const [point] = last('viewed').dataPoints
    expect(point.attributes).toEqual({ keep: 'k' })
    expect(point.exemplars[0].filteredAttributes).toEqual({ user: 'u42' })
    await stop()
  })

  test('a view brings boundaries, a name, or drops the metric', async () => {
    const views: NonNullable<Config['metrics']['views']> = [
      {
        selector: { instrumentName: 'a' },
        stream: {
          name: 'renamed',
          aggregation: { type: 'explicit_bucket_histogram', boundaries: [10], recordMinMax: false },
        },
      },
      { selector: { instrumentName: 'b' }, stream: { aggregation: { type: 'drop' } } },
    ]
    const { provider, flush, last, stop } = run({ views })
    provider.getMeter('app').createHistogram('a').record(11)
    provider.getMeter('app').createHistogram('b').record(11)
    await flush()
    expect(last('renamed').dataPoints[0].value.buckets).toEqual({ boundaries: [10], counts: [0, 1] })
    expect(last('b')).toBeUndefined()
    await stop()
  })

  test.each([
    ['cumulative', [1, 3], AggregationTemporality.CUMULATIVE],
    ['delta', [1, 2], AggregationTemporality.DELTA],
    ['lowmemory', [1, 2], AggregationTemporality.DELTA],
  ] as const)(
    '%s temporality holds for instruments and for hot-path histograms',
    async (temporality, counts, expected) => {
      const source = createSource()
      const { provider, flush, last, stop } = run({ temporality }, { sources: [source] })
      const counter = provider.getMeter('app').createCounter('jobs')
      const upDown = provider.getMeter('app').createUpDownCounter('open')
      const seen: number[][] = []
      for (const n of [1, 2]) {
        counter.add(n)
        upDown.add(1)
        for (let i = 0; i < n; i++) source.record(0.7)
        await flush()
        const [point] = last('http.server.request.duration').dataPoints
        seen.push([last('jobs').dataPoints[0].value, point.value.count])
        expect(point.value.buckets).toEqual({ boundaries: [0.5, 1], counts: [0, point.value.count, 0] })
        expect(last('open').dataPoints[0].value).toBe(n)
      }
      expect(seen).toEqual(counts.map(n => [n, n]))
      expect(last('http.server.request.duration').aggregationTemporality).toBe(expected)
      await stop()
    },
  )

  test('a quiet interval hands over nothing', async () => {
    const { flush, sent, stop } = run({ temporality: 'delta' }, { sources: [createSource()] })
    await flush()
    expect(sent).toEqual([])
    await stop()
  })

  test('exponential histograms where asked for, with exemplars', async () => {
    const { provider, flush, last, stop } = run({
      histogramAggregation: 'base2_exponential_bucket_histogram',
    })
    const histogram = provider.getMeter('app').createHistogram('lat')
    for (let i = 1; i <= 50; i++) histogram.record(i, {}, inSpan)
    await flush()
    const [point] = last('lat').dataPoints
    expect(point.value.count).toBe(50)
    expect(point.exemplars.length).toBe(20)
    await stop()
  })

  test('the cardinality limit bounds series, and the overflow still leads to a span', async () => {
    const { provider, flush, last, stop } = run()
    const counter = provider.getMeter('app').createCounter('hosts')
    for (let i = 0; i < 5000; i++) counter.add(1, { host: `h${i}` }, inSpan)
    await flush()
    const points = last('hosts').dataPoints
    expect(points.length).toBe(2000)
    const overflow = points.find((point: any) => point.attributes['otel.metric.overflow'] === true)
    expect(overflow.value).toBe(5000 - 1999)
    expect(overflow.exemplars[0].filteredAttributes.host).toMatch(/^h\d+$/)
    await stop()
  })

  test('an export that fails or hangs costs its interval only', async () => {
    let calls = 0
    const exportMetrics = () => {
      calls++
      return calls === 1
        ? Promise.reject(new Error('no'))
        : calls === 2
          ? new Promise<void>(() => {})
          : Promise.resolve()
    }
    const { provider, flush, stop } = run({ timeoutMs: 20 }, { exportMetrics })
    provider.getMeter('app').createCounter('jobs').add(1)
    await flush()
    await flush()
    await flush()
    expect(calls).toBe(3)
    await stop()
  })

  test('a callback that throws costs its own metric only', async () => {
    const { provider, flush, last, stop } = run()
    const meter = provider.getMeter('app')
    meter.createObservableGauge('bad').addCallback(() => {
      throw new Error('callback')
    })
    meter.createObservableGauge('good').addCallback(result => result.observe(7))
    await flush()
    expect(last('good').dataPoints[0].value).toBe(7)
    expect(last('bad')).toBeUndefined()
    await stop()
  })

  test('runtime metrics carry the names of upstream', async () => {
    const { flush, sent, stop } = run({ runtime: true })
    global.gc?.()
    await new Promise(resolve => setTimeout(resolve, 120))
    await flush()
    const names = sent
      .at(-1)!
      .scopeMetrics.flatMap(scope => scope.metrics.map(metric => metric.descriptor.name))
    expect(names.filter(name => name !== 'v8js.gc.duration').sort()).toEqual([
      'nodejs.eventloop.delay.max',
      'nodejs.eventloop.delay.mean',
      'nodejs.eventloop.delay.min',
      'nodejs.eventloop.delay.p50',
      'nodejs.eventloop.delay.p90',
      'nodejs.eventloop.delay.p99',
      'nodejs.eventloop.delay.stddev',
      'nodejs.eventloop.time',
      'nodejs.eventloop.utilization',
      'v8js.memory.heap.space.available_size',
      'v8js.memory.heap.space.physical_size',
      'v8js.memory.heap.space.size',
      'v8js.memory.heap.used',
      'v8js.resource.active',
    ])
    await stop()
  })
})

describe('the lazy provider', () => {
  test('creates in the SDK what was created before it was loaded', async () => {
    const started = run()
    let loads = 0
    const lazy = new LazyMeterProvider(() => {
      loads++
      return started.provider
    })
    const meter = lazy.getMeter('app', '1.0')
    const counter = meter.createCounter('jobs')
    const gauge = meter.createObservableGauge('depth')
    const [x, y] = [meter.createObservableGauge('x'), meter.createObservableCounter('y')]
    const removed = () => {
      throw new Error('removed')
    }
    gauge.addCallback(result => result.observe(3))
    gauge.addCallback(removed)
    gauge.removeCallback(removed)
    const batch = (result: any) => {
      result.observe(x, 1)
      result.observe(y, 2)
    }
    meter.addBatchObservableCallback(batch, [x, y])
    expect(loads).toBe(0)
    counter.add(5)
    expect(loads).toBe(1)
    expect(lazy.getMeter('app', '1.0')).toBe(started.provider.getMeter('app', '1.0'))
    await started.flush()
    const value = (name: string) => started.last(name)?.dataPoints[0]?.value
    expect(['jobs', 'depth', 'x', 'y'].map(value)).toEqual([5, 3, 1, 2])
    meter.removeBatchObservableCallback(batch, [x, y])
    meter.createHistogram('late').record(1)
    await started.flush()
    expect(value('late')?.count).toBe(1)
    await started.stop()
  })

  test('measures nothing, quietly, when the SDK cannot be loaded', () => {
    const meter = new LazyMeterProvider(() => ({ getMeter: () => undefined as never })).getMeter('app')
    const before = meter.createCounter('before')
    before.add(1)
    meter.createHistogram('after').record(1)
    meter.createObservableGauge('g').addCallback(() => {})
  })

  test('keeps the context of a measurement', async () => {
    const started = run()
    const meter = new LazyMeterProvider(() => started.provider).getMeter('app')
    meter.createHistogram('lat').record(3, {}, inSpan)
    await started.flush()
    expect(started.last('lat').dataPoints[0].exemplars[0].spanId).toBe(span.spanId)
    expect(context.active()).toBe(ROOT_CONTEXT)
    await started.stop()
  })
})

function createSource(): HistogramSource & { record(value: number): void } {
  const counts = [0, 0, 0]
  let sum = 0
  return {
    name: 'http.server.request.duration',
    description: '',
    unit: 's',
    scope: { name: 'http', version: '1' },
    boundaries: [0.5, 1],
    record(value) {
      counts[value <= 0.5 ? 0 : value <= 1 ? 1 : 2]!++
      sum += value
    },
    collect() {
      const count = counts.reduce((a, b) => a + b)
      if (count === 0) return []
      return [
        {
          attributes: { route: '/' },
          startMs: 1,
          count,
          sum,
          min: 0.1,
          max: 2,
          bucketCounts: [...counts],
          exemplars: [],
        },
      ]
    },
  }
}
