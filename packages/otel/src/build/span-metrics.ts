// What was decided about metrics from spans -> their counter. Most do not ask for them.
import type { Config } from '../config/config.ts'
import { SpanMetrics } from '../metrics/span-metrics.ts'
import { version } from '../self/version.ts'

export function buildSpanMetrics({ metrics, resource }: Config): SpanMetrics {
  return new SpanMetrics({
    scope: { name: '@org/otel', version },
    service: String(resource.attributes['service.name']),
    maxSeries: metrics.spanMetrics.maxSeries,
    exemplars: metrics.exemplarFilter !== 'always_off',
  })
}
