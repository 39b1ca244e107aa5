// Decoded OTLP messages -> the records of the store. Checks what the wire types cannot say (ids, sizes) and cuts what is too long.
import type {
  Attributes,
  AttributeValue,
  Buckets,
  Exemplar,
  LogRecord,
  MetricPoint,
  MetricType,
  Point,
  Resource,
  Scope,
  Span,
  SpanEvent,
  SpanKind,
  SpanLink,
} from '../store/record.ts'
import { limits } from './limits.ts'
import { Rejection } from './rejection.ts'
import type { Decoded } from './schema.ts'

const kinds: readonly SpanKind[] = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer']
const statuses = ['unset', 'ok', 'error'] as const
const temporalities = ['unspecified', 'delta', 'cumulative'] as const
const severities = ['', 'TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL']
// 2554-07-21: the largest time that fits a signed 64-bit nanosecond clock. Later ones are clamped.
const latestNano = 2n ** 63n - 1n

export function readSpans(request: Decoded): Span[] {
  const spans: Span[] = []
  list(request, 'resourceSpans').forEach((group, r) => {
    const resource = readResource(group)
    list(group, 'scopeSpans').forEach((scoped, s) => {
      const scope = readScope(scoped)
      list(scoped, 'spans').forEach((raw, i) => {
        spans.push(readSpan(raw, resource, scope, `resourceSpans[${r}].scopeSpans[${s}].spans[${i}]`))
      })
    })
  })
  return spans
}

export function readLogs(request: Decoded): LogRecord[] {
  const logs: LogRecord[] = []
  list(request, 'resourceLogs').forEach((group, r) => {
    const resource = readResource(group)
    list(group, 'scopeLogs').forEach((scoped, s) => {
      const scope = readScope(scoped)
      list(scoped, 'logRecords').forEach((raw, i) => {
        logs.push(readLog(raw, resource, scope, `resourceLogs[${r}].scopeLogs[${s}].logRecords[${i}]`))
      })
    })
  })
  return logs
}

export function readMetrics(request: Decoded): MetricPoint[] {
  const points: MetricPoint[] = []
  list(request, 'resourceMetrics').forEach((group, r) => {
    const resource = readResource(group)
    list(group, 'scopeMetrics').forEach((scoped, s) => {
      const scope = readScope(scoped)
      list(scoped, 'metrics').forEach((raw, i) => {
        const path = `resourceMetrics[${r}].scopeMetrics[${s}].metrics[${i}]`
        points.push(...readMetric(raw, resource, scope, path))
      })
    })
  })
  return points
}

function readSpan(raw: Decoded, resource: Resource, scope: Scope, path: string): Span {
  const startNano = time(raw.startTimeUnixNano)
  const endNano = time(raw.endTimeUnixNano)
  const attributes = readAttributes(raw.attributes)
  const rawEvents = list(raw, 'events')
  const rawLinks = list(raw, 'links')
  const status = (raw.status ?? {}) as Decoded
  return {
    traceId: readId(raw.traceId, 32, `${path}.traceId`),
    spanId: readId(raw.spanId, 16, `${path}.spanId`),
    parentSpanId: readOptionalId(raw.parentSpanId, 16, `${path}.parentSpanId`),
    traceState: text(raw.traceState),
    flags: number(raw.flags),
    name: text(raw.name, limits.nameChars),
    kind: kinds[number(raw.kind)] ?? 'unspecified',
    service: resource.service,
    resource,
    scope,
    startNano,
    endNano,
    startMs: toMs(startNano),
    durationMs: endNano > startNano ? Number(endNano - startNano) / 1e6 : 0,
    attributes: attributes.kept,
    events: rawEvents.slice(0, limits.events).map(readEvent),
    links: rawLinks.slice(0, limits.links).map((link, i) => readLink(link, `${path}.links[${i}]`)),
    status: { code: statuses[number(status.code)] ?? 'unset', message: text(status.message) },
    dropped: {
      attributes: number(raw.droppedAttributesCount) + attributes.dropped,
      events: number(raw.droppedEventsCount) + Math.max(0, rawEvents.length - limits.events),
      links: number(raw.droppedLinksCount) + Math.max(0, rawLinks.length - limits.links),
    },
  }
}

function readEvent(raw: Decoded): SpanEvent {
  const timeNano = time(raw.timeUnixNano)
  return {
    name: text(raw.name, limits.nameChars),
    timeNano,
    timeMs: toMs(timeNano),
    attributes: readAttributes(raw.attributes).kept,
  }
}

function readLink(raw: Decoded, path: string): SpanLink {
  return {
    traceId: readId(raw.traceId, 32, `${path}.traceId`),
    spanId: readId(raw.spanId, 16, `${path}.spanId`),
    traceState: text(raw.traceState),
    attributes: readAttributes(raw.attributes).kept,
  }
}

function readLog(raw: Decoded, resource: Resource, scope: Scope, path: string): LogRecord {
  const timeNano = time(raw.timeUnixNano) || time(raw.observedTimeUnixNano)
  const severityNumber = number(raw.severityNumber)
  return {
    timeNano,
    timeMs: toMs(timeNano),
    severityNumber,
    severity: text(raw.severityText, limits.nameChars) || (severities[Math.ceil(severityNumber / 4)] ?? ''),
    body: readAny(raw.body as Decoded | undefined),
    eventName: text(raw.eventName, limits.nameChars),
    attributes: readAttributes(raw.attributes).kept,
    traceId: readOptionalId(raw.traceId, 32, `${path}.traceId`),
    spanId: readOptionalId(raw.spanId, 16, `${path}.spanId`),
    flags: number(raw.flags),
    service: resource.service,
    resource,
    scope,
  }
}

const metricTypes: readonly MetricType[] = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary']

function readMetric(raw: Decoded, resource: Resource, scope: Scope, path: string): MetricPoint[] {
  const name = text(raw.name, limits.nameChars)
  if (name === '') throw new Rejection('malformed', `${path}.name: missing`)
  const type = metricTypes.find(candidate => raw[candidate] !== undefined)
  if (type === undefined) return []
  const data = raw[type] as Decoded
  return list(data, 'dataPoints').map((point, i) => ({
    name,
    unit: text(raw.unit, limits.nameChars),
    description: text(raw.description, limits.nameChars),
    type,
    temporality: temporalities[number(data.aggregationTemporality)] ?? 'unspecified',
    monotonic: data.isMonotonic === true,
    service: resource.service,
    resource,
    scope,
    attributes: readAttributes(point.attributes).kept,
    point: readPoint(point, type, `${path}.${type}.dataPoints[${i}]`),
  }))
}

function readPoint(raw: Decoded, type: MetricType, path: string): Point {
  const timeNano = time(raw.timeUnixNano)
  const common = {
    startNano: time(raw.startTimeUnixNano),
    timeNano,
    timeMs: toMs(timeNano),
    exemplars: list(raw, 'exemplars').map((exemplar, i) => readExemplar(exemplar, `${path}.exemplars[${i}]`)),
  }
  if (type === 'gauge' || type === 'sum') return { ...common, value: number(raw.asDouble ?? raw.asInt) }
  const totals = { ...common, count: number(raw.count), ...present(raw, ['sum', 'min', 'max']) }
  if (type === 'histogram') {
    const bounds = numbers(raw.explicitBounds)
    const counts = numbers(raw.bucketCounts)
    if (counts.length !== 0 && counts.length !== bounds.length + 1) {
      throw new Rejection(
        'malformed',
        `${path}.bucketCounts: ${counts.length} buckets for ${bounds.length} bounds`,
      )
    }
    return { ...totals, bounds, counts }
  }
  if (type === 'exponentialHistogram') {
    return {
      ...totals,
      scale: number(raw.scale),
      zeroCount: number(raw.zeroCount),
      zeroThreshold: number(raw.zeroThreshold),
      positive: readBuckets(raw.positive),
      negative: readBuckets(raw.negative),
    }
  }
  return {
    ...totals,
    quantiles: list(raw, 'quantileValues').map(q => ({
      quantile: number(q.quantile),
      value: number(q.value),
    })),
  }
}

function readExemplar(raw: Decoded, path: string): Exemplar {
  return {
    value: number(raw.asDouble ?? raw.asInt),
    timeMs: toMs(time(raw.timeUnixNano)),
    traceId: readOptionalId(raw.traceId, 32, `${path}.traceId`),
    spanId: readOptionalId(raw.spanId, 16, `${path}.spanId`),
    attributes: readAttributes(raw.filteredAttributes).kept,
  }
}

function readBuckets(raw: unknown): Buckets {
  const buckets = (raw ?? {}) as Decoded
  return { offset: number(buckets.offset), counts: numbers(buckets.bucketCounts) }
}

function readResource(group: Decoded): Resource {
  const attributes = readAttributes((group.resource as Decoded | undefined)?.attributes).kept
  const name = attributes['service.name']
  return { service: typeof name === 'string' && name !== '' ? name : 'unknown_service', attributes }
}

function readScope(group: Decoded): Scope {
  const raw = (group.scope ?? {}) as Decoded
  return {
    name: text(raw.name, limits.nameChars),
    version: text(raw.version, limits.nameChars),
    attributes: readAttributes(raw.attributes).kept,
  }
}

function readAttributes(raw: unknown): { kept: Attributes; dropped: number } {
  const pairs = (raw ?? []) as Decoded[]
  const kept: Attributes = {}
  for (const pair of pairs.slice(0, limits.attributes)) {
    set(kept, text(pair.key, limits.nameChars), readAny(pair.value as Decoded | undefined))
  }
  return { kept, dropped: Math.max(0, pairs.length - limits.attributes) }
}

function readAny(raw: Decoded | undefined, depth = 0): AttributeValue {
  if (raw === undefined || depth > limits.depth) return null
  if (raw.stringValue !== undefined) return text(raw.stringValue, limits.valueChars)
  if (raw.boolValue !== undefined) return raw.boolValue as boolean
  if (raw.intValue !== undefined) {
    const value = raw.intValue as bigint
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
  }
  if (raw.doubleValue !== undefined) return raw.doubleValue as number
  if (raw.bytesValue !== undefined) return (raw.bytesValue as Uint8Array).subarray(0, limits.valueChars)
  if (raw.arrayValue !== undefined) {
    return list(raw.arrayValue as Decoded, 'values').map(item => readAny(item, depth + 1))
  }
  if (raw.kvlistValue !== undefined) {
    const result: Attributes = {}
    for (const pair of list(raw.kvlistValue as Decoded, 'values')) {
      set(result, text(pair.key, limits.nameChars), readAny(pair.value as Decoded | undefined, depth + 1))
    }
    return result
  }
  return null
}

/** Plain assignment, except that a key called `__proto__` is data like any other. */
function set(target: Attributes, key: string, value: AttributeValue): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  } else target[key] = value
}

function readId(raw: unknown, digits: number, path: string): string {
  const id = readOptionalId(raw, digits, path)
  if (id === undefined) throw new Rejection('malformed', `${path}: missing`)
  return id
}

function readOptionalId(raw: unknown, digits: number, path: string): string | undefined {
  if (raw === undefined || raw === '') return undefined
  const id = raw as string
  if (id.length !== digits) {
    throw new Rejection('malformed', `${path}: ${id.length / 2} bytes, expected ${digits / 2}`)
  }
  return /[^0]/.test(id) ? id : undefined
}

function list(from: Decoded, field: string): Decoded[] {
  return (from[field] ?? []) as Decoded[]
}

function text(raw: unknown, maxChars: number = limits.valueChars): string {
  const value = (raw ?? '') as string
  return value.length > maxChars ? `${value.slice(0, maxChars - 1)}…` : value
}

function number(raw: unknown): number {
  return Number(raw ?? 0)
}

function numbers(raw: unknown): number[] {
  return ((raw ?? []) as (bigint | number)[]).map(Number)
}

function present<K extends string>(raw: Decoded, names: readonly K[]): Partial<Record<K, number>> {
  const found: Partial<Record<K, number>> = {}
  for (const name of names) if (raw[name] !== undefined) found[name] = raw[name] as number
  return found
}

function time(raw: unknown): bigint {
  const value = (raw ?? 0n) as bigint
  return value > latestNano ? latestNano : value
}

function toMs(nano: bigint): number {
  return Number(nano / 1000n) / 1000
}
