// Histograms counted on the hot path (request durations) in the form the metrics SDK collects.
import type { Attributes, HrTime } from '@opentelemetry/api'
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics'
import type { ExemplarData, HistogramSeries, HistogramSource } from './histogram-source.ts'

/** ValueType.DOUBLE */
const double = 1
// A source gives exemplars to whoever asks first; what another reader has not seen yet waits here, bounded.
const maxWaiting = 10_000

interface Taken {
  readonly source: HistogramSource
  readonly series: readonly HistogramSeries[]
}

/** The sources, read by several readers (OTLP, Prometheus, console): each sees every exemplar once. */
export class Sources {
  private readonly sources: readonly HistogramSource[]
  private readonly readers = new Set<SourceReader>()

  constructor(sources: readonly HistogramSource[]) {
    this.sources = sources
  }

  openReader(temporality: AggregationTemporality): SourceReader {
    const reader = new SourceReader(this, temporality)
    this.readers.add(reader)
    return reader
  }

  take(asking: SourceReader): Taken[] {
    return this.sources.map(source => {
      const series = source.collect()
      for (const reader of this.readers) if (reader !== asking) reader.keep(source, series)
      return { source, series }
    })
  }
}

export class SourceReader {
  private readonly sources: Sources
  private readonly temporality: AggregationTemporality
  private readonly waiting = new Map<string, ExemplarData[]>()
  private waitingCount = 0
  /** Delta only: what was reported last, per series. */
  private readonly last = new Map<
    string,
    { counts: readonly number[]; sum: number; count: number; atMs: number }
  >()

  constructor(sources: Sources, temporality: AggregationTemporality) {
    this.sources = sources
    this.temporality = temporality
  }

  keep(source: HistogramSource, series: readonly HistogramSeries[]): void {
    for (const one of series) {
      if (one.exemplars.length === 0 || this.waitingCount >= maxWaiting) continue
      const key = keyOf(source, one.attributes)
      // One per bucket is enough: the newest.
      const kept = new Map((this.waiting.get(key) ?? []).map(e => [bucketOf(source, e.value), e]))
      const before = kept.size
      for (const exemplar of one.exemplars) kept.set(bucketOf(source, exemplar.value), exemplar)
      this.waitingCount += kept.size - before
      this.waiting.set(key, [...kept.values()])
    }
  }

  collect(nowMs: number): ScopeMetrics[] {
    const scopes: ScopeMetrics[] = []
    for (const { source, series } of this.sources.take(this)) {
      const dataPoints = series
        .map(one => this.toPoint(source, one, nowMs))
        .filter(point => point !== undefined)
      if (dataPoints.length === 0) continue
      const data = {
        descriptor: {
          name: source.name,
          description: source.description,
          unit: source.unit,
          valueType: double,
        },
        aggregationTemporality: this.temporality,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints,
      } as MetricData
      addToScope(scopes, { name: source.scope.name, version: source.scope.version }, data)
    }
    this.waiting.clear()
    this.waitingCount = 0
    return scopes
  }

  private toPoint(source: HistogramSource, series: HistogramSeries, nowMs: number): object | undefined {
    const key = keyOf(source, series.attributes)
    const exemplars = [...(this.waiting.get(key) ?? []), ...series.exemplars]
    const cumulative = {
      startMs: series.startMs,
      counts: [...series.bucketCounts],
      sum: series.sum,
      count: series.count,
      min: series.min as number | undefined,
      max: series.max as number | undefined,
    }
    const value =
      this.temporality === AggregationTemporality.CUMULATIVE
        ? cumulative
        : this.toDelta(key, cumulative, nowMs)
    if (value.count === 0) return undefined
    return {
      attributes: series.attributes,
      startTime: toHrTime(value.startMs),
      endTime: toHrTime(nowMs),
      value: {
        buckets: { boundaries: [...source.boundaries], counts: value.counts },
        sum: value.sum,
        count: value.count,
        min: value.min,
        max: value.max,
      },
      ...(exemplars.length === 0 ? {} : { exemplars }),
    }
  }

  private toDelta<T extends { startMs: number; counts: number[]; sum: number; count: number }>(
    key: string,
    now: T,
    nowMs: number,
  ): T & { min: number | undefined; max: number | undefined } {
    const before = this.last.get(key)
    this.last.set(key, { counts: now.counts, sum: now.sum, count: now.count, atMs: nowMs })
    const all = now as T & { min: number | undefined; max: number | undefined }
    if (before === undefined) return all
    return {
      ...all,
      startMs: before.atMs,
      counts: now.counts.map((count, i) => count - before.counts[i]!),
      sum: now.sum - before.sum,
      count: now.count - before.count,
      // The smallest and largest of an interval cannot be told from those of all time.
      min: undefined,
      max: undefined,
    }
  }
}

/** Joins `added` to `scopes`: a scope that is there already gets the metrics. */
export function mergeScopes(scopes: ScopeMetrics[], added: readonly ScopeMetrics[]): ScopeMetrics[] {
  const merged = scopes.map(({ scope, metrics }) => ({ scope, metrics: [...metrics] }))
  for (const { scope, metrics } of added) for (const metric of metrics) addToScope(merged, scope, metric)
  return merged
}

function addToScope(scopes: ScopeMetrics[], scope: ScopeMetrics['scope'], data: MetricData): void {
  const known = scopes.find(
    one => one.scope.name === scope.name && (one.scope.version ?? '') === (scope.version ?? ''),
  )
  if (known === undefined) scopes.push({ scope, metrics: [data] })
  else known.metrics.push(data)
}

function keyOf(source: HistogramSource, attributes: Attributes): string {
  return `${source.name}${JSON.stringify(attributes)}`
}

function bucketOf(source: HistogramSource, value: number): number {
  const at = source.boundaries.findIndex(bound => value <= bound)
  return at < 0 ? source.boundaries.length : at
}

function toHrTime(ms: number): HrTime {
  const seconds = Math.trunc(ms / 1000)
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)]
}
