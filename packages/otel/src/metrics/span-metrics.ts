// Opt-in, for teams without a Collector connector: how long spans took that enter or leave the service, by service, name,
// kind and status, with exemplars. Counted here and not in the metrics SDK, because every sampled span passes.
import type { EndedSpan } from '../tracing/ended-span.ts'
import type { ExemplarData, HistogramSeries, HistogramSource } from './histogram-source.ts'

// The names and buckets of the Collector's span metrics connector, so that its dashboards fit; seconds.
const boundaries = [0.002, 0.004, 0.006, 0.008, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1, 1.4, 2, 5, 10, 15]
const internal = 0
const kinds = [
  'SPAN_KIND_INTERNAL',
  'SPAN_KIND_SERVER',
  'SPAN_KIND_CLIENT',
  'SPAN_KIND_PRODUCER',
  'SPAN_KIND_CONSUMER',
]
const statuses = ['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR']
const overflowName = '_other'

interface Slot {
  value: number
  timeMs: number
  span: Pick<EndedSpan, 't0' | 't1' | 't2' | 't3' | 's0' | 's1'>
}

interface Series {
  readonly name: string
  readonly kind: number
  readonly status: number
  readonly startMs: number
  readonly counts: number[]
  count: number
  sum: number
  min: number
  max: number
  slots: (Slot | undefined)[]
}

export class SpanMetrics implements HistogramSource {
  readonly name = 'traces.span.metrics.duration'
  readonly description = 'Duration of entry and exit spans by name, kind and status.'
  readonly unit = 's'
  readonly scope: { readonly name: string; readonly version: string }
  readonly boundaries = boundaries
  private readonly series = new Map<string, Series>()
  private readonly options: { service: string; maxSeries: number; exemplars: boolean; now: () => number }

  /** At most `maxSeries` series; span names beyond that are counted together as `_other`. */
  constructor(options: {
    scope: { readonly name: string; readonly version: string }
    service: string
    maxSeries: number
    exemplars: boolean
    now?: () => number
  }) {
    this.scope = options.scope
    this.options = { now: Date.now, ...options }
  }

  record(span: EndedSpan): void {
    // Inner spans are many and named by everybody; what a service does is seen where it is asked and where it asks.
    if (span.kind === internal) return
    const series = this.find(span.name, span.kind, span.statusCode)
    const seconds = Math.max(0, (span.endMs - span.startMs) / 1000)
    let bucket = 0
    while (bucket < boundaries.length && seconds > boundaries[bucket]!) bucket++
    series.counts[bucket]!++
    series.count++
    series.sum += seconds
    if (seconds < series.min) series.min = seconds
    if (seconds > series.max) series.max = seconds
    if (!this.options.exemplars || (span.flags & 1) === 0) return
    // The slowest of the interval; ids are printed when collected.
    const slot = series.slots[bucket]
    if (slot !== undefined && slot.value >= seconds) return
    const { t0, t1, t2, t3, s0, s1 } = span
    series.slots[bucket] = { value: seconds, timeMs: span.endMs, span: { t0, t1, t2, t3, s0, s1 } }
  }

  collect(): HistogramSeries[] {
    return [...this.series.values()].map(series => {
      const exemplars = series.slots.filter(slot => slot !== undefined).map(printExemplar)
      series.slots = []
      return {
        attributes: {
          'service.name': this.options.service,
          'span.name': series.name,
          'span.kind': kinds[series.kind] ?? kinds[0]!,
          'status.code': statuses[series.status] ?? statuses[0]!,
        },
        startMs: series.startMs,
        count: series.count,
        sum: series.sum,
        min: series.min,
        max: series.max,
        bucketCounts: [...series.counts],
        exemplars,
      }
    })
  }

  private find(name: string, kind: number, status: number): Series {
    const key = `${kind} ${status} ${name}`
    const known = this.series.get(key)
    if (known !== undefined) return known
    // Room is kept for `_other` of each kind and status, so the limit is a limit.
    const room = this.options.maxSeries - (kinds.length - 1) * statuses.length
    if (this.series.size >= room && name !== overflowName) return this.find(overflowName, kind, status)
    const series: Series = {
      name,
      kind,
      status,
      startMs: this.options.now(),
      counts: new Array(boundaries.length + 1).fill(0),
      count: 0,
      sum: 0,
      min: Number.POSITIVE_INFINITY,
      max: 0,
      slots: [],
    }
    this.series.set(key, series)
    return series
  }
}

function printExemplar({ value, timeMs, span }: Slot): ExemplarData {
  const { t0, t1, t2, t3, s0, s1 } = span
  return { value, timeMs, traceId: print(t0, t1, t2, t3), spanId: print(s0, s1), filteredAttributes: {} }
}

function print(...words: number[]): string {
  return words.map(word => (word >>> 0).toString(16).padStart(8, '0')).join('')
}
