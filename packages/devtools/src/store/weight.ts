// How much memory a record holds, roughly: enough to bound the store, cheap enough to ask for every record.
import type { Attributes, AttributeValue, LogRecord, MetricPoint, Span } from './record.ts'

export function weighSpan(span: Span): number {
  let bytes = 500 + span.name.length + span.traceState.length + weighAttributes(span.attributes)
  for (const event of span.events) bytes += 100 + event.name.length + weighAttributes(event.attributes)
  for (const link of span.links) bytes += 150 + weighAttributes(link.attributes)
  return bytes
}

export function weighLog(log: LogRecord): number {
  return 300 + weighValue(log.body) + weighAttributes(log.attributes)
}

export function weighPoint(metric: MetricPoint): number {
  const { point } = metric
  let bytes = 200
  bytes +=
    8 * ((point.counts?.length ?? 0) + (point.bounds?.length ?? 0) + (point.quantiles?.length ?? 0) * 6)
  bytes += 8 * ((point.positive?.counts.length ?? 0) + (point.negative?.counts.length ?? 0))
  for (const exemplar of point.exemplars) bytes += 200 + weighAttributes(exemplar.attributes)
  return bytes
}

export function weighAttributes(attributes: Attributes): number {
  let bytes = 0
  for (const key in attributes) bytes += 32 + key.length + weighValue(attributes[key]!)
  return bytes
}

function weighValue(value: AttributeValue): number {
  if (typeof value === 'string') return 16 + value.length
  if (typeof value !== 'object' || value === null) return 16
  if (value instanceof Uint8Array) return 100 + value.length
  let bytes = 32
  if (Array.isArray(value)) for (const item of value) bytes += weighValue(item)
  else bytes += weighAttributes(value)
  return bytes
}
