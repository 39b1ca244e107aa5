// Attributes of metrics on their way to export. Two series that differ in a secret only become two points of the same name:
// better than the secret, and seen.
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { Redactor } from './redactor.ts'

interface Point {
  readonly attributes: Readonly<Record<string, unknown>>
  readonly exemplars?: readonly { readonly filteredAttributes: Readonly<Record<string, unknown>> }[]
}

/** The same object when nothing is hidden. */
export function redactMetrics(metrics: ResourceMetrics, redactor: Redactor): ResourceMetrics {
  const scopeMetrics = changed(metrics.scopeMetrics, scope => {
    const list = changed(scope.metrics, metric => {
      const points = changed(metric.dataPoints as unknown as readonly Point[], point =>
        redactPoint(point, redactor),
      )
      return points === (metric.dataPoints as unknown)
        ? metric
        : ({ ...metric, dataPoints: points } as typeof metric)
    })
    return list === scope.metrics ? scope : { ...scope, metrics: list as typeof scope.metrics }
  })
  return scopeMetrics === metrics.scopeMetrics
    ? metrics
    : { ...metrics, scopeMetrics: scopeMetrics as typeof metrics.scopeMetrics }
}

function redactPoint(point: Point, redactor: Redactor): Point {
  const attributes = redactor.redactFields(point.attributes)
  const exemplars =
    point.exemplars &&
    changed(point.exemplars, exemplar => {
      const filteredAttributes = redactor.redactFields(exemplar.filteredAttributes)
      return filteredAttributes === exemplar.filteredAttributes
        ? exemplar
        : { ...exemplar, filteredAttributes }
    })
  if (attributes === point.attributes && exemplars === point.exemplars) return point
  return { ...point, attributes, ...(exemplars && { exemplars }) }
}

function changed<T>(items: readonly T[], map: (item: T) => T): readonly T[] {
  let copy: T[] | undefined
  for (let i = 0; i < items.length; i++) {
    const before = items[i] as T
    const after = map(before)
    if (after === before) continue
    copy ??= [...items]
    copy[i] = after
  }
  return copy ?? items
}
