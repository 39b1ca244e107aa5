// `otel.sdk.exporter.operation.duration`: how long each attempt to send took and how it ended.
// Names: semantic conventions, "OpenTelemetry SDK metrics".
import type { HistogramSeries, HistogramSource } from '../metrics/histogram-source.ts'
import type { Ledger } from './account.ts'
import type { Outcome } from './outcome.ts'

const boundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

export class OperationDurations implements HistogramSource {
  readonly name = 'otel.sdk.exporter.operation.duration'
  readonly description = 'The duration of exporting a batch of telemetry records'
  readonly unit = 's'
  readonly scope: { readonly name: string; readonly version: string }
  readonly boundaries = boundaries
  private readonly series = new Map<string, HistogramSeries>()

  constructor(scope: { readonly name: string; readonly version: string }) {
    this.scope = scope
  }

  record(ledger: Ledger, ms: number, outcome: Outcome): void {
    const error = outcome.kind === 'accepted' ? undefined : outcome.code
    const key = `${ledger.component} ${error}`
    let series = this.series.get(key)
    if (series === undefined) {
      series = {
        attributes: {
          'otel.component.name': `${ledger.component}/0`,
          'otel.component.type': ledger.component,
          ...(error === undefined ? {} : { 'error.type': error }),
        },
        startMs: Date.now(),
        count: 0,
        sum: 0,
        min: Number.POSITIVE_INFINITY,
        max: 0,
        bucketCounts: new Array(boundaries.length + 1).fill(0),
        exemplars: [],
      }
      this.series.set(key, series)
    }
    const seconds = ms / 1000
    let bucket = 0
    while (bucket < boundaries.length && seconds > boundaries[bucket]!) bucket++
    series.bucketCounts[bucket]!++
    series.count++
    series.sum += seconds
    series.min = Math.min(series.min, seconds)
    series.max = Math.max(series.max, seconds)
  }

  collect(): HistogramSeries[] {
    return [...this.series.values()].map(s => ({ ...s, bucketCounts: [...s.bucketCounts] }))
  }
}
