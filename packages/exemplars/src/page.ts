// A registry's OpenMetrics page. Unlike prom-client's own, it renames nothing and leaves the registry as it was.
import { type Family, renderOpenMetrics, type Sample } from './open-metrics.ts'
import { readExemplar } from './prom-exemplar.ts'
import type { PromData, PromMetric } from './prom-metric.ts'

export interface PromRegistry {
  getMetricsAsArray(): PromMetric[]
  readonly _defaultLabels?: Record<string, string>
  readonly contentType: string
}

/** At once when every metric answers at once. Throws or rejects when a `collect()` of the application does. */
export function renderPage(registry: PromRegistry): Promise<string> | string {
  const metrics = registry.getMetricsAsArray()
  const data = metrics.map(metric => metric.get())
  if (data.some(item => item instanceof Promise)) {
    return Promise.all(data).then(items => renderData(registry, metrics, items))
  }
  return renderData(registry, metrics, data as PromData[])
}

function renderData(
  registry: PromRegistry,
  metrics: readonly PromMetric[],
  data: readonly PromData[],
): string {
  const defaults = registry._defaultLabels ?? {}
  // An application that chose OpenMetrics for this registry already has `_total` behind every counter.
  const alwaysTotal = registry.contentType.startsWith('application/openmetrics-text')
  const nowMs = Date.now()
  return renderOpenMetrics(data.map((item, i) => toFamily(metrics[i]!, item, defaults, alwaysTotal, nowMs)))
}

function toFamily(
  metric: PromMetric,
  data: PromData,
  defaults: Record<string, string>,
  alwaysTotal: boolean,
  nowMs: number,
): Family {
  const isCounter = data.type === 'counter'
  const name = isCounter && alwaysTotal ? `${data.name.replace(/_total$/, '')}_total` : data.name
  const samples = (data.values ?? []).map((row): Sample => {
    const labels = row.labels ?? {}
    const exemplar = readExemplar(metric, row, nowMs)
    return {
      name: isCounter ? name : (row.metricName ?? name),
      // Own labels first and stronger, as prom-client merges them.
      labels: { ...labels, ...defaults, ...labels },
      value: row.value,
      exemplar: exemplar && {
        labels: exemplar.labelSet,
        value: exemplar.value,
        timestamp: exemplar.timestamp,
      },
    }
  })
  return { name, help: data.help, type: data.type, samples }
}
