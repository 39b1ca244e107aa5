// OTEL_METRICS_EXPORTER=console: for a person at a terminal. On stderr, because stdout belongs to the application.
import { writeSync } from 'node:fs'
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'

/** One JSON line per metric. */
export function renderMetrics(metrics: ResourceMetrics): string {
  let text = ''
  for (const { scope, metrics: list } of metrics.scopeMetrics) {
    for (const { descriptor, dataPoints } of list) {
      const points = dataPoints.map(({ attributes, value, ...rest }) => ({
        attributes,
        value,
        ...('exemplars' in rest ? { exemplars: rest.exemplars } : {}),
      }))
      text += `${JSON.stringify({ metric: descriptor.name, unit: descriptor.unit, scope: scope.name, points })}\n`
    }
  }
  return text
}

export async function printMetrics(metrics: ResourceMetrics): Promise<void> {
  try {
    writeSync(2, renderMetrics(metrics))
  } catch {
    // stderr is closed or full: there is nobody to tell.
  }
}
