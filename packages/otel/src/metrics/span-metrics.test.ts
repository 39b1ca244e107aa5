import type { EndedSpan } from '../tracing/ended-span.ts'
import { SpanMetrics } from './span-metrics.ts'

function span(over: Partial<EndedSpan> = {}): EndedSpan {
  return {
    name: 'GET /a',
    kind: 1,
    statusCode: 0,
    startMs: 1000,
    endMs: 1100,
    flags: 1,
    t0: 0x0af76519,
    t1: 0x16cd43dd,
    t2: 0x8448eb21 | 0,
    t3: 0x1c80319c,
    s0: 0xb7ad6b71 | 0,
    s1: 0x69203331,
    ...over,
  } as EndedSpan
}

const options = { scope: { name: 'x', version: '1' }, service: 'shop', maxSeries: 100, exemplars: true }

test('counts by service, name, kind and status, in seconds, and leads to the slowest span of a bucket', () => {
  const metrics = new SpanMetrics(options)
  metrics.record(span())
  metrics.record(span({ endMs: 1150, s1: 1 }))
  metrics.record(span({ endMs: 1120, s1: 2 }))
  metrics.record(span({ statusCode: 2, kind: 2 }))
  const [ok, failed] = metrics.collect()
  expect(ok).toMatchObject({
    attributes: {
      'service.name': 'shop',
      'span.name': 'GET /a',
      'span.kind': 'SPAN_KIND_SERVER',
      'status.code': 'STATUS_CODE_UNSET',
    },
    count: 3,
    min: 0.1,
    max: 0.15,
  })
  expect(ok!.sum).toBeCloseTo(0.37)
  expect(ok!.bucketCounts.reduce((a, b) => a + b)).toBe(3)
  expect(ok!.exemplars).toEqual([
    expect.objectContaining({
      value: 0.1,
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
    }),
    expect.objectContaining({ value: 0.15, spanId: 'b7ad6b7100000001' }),
  ])
  expect(failed!.attributes['status.code']).toBe('STATUS_CODE_ERROR')
  expect(failed!.attributes['span.kind']).toBe('SPAN_KIND_CLIENT')
  expect(metrics.collect()[0]!.exemplars).toEqual([])
})

test('a hundred thousand span names make no more series than the limit, and no span is lost', () => {
  const metrics = new SpanMetrics(options)
  for (let i = 0; i < 100_000; i++)
    metrics.record(span({ name: `GET /users/${i}`, kind: 1 + (i % 4), statusCode: i % 3 }))
  const series = metrics.collect()
  expect(series.length).toBeLessThanOrEqual(100)
  expect(series.reduce((sum, { count }) => sum + count, 0)).toBe(100_000)
  expect(series.some(({ attributes }) => attributes['span.name'] === '_other')).toBe(true)
})

test('inner spans are not counted, whatever enters or leaves the service is', () => {
  const metrics = new SpanMetrics(options)
  for (let kind = 0; kind < 5; kind++) metrics.record(span({ kind }))
  expect(metrics.collect().map(({ attributes }) => attributes['span.kind'])).toEqual([
    'SPAN_KIND_SERVER',
    'SPAN_KIND_CLIENT',
    'SPAN_KIND_PRODUCER',
    'SPAN_KIND_CONSUMER',
  ])
})

test('unsampled spans, and all when exemplars are off, are counted without an exemplar', () => {
  const metrics = new SpanMetrics(options)
  metrics.record(span({ flags: 0 }))
  const off = new SpanMetrics({ ...options, exemplars: false })
  off.record(span())
  for (const one of [metrics, off]) expect(one.collect()).toMatchObject([{ count: 1, exemplars: [] }])
})

test('a limit smaller than the kinds and statuses leaves room for them only', () => {
  const metrics = new SpanMetrics({ ...options, maxSeries: 1 })
  for (let i = 0; i < 10; i++) metrics.record(span({ name: `n${i}` }))
  expect(metrics.collect().map(({ attributes, count }) => [attributes['span.name'], count])).toEqual([
    ['_other', 10],
  ])
})
