// What prom-client (14, 15, and its successors) keeps in a metric, as far as we read it. Nothing here writes to one.

/** What we need of `require('prom-client')`. */
export interface PromClient {
  readonly Registry: any
  readonly Histogram: any
  readonly Counter: any
  readonly register?: any
  readonly AggregatorRegistry?: any
  readonly WorkerRegistry?: any
  readonly Pushgateway?: any
}

export interface PromMetric {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly hashMap?: Record<string, object>
  readonly store?: { entry(labels: object): object | undefined }
  readonly labelNames?: readonly string[]
  readonly sortedLabelNames?: readonly string[]
  readonly upperBounds?: readonly number[]
  readonly enableExemplars?: boolean
  get(): Promise<PromData> | PromData
}

export interface PromData {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly values?: readonly PromRow[]
}

export interface PromRow {
  readonly value: number
  readonly labels?: Record<string, string | number>
  readonly metricName?: string
  /** prom-client 15's own field. */
  readonly exemplar?: PromExemplar | null
}

/** prom-client 15's own shape, so that rows travel between cluster workers of both kinds. */
export interface PromExemplar {
  readonly labelSet: Readonly<Record<string, string>>
  readonly value: number
  /** Seconds since the epoch. */
  readonly timestamp: number
}

/**
 * Where a metric keeps its series: `hashMap`, named after the declared labels, `a:1,b:2,` (prom-client 15) or the
 * given ones, `a:1,b:2` (14); or a `store` that finds them (@prometheus-io/client, @platformatic/prom-client).
 */
export type SeriesStyle = 'names' | 'keys' | 'store'

const styles = new WeakMap<object, SeriesStyle>()

export function setSeriesStyle(Class: { prototype: object }, style: SeriesStyle): void {
  styles.set(Class.prototype, style)
}

export function seriesStyleOf(metric: object): SeriesStyle | undefined {
  for (let proto = Object.getPrototypeOf(metric); proto !== null; proto = Object.getPrototypeOf(proto)) {
    const style = styles.get(proto)
    if (style !== undefined) return style
  }
  return undefined
}

/** Finds the style by looking for a throw-away histogram's series; undefined when none of them leads to it. */
export function probeSeriesStyle(Histogram: any): SeriesStyle | undefined {
  try {
    const labels = { b: '2', a: '1' }
    const probe = new Histogram({ name: 'p', help: 'p', labelNames: ['b', 'a'], buckets: [1], registers: [] })
    probe.observe(labels, 0.5)
    if (!Array.isArray(probe.upperBounds)) return undefined
    return (['store', 'names', 'keys'] as const).find(style => {
      const series = hasStyle(probe, style) ? findSeries(probe, style, labels) : undefined
      return (series as { count?: number } | undefined)?.count === 1
    })
  } catch {
    return undefined
  }
}

function hasStyle(probe: any, style: SeriesStyle): boolean {
  if (style === 'store') return typeof probe.store?.entry === 'function'
  return probe.hashMap !== undefined && (style === 'keys' || Array.isArray(probe.sortedLabelNames))
}

/** prom-client's own object for these labels: `{ labels, count, ... }`, or `{ labels, value }` of a counter. */
export function findSeries(
  metric: PromMetric,
  style: SeriesStyle,
  labels: Record<string, unknown>,
): object | undefined {
  if (style === 'store') return metric.store!.entry(labels)
  let key = ''
  if (style === 'names') {
    const names = metric.sortedLabelNames!
    for (let i = 0; i < names.length; i++) {
      const value = labels[names[i]!]
      if (value !== undefined) key += `${names[i]}:${value},`
    }
  } else {
    const names = Object.keys(labels)
    if (names.length > 1) names.sort()
    for (let i = 0; i < names.length; i++) key += `${i === 0 ? '' : ','}${names[i]}:${labels[names[i]!]}`
  }
  return metric.hashMap![key]
}

/** Replaces a method so that name, length and visibility stay as they were. */
export function replaceMethod(
  proto: any,
  name: string,
  replacement: (this: any, ...args: any[]) => any,
): void {
  const descriptor = Object.getOwnPropertyDescriptor(proto, name)!
  const { name: shown, length } = descriptor.value
  Object.defineProperty(replacement, 'name', { value: shown, configurable: true })
  Object.defineProperty(replacement, 'length', { value: length, configurable: true })
  Object.defineProperty(proto, name, { ...descriptor, value: replacement })
}
