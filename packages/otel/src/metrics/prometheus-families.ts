// Collected metrics -> the families of a Prometheus page. Names as the specification's "Prometheus and OpenMetrics
// Compatibility" has them (unit suffix, `_total`), so that they are those of the Collector's Prometheus exporter.
import type { Attributes } from '@opentelemetry/api'
import type { Histogram, MetricData, ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { Family, Sample, SampleExemplar } from '@org/otel-exemplars/open-metrics'
import type { ExemplarData } from './histogram-source.ts'

export interface PageInfo {
  /** `otel_scope_name` and `otel_scope_version` on every sample. */
  readonly scope: boolean
  /** `target_info` with the resource's attributes. */
  readonly target: boolean
}

type Labels = Record<string, string>

const exponentialHistogram = 1
const gauge = 2
const sum = 3

const units: Record<string, string> = {
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  TiBy: 'tibibytes',
  KBy: 'kilobytes',
  MBy: 'megabytes',
  GBy: 'gigabytes',
  TBy: 'terabytes',
  V: 'volts',
  A: 'amperes',
  J: 'joules',
  W: 'watts',
  g: 'grams',
  m: 'meters',
  Cel: 'celsius',
  Hz: 'hertz',
  '%': 'percent',
}

/** Keeps the newest exemplar of each bucket, so that a second Prometheus finds it too. */
export class PrometheusFamilies {
  private readonly info: PageInfo
  private readonly kept = new Map<string, ExemplarData>()

  constructor(info: PageInfo) {
    this.info = info
  }

  build(metrics: ResourceMetrics): Family[] {
    const families = new Map<string, { help: string; type: string; samples: Sample[] }>()
    if (this.info.target) {
      const labels = toLabels(metrics.resource.attributes)
      const samples = [{ name: 'target_info', labels, value: 1 }]
      families.set('target_info', { help: 'Target metadata', type: 'gauge', samples })
    }
    const seen = new Set<string>()
    for (const { scope, metrics: list } of metrics.scopeMetrics) {
      const more: Labels = this.info.scope
        ? { otel_scope_name: scope.name, ...(scope.version ? { otel_scope_version: scope.version } : {}) }
        : {}
      for (const metric of list) {
        const type = typeOf(metric)
        if (type === undefined) continue
        const name = nameOf(metric)
        const family = families.get(name) ?? { help: metric.descriptor.description, type, samples: [] }
        // Two instruments of one name and different types: the first one keeps it.
        if (family.type !== type) continue
        families.set(name, family)
        for (const sample of this.toSamples(name, metric, more)) {
          const id = `${sample.name}${JSON.stringify(sample.labels)}`
          if (!seen.has(id)) family.samples.push(sample)
          seen.add(id)
        }
      }
    }
    for (const key of this.kept.keys()) if (!seen.has(key)) this.kept.delete(key)
    return [...families].map(([name, family]) => ({ name, ...family }))
  }

  private toSamples(name: string, metric: MetricData, more: Labels): Sample[] {
    return (
      metric.dataPoints as { attributes: Attributes; value: unknown; exemplars?: ExemplarData[] }[]
    ).flatMap(({ attributes, value, exemplars = [] }) => {
      const labels = { ...toLabels(attributes), ...more }
      if (typeof value !== 'number') return this.toBuckets(name, labels, value as Histogram, exemplars)
      return [this.toSample(name, labels, value, exemplars.at(-1))]
    })
  }

  private toBuckets(
    name: string,
    labels: Labels,
    value: Histogram,
    exemplars: readonly ExemplarData[],
  ): Sample[] {
    const { boundaries, counts } = value.buckets
    let total = 0
    const samples = counts.map((count, i) => {
      total += count
      const low = i === 0 ? Number.NEGATIVE_INFINITY : boundaries[i - 1]!
      const high = boundaries[i] ?? Number.POSITIVE_INFINITY
      const exemplar = exemplars.findLast(one => one.value > low && one.value <= high)
      const le = high === Number.POSITIVE_INFINITY ? '+Inf' : String(high)
      return this.toSample(`${name}_bucket`, { ...labels, le }, total, exemplar)
    })
    if (value.sum !== undefined) samples.push({ name: `${name}_sum`, labels, value: value.sum })
    samples.push({ name: `${name}_count`, labels, value: value.count })
    return samples
  }

  private toSample(name: string, labels: Labels, value: number, newest: ExemplarData | undefined): Sample {
    const key = `${name}${JSON.stringify(labels)}`
    if (newest !== undefined && newest.traceId !== '') this.kept.set(key, newest)
    const exemplar = this.kept.get(key)
    return { name, labels, value, exemplar: exemplar && toSampleExemplar(exemplar) }
  }
}

function toSampleExemplar({ traceId, spanId, value, timeMs }: ExemplarData): SampleExemplar {
  return { labels: { trace_id: traceId, span_id: spanId }, value, timestamp: timeMs / 1000 }
}

function typeOf(metric: MetricData): string | undefined {
  const type = metric.dataPointType as number
  if (type === sum) return 'isMonotonic' in metric && metric.isMonotonic ? 'counter' : 'gauge'
  // Exponential histograms exist in the protobuf format only.
  return type === gauge ? 'gauge' : type === exponentialHistogram ? undefined : 'histogram'
}

/** `http.server.request.duration` in `s` -> `http_server_request_duration_seconds`. */
export function nameOf(metric: MetricData): string {
  const { name, unit } = metric.descriptor
  const type = typeOf(metric)
  let text = name.replace(/[^a-zA-Z0-9_:]/g, '_').replace(/_{2,}/g, '_')
  if (/^[0-9]/.test(text)) text = `_${text}`
  const suffix = type === 'gauge' && unit === '1' ? 'ratio' : unitSuffix(unit)
  const isCounter = type === 'counter'
  if (isCounter) text = text.replace(/_total$/, '')
  if (suffix !== '' && !text.endsWith(`_${suffix}`)) text += `_${suffix}`
  return isCounter ? `${text}_total` : text
}

function unitSuffix(unit: string): string {
  // Annotations (`{request}`) name nothing; `By/s` becomes bytes_per_second.
  const plain = unit.replace(/\{[^}]*\}/g, '')
  const [over = '', per] = plain.split('/')
  const first = units[over] ?? over.replace(/[^a-zA-Z0-9]/g, '_').replace(/^_+|_+$/g, '')
  const rate = per === undefined ? '' : (units[per]?.replace(/s$/, '') ?? per.replace(/[^a-zA-Z0-9]/g, '_'))
  if (over === '1') return rate === '' ? '' : `per_${rate}`
  return rate === '' ? first : `${first}_per_${rate}`
}

/** Attributes whose names become equal are joined by `;`, as the specification asks. */
function toLabels(attributes: Attributes): Labels {
  const labels: Labels = {}
  for (const key of Object.keys(attributes).sort()) {
    const value = attributes[key]
    if (value === undefined) continue
    let name = key.replace(/[^a-zA-Z0-9_]/g, '_')
    if (/^[0-9]/.test(name)) name = `_${name}`
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    labels[name] = name in labels ? `${labels[name]};${text}` : text
  }
  return labels
}
