import { trace } from '@opentelemetry/api'
import { type LeanSpan, toLeanSpan } from '../span.ts'
import {
  type Dimensions,
  durationBoundaries,
  type ExemplarFilter,
  RequestDurations,
  renderServerSeries,
} from './durations.ts'

const build = (exemplars: ExemplarFilter = 'trace_based') =>
  new RequestDurations({
    name: 'http.server.request.duration',
    description: 'd',
    scope: { name: 's', version: '1' },
    render: renderServerSeries,
    exemplars,
  })
const of = (over: Partial<Dimensions> = {}): Dimensions => ({
  method: 'GET',
  target: '/a',
  port: undefined,
  scheme: 'http',
  version: '1.1',
  status: 200,
  errorType: '',
  ...over,
})
const span = (id: number, traceFlags = 1): LeanSpan =>
  toLeanSpan(
    trace.wrapSpanContext({
      traceId: '1'.repeat(32),
      spanId: String(id).padStart(16, '0'),
      traceFlags,
    }),
  )!

it('the buckets are the specified ones, upper bounds included', () => {
  expect(durationBoundaries).toEqual([
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
  ])
  const durations = build()
  for (const seconds of [0.005, 0.0051, 10, 11]) durations.record('/a', of(), seconds, undefined)
  expect(durations.collect()[0]?.bucketCounts).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
})

it('count, sum, min and max go on from collection to collection', () => {
  const durations = build()
  durations.record('/a', of(), 1, undefined)
  durations.collect()
  durations.record('/a', of(), 3, undefined)
  expect(durations.collect()).toMatchObject([{ count: 2, sum: 4, min: 1, max: 3 }])
})

it('one series per combination of attributes, however often it is counted', () => {
  const durations = build()
  for (let i = 0; i < 3; i++) {
    durations.record('/a', of(), 0.1, undefined)
    durations.record('/a', of({ status: 500, errorType: '500' }), 0.1, undefined)
    durations.record(undefined, of({ target: undefined }), 0.1, undefined)
  }
  expect(durations.collect().map(({ attributes, count }) => [attributes, count])).toEqual([
    [
      {
        'http.request.method': 'GET',
        'url.scheme': 'http',
        'network.protocol.version': '1.1',
        'http.route': '/a',
        'http.response.status_code': 200,
      },
      3,
    ],
    [
      {
        'http.request.method': 'GET',
        'url.scheme': 'http',
        'network.protocol.version': '1.1',
        'http.route': '/a',
        'http.response.status_code': 500,
        'error.type': '500',
      },
      3,
    ],
    [
      {
        'http.request.method': 'GET',
        'url.scheme': 'http',
        'network.protocol.version': '1.1',
        'http.response.status_code': 200,
      },
      3,
    ],
  ])
})

it('100,000 invented targets make 2,000 series and lose no count', () => {
  const durations = build()
  for (let i = 0; i < 100_000; i++) durations.record(`/${i}`, of({ target: `/${i}` }), 0.1, undefined)
  const series = durations.collect()
  expect(series).toHaveLength(2000)
  expect(series.at(-1)?.attributes).toEqual({ 'otel.metric.overflow': true })
  expect(series.reduce((sum, { count }) => sum + count, 0)).toBe(100_000)
})

describe('exemplars', () => {
  it('are one per bucket: the slowest', () => {
    const durations = build()
    for (const [id, seconds] of [
      [1, 0.011],
      [2, 0.02],
      [3, 0.015],
      [4, 0.2],
    ] as const)
      durations.record('/a', of(), seconds, span(id))
    expect(durations.collect()[0]?.exemplars.map(({ spanId, value }) => [Number(spanId), value])).toEqual([
      [2, 0.02],
      [4, 0.2],
    ])
  })

  it('are of the last interval', () => {
    const durations = build()
    durations.record('/a', of(), 0.02, span(1))
    durations.collect()
    expect(durations.collect()[0]?.exemplars).toEqual([])
    durations.record('/a', of(), 0.011, span(2))
    expect(durations.collect()[0]?.exemplars).toHaveLength(1)
  })

  it('of failures are their own, however fast they failed', () => {
    const durations = build()
    durations.record('/a', of(), 0.02, span(1))
    durations.record('/a', of({ status: 500, errorType: '500' }), 0.011, span(2))
    expect(durations.collect().map(({ exemplars }) => Number(exemplars[0]?.spanId))).toEqual([1, 2])
  })

  it('are sampled spans only, all spans, or none, as the filter says', () => {
    const count = (filter: ExemplarFilter, flags: number): number => {
      const durations = build(filter)
      durations.record('/a', of(), 0.02, span(1, flags))
      return durations.collect()[0]?.exemplars.length ?? -1
    }
    expect([count('trace_based', 0), count('trace_based', 1)]).toEqual([0, 1])
    expect([count('always_on', 0), count('always_on', 1)]).toEqual([1, 1])
    expect([count('always_off', 0), count('always_off', 1)]).toEqual([0, 0])
  })
})
