// Zipkin v2 JSON, made from the same bytes. Mapping: OpenTelemetry specification, "Zipkin exporter".
import { transcode } from './json.ts'
import { sendAsJson } from './json-sender.ts'
import type { Sender } from './sender.ts'

/** SpanKind as OTLP counts it; internal spans have no kind in Zipkin. */
const kinds: Record<number, string> = { 2: 'SERVER', 3: 'CLIENT', 4: 'PRODUCER', 5: 'CONSUMER' }

export interface ZipkinSpan {
  traceId: string
  id: string
  parentId?: string
  name: string
  kind?: string
  /** Microseconds. */
  timestamp: number
  duration: number
  localEndpoint: { serviceName: string }
  annotations: { timestamp: number; value: string }[]
  tags: Record<string, string>
}

export function createZipkinSender(): Sender {
  return sendAsJson(
    ({ bytes }) => renderZipkin(bytes),
    () => ({ rejected: 0, message: '' }),
  )
}

/** All spans of an ExportTraceServiceRequest. */
export function renderZipkin(bytes: Uint8Array): ZipkinSpan[] {
  const out: ZipkinSpan[] = []
  const request = transcode('traces', bytes) as any // plain JSON of a known shape, see otlp-schema.ts
  for (const { resource, scopeSpans = [] } of request.resourceSpans ?? []) {
    const resourceTags = renderTags(resource?.attributes)
    const serviceName = resourceTags['service.name'] ?? 'unknown_service:node'
    for (const { scope, spans = [] } of scopeSpans) {
      for (const span of spans) out.push(renderSpan(span, scope, serviceName, resourceTags))
    }
  }
  return out
}

function renderSpan(
  span: any,
  scope: any,
  serviceName: string,
  resourceTags: Record<string, string>,
): ZipkinSpan {
  const tags: Record<string, string> = { ...renderTags(span.attributes), ...resourceTags }
  if (scope?.name) tags['otel.scope.name'] = scope.name
  if (scope?.version) tags['otel.scope.version'] = scope.version
  const code = span.status?.code ?? 0
  if (code !== 0) tags['otel.status_code'] = code === 2 ? 'ERROR' : 'OK'
  if (code === 2) tags.error = span.status.message ?? ''
  for (const [field, tag] of [
    ['droppedAttributesCount', 'otel.dropped_attributes_count'],
    ['droppedEventsCount', 'otel.dropped_events_count'],
    ['droppedLinksCount', 'otel.dropped_links_count'],
  ] as const) {
    if (span[field] > 0) tags[tag] = String(span[field])
  }
  const start = micros(span.startTimeUnixNano)
  const kind = kinds[span.kind]
  return {
    traceId: span.traceId,
    id: span.spanId,
    ...(span.parentSpanId ? { parentId: span.parentSpanId } : {}),
    name: span.name,
    ...(kind === undefined ? {} : { kind }),
    timestamp: start,
    // Zipkin reads zero as "unknown".
    duration: Math.max(1, micros(span.endTimeUnixNano) - start),
    localEndpoint: { serviceName },
    annotations: (span.events ?? []).map((event: any) => ({
      timestamp: micros(event.timeUnixNano),
      value:
        event.attributes === undefined
          ? event.name
          : `${event.name}: ${JSON.stringify(renderTags(event.attributes))}`,
    })),
    tags,
  }
}

function micros(nanos: string | undefined): number {
  return Number(BigInt(nanos ?? '0') / 1000n)
}

function renderTags(attributes: any[] | undefined): Record<string, string> {
  const tags: Record<string, string> = {}
  for (const { key, value } of attributes ?? []) tags[key] = renderValue(value)
  return tags
}

function renderValue(value: any): string {
  const plain = plainValue(value)
  return typeof plain === 'string' ? plain : JSON.stringify(plain)
}

function plainValue(value: any): unknown {
  if (value === undefined) return null
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(plainValue)
  if (value.kvlistValue !== undefined) {
    return Object.fromEntries(
      (value.kvlistValue.values ?? []).map((kv: any) => [kv.key, plainValue(kv.value)]),
    )
  }
  if (value.intValue !== undefined) {
    const n = Number(value.intValue)
    return Number.isSafeInteger(n) ? n : value.intValue
  }
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? value.bytesValue ?? null
}
