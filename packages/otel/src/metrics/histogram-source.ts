// Durations that the hot path counts in interned series, in the shape the metric reader takes them over.
import type { Attributes } from '@opentelemetry/api'

export interface ExemplarData {
  value: number
  /** Milliseconds since the epoch. */
  timeMs: number
  traceId: string
  spanId: string
  filteredAttributes: Attributes
}

export interface HistogramSeries {
  attributes: Attributes
  /** Milliseconds since the epoch at which this series began. */
  startMs: number
  count: number
  sum: number
  min: number
  max: number
  /** One more than boundaries. */
  bucketCounts: number[]
  exemplars: ExemplarData[]
}

export interface HistogramSource {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly scope: { readonly name: string; readonly version: string }
  readonly boundaries: readonly number[]
  /** Cumulative since the process began; exemplars are those of the last interval and are cleared by the call. */
  collect(): HistogramSeries[]
}
