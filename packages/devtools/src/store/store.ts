// A bounded memory of everything received. When a bound is reached the oldest goes, and `dropped` says how much went.
import type { Attributes, AttributeValue, Exemplar, LogRecord, MetricPoint, Point, Span } from './record.ts'
import { buildTrace, type Trace } from './trace.ts'
import { weighAttributes, weighLog, weighPoint, weighSpan } from './weight.ts'

export interface StoreBounds {
  readonly bytes: number
  readonly traces: number
  readonly spans: number
  readonly spansPerTrace: number
  readonly logs: number
  readonly series: number
  readonly pointsPerSeries: number
}

export const defaultBounds: StoreBounds = {
  bytes: 64 * 1024 * 1024,
  traces: 20_000,
  spans: 200_000,
  spansPerTrace: 50_000,
  logs: 50_000,
  series: 2_000,
  pointsPerSeries: 600,
}

/** One metric stream: everything but the points is the same for all of them. */
export interface Series extends Omit<MetricPoint, 'point'> {
  /** Oldest first. */
  readonly points: readonly Point[]
  readonly latest: Point
}

/** An exemplar with the series it illustrates. */
export interface FoundExemplar extends Exemplar {
  readonly metric: string
  readonly service: string
  readonly series: Series
}

export type AttributeFilter = { readonly [key: string]: AttributeValue | RegExp }

export interface SpanFilter {
  readonly traceId?: string
  readonly spanId?: string
  readonly name?: string | RegExp
  readonly kind?: Span['kind']
  readonly service?: string | RegExp
  readonly error?: boolean
  readonly minMs?: number
  readonly attributes?: AttributeFilter
}

export interface LogFilter {
  readonly traceId?: string
  readonly spanId?: string
  readonly service?: string | RegExp
  readonly severity?: string | RegExp
  /** Objects are compared as JSON text. */
  readonly body?: string | RegExp
  readonly attributes?: AttributeFilter
}

export interface Dropped {
  traces: number
  spans: number
  logs: number
  series: number
  points: number
}

interface TraceEntry {
  readonly spans: Span[]
  bytes: number
  dropped: number
  sequence: number
  rooted: boolean
}

interface SeriesEntry {
  readonly series: Series & { points: Point[]; latest: Point }
  readonly bytes: number[]
  total: number
  sequence: number
}

/**
 * Bounded store of traces, logs and metrics.
 *
 *     const trace = await receiver.store.waitFor(store => store.traces().find(t => t.errors > 0))
 */
export class Store {
  /** What had to go because a bound was reached. */
  readonly dropped: Dropped = { traces: 0, spans: 0, logs: 0, series: 0, points: 0 }
  private readonly bounds: StoreBounds
  // Maps keep insertion order: the first key is the oldest.
  private readonly traceEntries = new Map<string, TraceEntry>()
  private readonly seriesEntries = new Map<string, SeriesEntry>()
  private readonly logEntries = new Map<number, { log: LogRecord; bytes: number }>()
  private readonly listeners = new Set<() => void>()
  private sequence = 0
  private spanCount = 0
  private usedBytes = 0

  constructor(bounds: Partial<StoreBounds> = {}) {
    this.bounds = { ...defaultBounds, ...bounds }
  }

  /** How much is held, and (roughly) how many bytes that is. */
  get size(): { traces: number; spans: number; logs: number; series: number; bytes: number } {
    return {
      traces: this.traceEntries.size,
      spans: this.spanCount,
      logs: this.logEntries.size,
      series: this.seriesEntries.size,
      bytes: this.usedBytes,
    }
  }

  addSpans(spans: readonly Span[]): void {
    for (const span of spans) this.addSpan(span)
    this.changed(spans.length)
  }

  addLogs(logs: readonly LogRecord[]): void {
    for (const log of logs) {
      const bytes = weighLog(log)
      this.logEntries.set(++this.sequence, { log, bytes })
      this.usedBytes += bytes
      while (this.logEntries.size > this.bounds.logs) this.dropOldestLog()
      this.makeRoom()
    }
    this.changed(logs.length)
  }

  addMetrics(points: readonly MetricPoint[]): void {
    for (const point of points) this.addPoint(point)
    this.changed(points.length)
  }

  /** All traces, oldest arrival first. */
  traces(): Trace[] {
    return [...this.traceEntries.keys()].map(traceId => this.trace(traceId)!)
  }

  trace(traceId: string): Trace | undefined {
    const entry = this.traceEntries.get(traceId)
    return entry && buildTrace(traceId, entry.spans, entry.dropped)
  }

  has(traceId: string): boolean {
    return this.traceEntries.has(traceId)
  }

  /** Number of spans of every trace, and whether its root is here: cheap enough to ask after every arrival. */
  *outline(): Generator<{ traceId: string; spans: number; rooted: boolean }> {
    for (const [traceId, { spans, rooted }] of this.traceEntries)
      yield { traceId, spans: spans.length, rooted }
  }

  /** Spans in arrival order that fit every given condition. */
  spans(filter: SpanFilter = {}): Span[] {
    const found: Span[] = []
    const entries =
      filter.traceId === undefined
        ? this.traceEntries.values()
        : [this.traceEntries.get(filter.traceId)].filter(entry => entry !== undefined)
    for (const entry of entries) for (const span of entry.spans) if (fitsSpan(span, filter)) found.push(span)
    return found
  }

  /** Log records in arrival order that fit every given condition. */
  logs(filter: LogFilter = {}): LogRecord[] {
    const found: LogRecord[] = []
    for (const { log } of this.logEntries.values()) if (fitsLog(log, filter)) found.push(log)
    return found
  }

  /** The series of a metric, or of all metrics. */
  metrics(name?: string | RegExp): Series[] {
    const found: Series[] = []
    for (const { series } of this.seriesEntries.values()) {
      if (name === undefined || fitsText(series.name, name)) found.push(series)
    }
    return found
  }

  /** The exemplars of a metric, or of all metrics, oldest first. The same measurement is reported once. */
  exemplars(name?: string | RegExp): FoundExemplar[] {
    const found: FoundExemplar[] = []
    const seen = new Set<string>()
    for (const series of this.metrics(name)) {
      for (const point of series.points) {
        for (const exemplar of point.exemplars) {
          // Cumulative exporters repeat an exemplar until a newer one replaces it.
          const key = `${series.name}\0${exemplar.traceId}\0${exemplar.spanId}\0${exemplar.timeMs}\0${exemplar.value}`
          if (seen.has(key)) continue
          seen.add(key)
          found.push({ ...exemplar, metric: series.name, service: series.service, series })
        }
      }
    }
    return found.sort((a, b) => a.timeMs - b.timeMs)
  }

  clear(): void {
    this.traceEntries.clear()
    this.seriesEntries.clear()
    this.logEntries.clear()
    this.spanCount = 0
    this.usedBytes = 0
    this.changed(1)
  }

  /** Calls `listener` after every change; the returned function stops that. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /**
   * Resolves with the first truthy answer of `predicate`, asked now and after every arrival.
   * Rejects after `timeoutMs` (default 10 s) with `describe()` in the message.
   */
  waitFor<T>(
    predicate: (store: Store) => T | undefined | null | false,
    options: { timeoutMs?: number; describe?: () => string } = {},
  ): Promise<T> {
    const { timeoutMs = 10_000, describe } = options
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined
      let stop = () => {}
      const settle = (finish: () => void) => {
        clearTimeout(timer)
        stop()
        finish()
      }
      const ask = () => {
        try {
          const answer = predicate(this)
          if (answer) settle(() => resolve(answer))
        } catch (error) {
          settle(() => reject(error))
        }
      }
      timer = setTimeout(() => {
        const { traces, spans, logs, series } = this.size
        const what = describe?.() ?? `the condition was not met`
        const held = `received so far: ${spans} spans in ${traces} traces, ${logs} log records, ${series} series`
        settle(() => reject(new Error(`after ${timeoutMs} ms: ${what} (${held})`)))
      }, timeoutMs)
      stop = this.subscribe(ask)
      ask()
    })
  }

  private addSpan(span: Span): void {
    let entry = this.traceEntries.get(span.traceId)
    if (entry === undefined) {
      entry = { spans: [], bytes: 0, dropped: 0, sequence: ++this.sequence, rooted: false }
      this.traceEntries.set(span.traceId, entry)
    }
    if (entry.spans.length >= Math.min(this.bounds.spansPerTrace, this.bounds.spans)) {
      entry.dropped++
      this.dropped.spans++
      return
    }
    const bytes = weighSpan(span)
    entry.spans.push(span)
    if (span.parentSpanId === undefined) entry.rooted = true
    entry.bytes += bytes
    this.usedBytes += bytes
    this.spanCount++
    while (this.traceEntries.size > this.bounds.traces || this.spanCount > this.bounds.spans) {
      this.dropOldestTrace()
    }
    this.makeRoom()
  }

  private addPoint(metric: MetricPoint): void {
    const { point, ...identity } = metric
    const key = seriesKey(metric)
    let entry = this.seriesEntries.get(key)
    // Re-inserted, so that the first key is the series that was silent longest.
    if (entry !== undefined) this.seriesEntries.delete(key)
    else {
      const total = 300 + weighAttributes(metric.attributes)
      entry = { series: { ...identity, points: [], latest: point }, bytes: [], total, sequence: 0 }
      this.usedBytes += total
    }
    this.seriesEntries.set(key, entry)
    entry.sequence = ++this.sequence
    const bytes = weighPoint(metric)
    entry.series.points.push(point)
    entry.series.latest = point
    entry.bytes.push(bytes)
    entry.total += bytes
    this.usedBytes += bytes
    if (entry.series.points.length > this.bounds.pointsPerSeries) {
      entry.series.points.shift()
      const freed = entry.bytes.shift()!
      entry.total -= freed
      this.usedBytes -= freed
      this.dropped.points++
    }
    while (this.seriesEntries.size > this.bounds.series) this.dropOldestSeries()
    this.makeRoom()
  }

  /** Lets the oldest record of any kind go until the bytes fit. */
  private makeRoom(): void {
    while (this.usedBytes > this.bounds.bytes) {
      const trace = first(this.traceEntries)?.[1].sequence ?? Number.POSITIVE_INFINITY
      const log = first(this.logEntries)?.[0] ?? Number.POSITIVE_INFINITY
      const series = first(this.seriesEntries)?.[1].sequence ?? Number.POSITIVE_INFINITY
      const oldest = Math.min(trace, log, series)
      if (oldest === Number.POSITIVE_INFINITY) return
      if (oldest === log) this.dropOldestLog()
      else if (oldest === trace) this.dropOldestTrace()
      else this.dropOldestSeries()
    }
  }

  private dropOldestTrace(): void {
    const oldest = first(this.traceEntries)
    if (oldest === undefined) return
    const [traceId, entry] = oldest
    this.traceEntries.delete(traceId)
    this.usedBytes -= entry.bytes
    this.spanCount -= entry.spans.length
    this.dropped.traces++
    this.dropped.spans += entry.spans.length
  }

  private dropOldestLog(): void {
    const oldest = first(this.logEntries)
    if (oldest === undefined) return
    this.logEntries.delete(oldest[0])
    this.usedBytes -= oldest[1].bytes
    this.dropped.logs++
  }

  private dropOldestSeries(): void {
    const oldest = first(this.seriesEntries)
    if (oldest === undefined) return
    this.seriesEntries.delete(oldest[0])
    this.usedBytes -= oldest[1].total
    this.dropped.series++
    this.dropped.points += oldest[1].series.points.length
  }

  private changed(count: number): void {
    if (count === 0) return
    for (const listener of [...this.listeners]) listener()
  }
}

export function fitsSpan(span: Span, filter: SpanFilter): boolean {
  return (
    (filter.traceId === undefined || span.traceId === filter.traceId) &&
    (filter.spanId === undefined || span.spanId === filter.spanId) &&
    (filter.name === undefined || fitsText(span.name, filter.name)) &&
    (filter.kind === undefined || span.kind === filter.kind) &&
    (filter.service === undefined || fitsText(span.service, filter.service)) &&
    (filter.error === undefined || (span.status.code === 'error') === filter.error) &&
    (filter.minMs === undefined || span.durationMs >= filter.minMs) &&
    fitsAttributes(span.attributes, filter.attributes)
  )
}

export function fitsLog(log: LogRecord, filter: LogFilter): boolean {
  return (
    (filter.traceId === undefined || log.traceId === filter.traceId) &&
    (filter.spanId === undefined || log.spanId === filter.spanId) &&
    (filter.service === undefined || fitsText(log.service, filter.service)) &&
    (filter.severity === undefined || fitsText(log.severity, filter.severity)) &&
    (filter.body === undefined || fitsText(bodyText(log.body), filter.body)) &&
    fitsAttributes(log.attributes, filter.attributes)
  )
}

/** The body as a person would read it. */
export function bodyText(body: AttributeValue): string {
  if (typeof body === 'string') return body
  return JSON.stringify(body, (_, value) => (typeof value === 'bigint' ? value.toString() : value)) ?? ''
}

function fitsAttributes(attributes: Attributes, filter: AttributeFilter | undefined): boolean {
  if (filter === undefined) return true
  return Object.entries(filter).every(([key, wanted]) => {
    if (!Object.hasOwn(attributes, key)) return false
    const value = attributes[key]!
    if (wanted instanceof RegExp) return wanted.test(bodyText(value))
    return typeof wanted === 'object' ? bodyText(value) === bodyText(wanted) : value === wanted
  })
}

function fitsText(value: string, wanted: string | RegExp): boolean {
  return typeof wanted === 'string' ? value === wanted : wanted.test(value)
}

function seriesKey(metric: MetricPoint): string {
  const { resource, scope, attributes } = metric
  const parts = [metric.name, metric.type, metric.unit, scope.name, scope.version]
  return [...parts, canonical(resource.attributes), canonical(attributes)].join('\0')
}

function canonical(attributes: Attributes): string {
  return Object.keys(attributes)
    .sort()
    .map(key => `${key}=${bodyText(attributes[key]!)}`)
    .join('\x01')
}

function first<K, V>(map: Map<K, V>): [K, V] | undefined {
  return map.entries().next().value
}
