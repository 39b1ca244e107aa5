// From a row of prom-client's output back to the exemplar of its series.
import type { PromExemplar, PromMetric, PromRow } from './prom-metric.ts'
import { findSlots } from './series.ts'
import { shared } from './shared.ts'
import { type Exemplar, publish } from './slot.ts'

/** Rows of aggregated (cluster) registries are plain objects with no series behind them. */
const ofRow = new WeakMap<object, PromExemplar>()

export function attachExemplar(row: object, exemplar: PromExemplar): void {
  ofRow.set(row, exemplar)
}

/** What to show beside this row: our exemplar, else the one prom-client itself put there. */
export function readExemplar(metric: PromMetric, row: PromRow, nowMs: number): PromExemplar | undefined {
  const own = ofRow.get(row) ?? (isExemplar(row.exemplar) ? row.exemplar : undefined)
  if (own !== undefined) return own
  const found = findExemplar(metric, row, nowMs)
  return found && { labelSet: found.labels, value: found.value, timestamp: found.timeMs / 1000 }
}

function findExemplar(metric: PromMetric, row: PromRow, nowMs: number): Exemplar | undefined {
  const bounds = metric.upperBounds
  if (bounds !== undefined && row.metricName?.endsWith('_bucket') !== true) return undefined
  const labels = row.labels ?? {}
  const slots = findSlots(metric, labels)
  if (slots === undefined) return undefined
  const { le } = labels
  const index = bounds === undefined ? 0 : le === '+Inf' ? bounds.length : bounds.indexOf(Number(le))
  const slot = slots[index]
  return slot && publish(slot, nowMs, shared.options.intervalMs)
}

function isExemplar(value: unknown): value is PromExemplar {
  const exemplar = value as PromExemplar | null | undefined
  return (
    typeof exemplar === 'object' &&
    exemplar !== null &&
    typeof exemplar.labelSet === 'object' &&
    exemplar.value !== null
  )
}
