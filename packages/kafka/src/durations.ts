// Durations in interned series, for a meter provider that takes finished histograms over (the one of @org/otel does).
// With any other provider the durations go through the API's histogram, at the price of hashing their attributes.
import { type Attributes, type Span, TraceFlags } from '@opentelemetry/api'
import type { Series, SeriesTable } from './series.ts'

/** Seconds; from the messaging metric conventions. */
export const boundaries: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]

export interface ExemplarData {
  value: number
  timeMs: number
  traceId: string
  spanId: string
  filteredAttributes: Attributes
}

export interface HistogramSeries {
  attributes: Attributes
  startMs: number
  count: number
  sum: number
  min: number
  max: number
  bucketCounts: number[]
  exemplars: ExemplarData[]
}

/** A histogram that is read instead of written to. Cumulative; exemplars are cleared by each reading. */
export interface HistogramSource {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly scope: { readonly name: string; readonly version: string }
  readonly boundaries: readonly number[]
  collect(): HistogramSeries[]
}

/** What a meter provider has that takes them: recognized by the function, whoever made it. */
export interface HistogramSink {
  addHistogramSource(source: HistogramSource): void
  readonly exemplarFilter?: 'trace_based' | 'always_on' | 'always_off'
}

export function isHistogramSink(provider: unknown): provider is HistogramSink {
  return typeof (provider as Partial<HistogramSink> | undefined)?.addHistogramSource === 'function'
}

interface Slot {
  value: number
  timeMs: number
  span: Span
}

export class Histogram {
  readonly startMs = Date.now()
  count = 0
  sum = 0
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY
  readonly buckets = new Float64Array(boundaries.length + 1)
  slots: (Slot | undefined)[] | undefined
}

/** The durations of all series of one operation. */
export class Durations implements HistogramSource {
  readonly name: string
  readonly description: string
  readonly unit = 's'
  readonly scope: { readonly name: string; readonly version: string }
  readonly boundaries = boundaries
  private readonly table: SeriesTable
  private readonly exemplars: 'trace_based' | 'always_on' | 'always_off'

  constructor(
    spec: { name: string; description: string; scope: { name: string; version: string } },
    table: SeriesTable,
    exemplars: HistogramSink['exemplarFilter'] = 'trace_based',
  ) {
    this.name = spec.name
    this.description = spec.description
    this.scope = spec.scope
    this.table = table
    this.exemplars = exemplars
  }

  record(seconds: number, series: Series, span: Span): void {
    const histogram = (series.histogram ??= new Histogram())
    const value = Math.max(seconds, 0)
    histogram.count++
    histogram.sum += value
    if (value < histogram.min) histogram.min = value
    if (value > histogram.max) histogram.max = value
    let bucket = 0
    while (bucket < boundaries.length && value > boundaries[bucket]!) bucket++
    histogram.buckets[bucket]!++
    if (this.exemplars !== 'always_off') this.offer(histogram, bucket, value, span)
  }

  /** One exemplar per bucket and reading: the slowest, which is rarely replaced. */
  private offer(histogram: Histogram, bucket: number, value: number, span: Span): void {
    const slot = histogram.slots?.[bucket]
    if (slot && value <= slot.value) return
    if (this.exemplars === 'trace_based' && (span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return
    histogram.slots ??= []
    histogram.slots[bucket] = { value, timeMs: Date.now(), span }
  }

  collect(): HistogramSeries[] {
    const collected: HistogramSeries[] = []
    for (const series of this.table.all) {
      const { histogram } = series
      if (!histogram) continue
      const { startMs, count, sum, min, max, buckets, slots = [] } = histogram
      histogram.slots = undefined
      const exemplars = slots.flatMap(slot => {
        if (!slot) return []
        const { traceId, spanId } = slot.span.spanContext()
        return [{ value: slot.value, timeMs: slot.timeMs, traceId, spanId, filteredAttributes: {} }]
      })
      const { attributes } = series
      collected.push({
        attributes,
        startMs,
        count,
        sum,
        min,
        max,
        bucketCounts: Array.from(buckets),
        exemplars,
      })
    }
    return collected
  }
}
