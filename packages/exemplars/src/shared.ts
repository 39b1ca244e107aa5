// One state per process, whoever activates first: the preload, an import, the CommonJS or the ES copy, an older version.
import { AsyncLocalStorage } from 'node:async_hooks'
import { diag } from '@opentelemetry/api'
import type { Scrape } from './scrape.ts'
import type { MetricSeries } from './series.ts'

export interface ExemplarOptions {
  /** A bucket shows a new exemplar at most once in this time. Default 1,000 ms. */
  intervalMs?: number
  /** More labels for an exemplar, kept while the set stays within OpenMetrics' 128 characters. */
  labels?: () => Readonly<Record<string, string>>
  /** `false` records no exemplars and serves every page as without us. */
  enabled?: boolean
}

export interface Shared {
  readonly scrapes: AsyncLocalStorage<Scrape | undefined>
  /** Classes that are patched already. */
  readonly patched: WeakSet<object>
  /** prom-client's metric -> its exemplars by label values. */
  readonly series: WeakMap<object, MetricSeries>
  /** `Registry` class -> the module it belongs to, so that a registry leads to its `Histogram`. */
  readonly clients: WeakMap<object, object>
  /** Methods that instances made before us carry as their own property. */
  readonly adoptable: { Class: unknown; name: string; original: unknown; ours: unknown }[]
  readonly options: { intervalMs: number; labels: ExemplarOptions['labels']; enabled: boolean }
  /** OTEL_METRICS_EXEMPLAR_FILTER for the metrics SDK. */
  filter: 'trace_based' | 'always_on' | 'always_off'
  /** True while the helper records the duration of a call that failed. */
  failing: boolean
  watching: boolean
  failures: number
}

const key = Symbol.for('org.otel.exemplars')

export const shared: Shared = ((globalThis as Record<symbol, unknown>)[key] ??= create()) as Shared

function create(): Shared {
  return {
    scrapes: new AsyncLocalStorage(),
    patched: new WeakSet(),
    series: new WeakMap(),
    clients: new WeakMap(),
    adoptable: [],
    options: { intervalMs: 1000, labels: undefined, enabled: true },
    filter: 'trace_based',
    failing: false,
    watching: false,
    failures: 0,
  }
}

export function setOptions(options: ExemplarOptions | undefined): void {
  if (options === undefined) return
  const interval = options.intervalMs
  if (interval !== undefined && interval >= 0) shared.options.intervalMs = interval
  if (options.labels !== undefined) shared.options.labels = options.labels
  if (options.enabled !== undefined) shared.options.enabled = options.enabled
}

/** Our own failure stays ours: counted (tests require 0) and told to whoever listens to OpenTelemetry's diagnostics. */
export function swallow(where: string, error: unknown): void {
  shared.failures++
  if (shared.failures <= 3)
    diag.warn(`exemplars: ${where}: ${error instanceof Error ? error.message : error}`)
}
