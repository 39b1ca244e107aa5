// Exemplars inside @opentelemetry/sdk-metrics: what is kept, for whom, and when we step aside.
import { ROOT_CONTEXT, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api'
import {
  AggregationTemporality,
  AggregationType,
  MeterProvider,
  MetricReader,
} from '@opentelemetry/sdk-metrics'
import { Reservoir } from '../src/reservoir.ts'
import { patchSdkMetrics } from '../src/sdk-metrics.ts'
import { shared } from '../src/shared.ts'

class Reader extends MetricReader {
  constructor(temporality = AggregationTemporality.CUMULATIVE) {
    super({ aggregationTemporalitySelector: () => temporality })
  }
  async points(name: string): Promise<any[]> {
    const { resourceMetrics } = await this.collect()
    const metrics = resourceMetrics.scopeMetrics.flatMap(scope => scope.metrics)
    return (metrics.find(metric => metric.descriptor.name === name)?.dataPoints ?? []) as any[]
  }
  protected async onForceFlush() {}
  protected async onShutdown() {}
}

const traceId = '0af7651916cd43dd8448eb211c80319c'
let next = 1
function span(traceFlags = TraceFlags.SAMPLED, failed = false) {
  const spanId = String(next++).padStart(16, '0')
  const one: any = trace.wrapSpanContext({ traceId, spanId, traceFlags })
  if (failed) one.status = { code: SpanStatusCode.ERROR }
  return { spanId, context: trace.setSpan(ROOT_CONTEXT, one) }
}

beforeEach(() => {
  expect(patchSdkMetrics({ MeterProvider })).toBeUndefined()
})
afterAll(() => expect(shared.failures).toBe(0))

test('without a sampled span there is none; always_on keeps them all, always_off none', async () => {
  const reader = new Reader()
  const counter = new MeterProvider({ readers: [reader] }).getMeter('m').createCounter('c')
  counter.add(1)
  counter.add(1, {}, span(TraceFlags.NONE).context)
  expect((await reader.points('c'))[0].exemplars).toBeUndefined()
  patchSdkMetrics({ MeterProvider }, { filter: 'always_on' })
  counter.add(5)
  expect((await reader.points('c'))[0].exemplars).toMatchObject([{ value: 5, traceId: '', spanId: '' }])
  patchSdkMetrics({ MeterProvider }, { filter: 'always_off' })
  counter.add(5, {}, span().context)
  expect((await reader.points('c'))[0].exemplars).toBeUndefined()
})

test('a histogram keeps one per bucket, in its bucket, and gives up no failed one', async () => {
  const reader = new Reader()
  const advice = { explicitBucketBoundaries: [1, 2] }
  const histogram = new MeterProvider({ readers: [reader] }).getMeter('m').createHistogram('h', { advice })
  const failed = span(TraceFlags.SAMPLED, true)
  histogram.record(0.4, {}, failed.context)
  for (let i = 0; i < 200; i++) histogram.record(i / 50, {}, span().context)
  const [{ exemplars }] = await reader.points('h')
  expect(exemplars.map(({ value }: any) => (value <= 1 ? 0 : value <= 2 ? 1 : 2))).toEqual([0, 1, 2])
  expect(exemplars[0].spanId).toBe(failed.spanId)
})

test('uniform: each of many measurements in a bucket is kept equally often', () => {
  const kept = [0, 0, 0, 0]
  for (let round = 0; round < 4000; round++) {
    const reservoir = new Reservoir([1], 1)
    let last = -1
    for (let i = 0; i < 4; i++)
      if (reservoir.choose(0.5, false) === 0) {
        last = i
        reservoir.put(0, { value: i, timeMs: 0, traceId: '', spanId: '', isError: false, attributes: {} })
      }
    kept[last]!++
  }
  for (const count of kept) expect(Math.abs(count - 1000)).toBeLessThan(150)
})

test('exponential histograms keep at most twenty, sums and gauges one', async () => {
  const reader = new Reader()
  const views = [
    { instrumentName: 'e', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } as const },
    {
      instrumentName: 'small',
      aggregation: {
        type: AggregationType.EXPONENTIAL_HISTOGRAM,
        options: { maxSize: 3, recordMinMax: true },
      } as const,
    },
  ]
  const meter = new MeterProvider({ readers: [reader], views }).getMeter('m')
  for (let i = 1; i <= 100; i++) {
    meter.createHistogram('e').record(i, {}, span().context)
    meter.createHistogram('small').record(i, {}, span().context)
    meter.createUpDownCounter('u').add(1, {}, span().context)
    meter.createGauge('g').record(i, {}, span().context)
  }
  const sizes = []
  for (const name of ['e']) sizes.push((await reader.points(name))[0].exemplars.length)
  expect(sizes).toEqual([20])
  for (let i = 1; i <= 10; i++) meter.createHistogram('small').record(i, {}, span().context)
  meter.createUpDownCounter('u').add(1, {}, span().context)
  expect((await reader.points('small'))[0].exemplars.length).toBe(3)
})

test.each([AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA])(
  'temporality %s: an exemplar is reported once, and the values are those without us',
  async temporality => {
    const reader = new Reader(temporality)
    const histogram = new MeterProvider({ readers: [reader] }).getMeter('m').createHistogram('h')
    const first = span()
    histogram.record(3, { a: 1 }, first.context)
    const [one] = await reader.points('h')
    expect(one.exemplars.map(({ spanId }: any) => spanId)).toEqual([first.spanId])
    histogram.record(4, { a: 1 })
    const [two] = await reader.points('h')
    expect(two.exemplars).toBeUndefined()
    expect([one.value.count, two.value.count]).toEqual([
      1,
      temporality === AggregationTemporality.DELTA ? 1 : 2,
    ])
    const second = span()
    histogram.record(5, { a: 1 }, second.context)
    const [three] = await reader.points('h')
    expect(three.exemplars.map(({ spanId }: any) => spanId)).toEqual([second.spanId])
  },
)

test('two readers of one view each get every exemplar once', async () => {
  const [one, two] = [new Reader(), new Reader()]
  const views = [{ instrumentName: 'h', name: 'viewed' }]
  const histogram = new MeterProvider({ readers: [one, two], views }).getMeter('m').createHistogram('h')
  const ids = async (reader: Reader) =>
    (await reader.points('viewed'))[0].exemplars?.map(({ spanId }: any) => spanId)
  const [a, b] = [span(), span()]
  histogram.record(3, {}, a.context)
  expect(await ids(one)).toEqual([a.spanId])
  histogram.record(700, {}, b.context)
  expect(await ids(one)).toEqual([b.spanId])
  expect(await ids(two)).toEqual([a.spanId, b.spanId])
  expect(await ids(one)).toBeUndefined()
  expect(await ids(two)).toBeUndefined()
})

test('attributes the application changes after recording are those of the recording', async () => {
  const reader = new Reader()
  const views = [{ instrumentName: 'c', attributesProcessors: [{ process: () => ({}) }] }]
  const counter = new MeterProvider({ readers: [reader], views }).getMeter('m').createCounter('c')
  const attributes: Record<string, string> = { user: 'u1' }
  counter.add(1, attributes, span().context)
  attributes.user = 'u2'
  expect((await reader.points('c'))[0].exemplars[0].filteredAttributes).toEqual({ user: 'u1' })
})

test('a measurement inside an attribute getter does not change whose exemplar it is', async () => {
  const reader = new Reader()
  const meter = new MeterProvider({ readers: [reader] }).getMeter('m')
  const [outer, inner] = [meter.createCounter('outer'), meter.createCounter('inner')]
  const [a, b] = [span(), span()]
  const nested = {
    get key() {
      inner.add(1, {}, b.context)
      return 'x'
    },
  }
  outer.add(1, nested, a.context)
  expect((await reader.points('outer'))[0].exemplars[0].spanId).toBe(a.spanId)
})

test('every measurement is counted where the SDK alone counts it, whatever its attributes are', async () => {
  let plain: any
  jest.isolateModules(() => {
    plain = require('@opentelemetry/sdk-metrics')
  })
  expect(plain.MeterProvider).not.toBe(MeterProvider)
  class PlainReader extends plain.MetricReader {
    async onForceFlush() {}
    async onShutdown() {}
  }
  let turn = 0
  // Its value is another one from time to time, under the same name.
  const changing = {
    get turn() {
      return turn % 3
    },
  }
  const hidden = Symbol('hidden')
  const inherited = Object.assign(Object.create({ b: 1 }), { a: 1 })
  const noPrototype = Object.assign(Object.create(null), { a: 1, b: 1 })
  const reused: Record<string, unknown> = { a: 1 }
  const kinds: (() => any)[] = [
    () => ({ a: 1, b: 1 }),
    () => ({ b: 1, a: 1 }),
    () => ({ a: '1', b: 1 }),
    () => ({ a: 1, b: true }),
    () => ({ a: 1, b: 'true' }),
    () => ({ a: 1, c: 1 }),
    () => ({ a: 1, b: 1, c: 1 }),
    () => ({ a: 0 }),
    () => ({ a: -0 }),
    () => ({ a: Number.NaN }),
    () => ({ a: null }),
    () => ({ a: undefined }),
    () => ({}),
    () => undefined,
    () => ({ a: ['x', 'y'] }),
    () => ({ a: ['x'] }),
    () => changing,
    () => inherited,
    () => noPrototype,
    () => Object.assign(reused, { a: turn % 2 }),
    () => ({ [hidden]: 1, a: 1 }),
    () => ({ a: 1, extra: Math.floor(turn / 7) }),
  ]
  async function record(provider: any, reader: any, start: number) {
    const histogram = provider.getMeter('m').createHistogram('h')
    for (let i = 0; i < 400; i++) {
      turn = start + i
      histogram.record(i, kinds[(i * 7) % kinds.length]!(), span().context)
    }
    const { resourceMetrics } = await reader.collect()
    return resourceMetrics.scopeMetrics[0].metrics[0].dataPoints.map(({ attributes, value }: any) => ({
      attributes: { ...attributes },
      value,
    }))
  }
  const [ourReader, plainReader] = [new Reader(), new PlainReader()]
  const ours = new MeterProvider({ readers: [ourReader] })
  const theirs = new plain.MeterProvider({ readers: [plainReader] })
  for (const start of [0, 100]) {
    const expected = await record(theirs, plainReader, start)
    expect(expected.length).toBeGreaterThan(15)
    expect(await record(ours, ourReader, start)).toEqual(expected)
  }
})

test('over the cardinality limit a measurement is counted as overflow, again and again', async () => {
  const reader = new Reader()
  const views = [{ instrumentName: 'c', aggregationCardinalityLimit: 3 }]
  const counter = new MeterProvider({ readers: [reader], views }).getMeter('m').createCounter('c')
  for (let round = 0; round < 3; round++)
    for (let user = 0; user < 5; user++) counter.add(1, { user }, span().context)
  const points = await reader.points('c')
  expect(points.map(({ attributes, value }) => [attributes, value])).toEqual([
    [{ user: 0 }, 3],
    [{ user: 1 }, 3],
    [{ 'otel.metric.overflow': true }, 9],
  ])
})

describe('steps aside', () => {
  test('when a private part is missing, and leaves the SDK as it was', () => {
    jest.isolateModules(() => {
      const sdk = require('@opentelemetry/sdk-metrics')
      class Foreign extends sdk.MeterProvider {
        getMeter() {
          return { createHistogram: () => ({}), createCounter: () => ({}), createGauge: () => ({}) }
        }
      }
      expect(patchSdkMetrics({ MeterProvider: Foreign as never })).toMatch(/other private parts/)
    })
  })

  test('when the SDK records exemplars of its own', () => {
    jest.isolateModules(() => {
      const sdk = require('@opentelemetry/sdk-metrics')
      const provider = new sdk.MeterProvider({ readers: [new (class extends sdk.MetricReader {} as any)()] })
      const storage = provider.getMeter('m').createHistogram('h')._writableMetricStorage
      const aggregator = Object.getPrototypeOf(storage._deltaMetricStorage._aggregator)
      const original = aggregator.toMetricData
      aggregator.toMetricData = function (...args: unknown[]) {
        const data = original.apply(this, args)
        for (const point of data.dataPoints) point.exemplars = []
        return data
      }
      const record = Object.getPrototypeOf(storage).record
      expect(patchSdkMetrics(sdk)).toMatch(/records exemplars itself/)
      expect(Object.getPrototypeOf(storage).record).toBe(record)
    })
  })

  test('when an unknown class is given', () => {
    class Odd {
      constructor() {
        throw new Error('abstract')
      }
    }
    expect(patchSdkMetrics({ MeterProvider: Odd as never })).toMatch(/not as expected \(abstract\)/)
  })
})
