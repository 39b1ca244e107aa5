// Request durations, counted in interned series: 12 ns a record where hashing an attributes object costs upstream 649
// (research/performance.md section 4). The metric reader takes them over through HistogramSource.
import { type Attributes, TraceFlags } from '@opentelemetry/api'
import type { ExemplarData, HistogramSeries, HistogramSource } from '../../metrics/histogram-source.ts'
import type { LeanSpan } from '../span.ts'

/** Seconds; from the HTTP metric semantic conventions. */
export const durationBoundaries = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
] as const

// The cardinality limit of the metrics SDK specification: the last one is the overflow series.
const maxSeries = 2000

export type ExemplarFilter = 'trace_based' | 'always_on' | 'always_off'

/** What makes one series: compared field by field, turned into attributes only when collected. */
export interface Dimensions {
  method: string
  /** Server: the route. Client: server.address. */
  target: string | undefined
  port: number | undefined
  scheme: string | undefined
  version: string | undefined
  status: number
  /** Empty string: none. */
  errorType: string
}

interface Slot {
  value: number
  timeMs: number
  traceId: string
  spanId: string
}

class Series implements Dimensions {
  readonly method: string
  readonly target: string | undefined
  readonly port: number | undefined
  readonly scheme: string | undefined
  readonly version: string | undefined
  readonly status: number
  readonly errorType: string
  readonly startMs: number
  count = 0
  sum = 0
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY
  readonly buckets = new Float64Array(durationBoundaries.length + 1)
  slots: (Slot | undefined)[] | null = null

  constructor(of: Dimensions, startMs: number) {
    this.method = of.method
    this.target = of.target
    this.port = of.port
    this.scheme = of.scheme
    this.version = of.version
    this.status = of.status
    this.errorType = of.errorType
    this.startMs = startMs
  }
}

export interface DurationSpec {
  readonly name: 'http.server.request.duration' | 'http.client.request.duration'
  readonly description: string
  readonly scope: { readonly name: string; readonly version: string }
  /** Which attributes a series has, in upstream's order. */
  readonly render: (of: Dimensions) => Attributes
  readonly exemplars: ExemplarFilter
}

export class RequestDurations implements HistogramSource {
  readonly name: string
  readonly description: string
  readonly unit = 's'
  readonly scope: { readonly name: string; readonly version: string }
  readonly boundaries = durationBoundaries
  private readonly render: (of: Dimensions) => Attributes
  private readonly exemplars: ExemplarFilter
  private readonly byKey = new Map<string | undefined, Series[]>()
  private readonly all: Series[] = []
  private overflow: Series | null = null

  constructor(spec: DurationSpec) {
    this.name = spec.name
    this.description = spec.description
    this.scope = spec.scope
    this.render = spec.render
    this.exemplars = spec.exemplars
  }

  /**
   * `key` is any string that `target` and `port` follow from: it finds the handful of series to compare with.
   * `span` is what the exemplar points to.
   */
  record(key: string | undefined, of: Dimensions, seconds: number, span: LeanSpan | undefined): void {
    const series = this.find(key, of)
    // The monotonic clock never gives less than 0, but a patched `performance` may.
    const value = Math.max(seconds, 0)
    series.count++
    series.sum += value
    if (value < series.min) series.min = value
    if (value > series.max) series.max = value
    let bucket = 0
    while (bucket < durationBoundaries.length && value > (durationBoundaries[bucket] as number)) bucket++
    series.buckets[bucket] = (series.buckets[bucket] as number) + 1
    if (span !== undefined && this.exemplars !== 'always_off') this.offer(series, bucket, value, span)
  }

  private find(key: string | undefined, of: Dimensions): Series {
    let list = this.byKey.get(key)
    if (list !== undefined) {
      for (let i = 0; i < list.length; i++) {
        const s = list[i] as Series
        if (
          s.status === of.status &&
          s.method === of.method &&
          s.version === of.version &&
          s.errorType === of.errorType &&
          s.scheme === of.scheme &&
          s.target === of.target &&
          s.port === of.port
        )
          return s
      }
    }
    if (this.all.length >= maxSeries - 1) return (this.overflow ??= new Series(of, Date.now()))
    if (list === undefined) this.byKey.set(key, (list = []))
    const series = new Series(of, Date.now())
    list.push(series)
    this.all.push(series)
    return series
  }

  // One exemplar per bucket and interval: the slowest. Failures have series, and so exemplars, of their own. Replacing is
  // rare (about ln(n) times in n records), so the ids are only made into text when one is kept.
  private offer(series: Series, bucket: number, value: number, span: LeanSpan): void {
    if (this.exemplars === 'trace_based' && (span.flags & TraceFlags.SAMPLED) === 0) return
    const slot = series.slots === null ? undefined : series.slots[bucket]
    if (slot !== undefined && value <= slot.value) return
    const { traceId, spanId } = span.spanContext()
    series.slots ??= []
    series.slots[bucket] = { value, timeMs: Date.now(), traceId, spanId }
  }

  collect(): HistogramSeries[] {
    const out = this.all.map(series => toHistogramSeries(series, this.render(series)))
    if (this.overflow !== null) out.push(toHistogramSeries(this.overflow, { 'otel.metric.overflow': true }))
    return out
  }
}

function toHistogramSeries(series: Series, attributes: Attributes): HistogramSeries {
  const exemplars: ExemplarData[] = []
  for (const slot of series.slots ?? []) {
    if (slot === undefined) continue
    const { value, timeMs, traceId, spanId } = slot
    exemplars.push({ value, timeMs, traceId, spanId, filteredAttributes: {} })
  }
  series.slots = null
  return {
    attributes,
    startMs: series.startMs,
    count: series.count,
    sum: series.sum,
    min: series.min,
    max: series.max,
    bucketCounts: Array.from(series.buckets),
    exemplars,
  }
}

/** Upstream's attributes of `http.server.request.duration`, in its order. */
export function renderServerSeries(of: Dimensions): Attributes {
  const out: Attributes = { 'http.request.method': of.method }
  if (of.scheme !== undefined) out['url.scheme'] = of.scheme
  if (of.version !== undefined) out['network.protocol.version'] = of.version
  if (of.target !== undefined) out['http.route'] = of.target
  if (of.status !== 0) out['http.response.status_code'] = of.status
  if (of.errorType !== '') out['error.type'] = of.errorType
  return out
}

/** Upstream's attributes of `http.client.request.duration`; only its undici instrumentation gives the scheme. */
export function renderClientSeries(of: Dimensions): Attributes {
  const out: Attributes = { 'http.request.method': of.method }
  if (of.target !== undefined) out['server.address'] = of.target
  if (of.port !== undefined) out['server.port'] = of.port
  if (of.scheme !== undefined) out['url.scheme'] = of.scheme
  if (of.version !== undefined) out['network.protocol.version'] = of.version
  if (of.status !== 0) out['http.response.status_code'] = of.status
  if (of.errorType !== '') out['error.type'] = of.errorType
  return out
}
