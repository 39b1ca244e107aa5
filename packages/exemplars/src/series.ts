// A metric's exemplars by label values. A path of maps instead of a joined key: joining and hashing a string costs
// more than everything else an exemplar needs (130 of 290 ns, bench/observe.mjs).
import type { PromMetric } from './prom-metric.ts'
import { shared } from './shared.ts'
import type { ExemplarSlot } from './slot.ts'

/** One slot per bucket of a histogram, the first one for a counter. */
export type Slots = (ExemplarSlot | undefined)[]
/** Label value -> next label's node; after the last label, the slots. */
export type SeriesNode = Map<string | undefined, SeriesNode> | Slots

/** What we keep for one metric. */
export interface MetricSeries {
  readonly names: readonly string[]
  /** A copy of the upper bounds: prom-client's own array is frozen, which makes V8 box its numbers. */
  readonly bounds: readonly number[] | undefined
  readonly root: SeriesNode
  /** The application keeps exemplars of its own in this metric. */
  readonly isTheirs: boolean
}

// The metric observed last: often the next one too, and a comparison costs a tenth of the look-up.
let lastMetric: object | undefined
let lastSeries: MetricSeries | undefined

export function openSeries(metric: PromMetric): MetricSeries {
  if (metric === lastMetric && lastSeries !== undefined) return lastSeries
  lastMetric = metric
  lastSeries = shared.series.get(metric) ?? addSeries(metric)
  return lastSeries
}

function addSeries(metric: PromMetric): MetricSeries {
  const names = [...(metric.labelNames ?? [])]
  const bounds = metric.upperBounds && [...metric.upperBounds]
  const series: MetricSeries = {
    names,
    bounds,
    root: names.length === 0 ? [] : new Map(),
    isTheirs: metric.enableExemplars === true,
  }
  shared.series.set(metric, series)
  return series
}

/** The slots of the series with these labels, made when they are first asked for. */
export function openSlots({ names, root }: MetricSeries, labels: Record<string, unknown>): Slots {
  let node = root
  for (let i = 0; i < names.length; i++) {
    const value = labels[names[i]!]
    const key = typeof value === 'string' ? value : toKey(value)
    const map = node as Map<string | undefined, SeriesNode>
    const next = map.get(key)
    if (next !== undefined) node = next
    else map.set(key, (node = i === names.length - 1 ? [] : new Map()))
  }
  return node as Slots
}

export function findSlots(metric: PromMetric, labels: Record<string, unknown>): Slots | undefined {
  const series = shared.series.get(metric)
  let node = series?.root
  for (const name of series?.names ?? []) {
    if (!(node instanceof Map)) return undefined
    node = node.get(toKey(labels[name]))
  }
  return Array.isArray(node) ? node : undefined
}

/**
 * The series is gone or starts again: its exemplars would describe what it no longer counts. Its path goes, too: an
 * application that removes the labels of closed connections does so because they never end.
 */
export function dropSlots(metric: PromMetric, labels: Record<string, unknown>): void {
  const series = shared.series.get(metric)
  if (series === undefined) return
  const { names, root } = series
  const path: { map: Map<string | undefined, SeriesNode>; key: string | undefined }[] = []
  let node: SeriesNode | undefined = root
  for (let i = 0; i < names.length; i++) {
    const map = node as Map<string | undefined, SeriesNode>
    const key = toKey(labels[names[i]!])
    node = map.get(key)
    if (node === undefined) return
    path.push({ map, key })
  }
  ;(node as Slots).length = 0
  for (const { map, key } of path.reverse()) {
    map.delete(key)
    if (map.size > 0) return
  }
}

export function dropAll(metric: object): void {
  lastMetric = undefined
  shared.series.delete(metric)
}

// prom-client names a series by the text of its label values: 200 and "200" are the same.
function toKey(value: unknown): string | undefined {
  return value === undefined ? undefined : String(value)
}
