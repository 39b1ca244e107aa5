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
  readonly labelNames?: readonly string[]
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

/** Why a metric of this class is not what we know; undefined when it is. */
export function checkHistogram(Histogram: any): string | undefined {
  try {
    const probe = new Histogram({ name: 'p', help: 'p', labelNames: ['a'], buckets: [1], registers: [] })
    const isKnown = probe.upperBounds?.[0] === 1 && probe.labelNames?.[0] === 'a'
    const methods = [probe.observe, probe.labels, probe.reset, probe.remove, probe.zero, probe.get]
    return isKnown && methods.every(method => typeof method === 'function')
      ? undefined
      : 'its histograms have another form'
  } catch (error) {
    return `its histograms have another form (${error instanceof Error ? error.message : error})`
  }
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
