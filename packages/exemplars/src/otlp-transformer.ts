// Upstream's OTLP metric exporters encode with two serializers of @opentelemetry/otlp-transformer, which do not know
// exemplars. They are objects whose method the exporters call late: here the method adds what they leave out.
import type { AttributeValue } from '@opentelemetry/api'
import { encodeField, encodeVarint, mapField } from './protobuf.ts'
import type { DataPointExemplar } from './sdk-metrics.ts'
import { shared, swallow } from './shared.ts'

/** `@opentelemetry/otlp-transformer` as a namespace. */
export interface OtlpTransformerModule {
  readonly ProtobufMetricsSerializer: { serializeRequest(metrics: any): Uint8Array | undefined }
  readonly JsonMetricsSerializer: { serializeRequest(metrics: any): Uint8Array | undefined }
}

interface Metric {
  readonly dataPointType: number
  readonly descriptor: { readonly valueType: number }
  readonly dataPoints: readonly { readonly exemplars?: readonly DataPointExemplar[] }[]
}

// By DataPointType: the metric's field, its name in JSON, and the exemplars' field in its data points
// (opentelemetry/proto/metrics/v1/metrics.proto).
const shapes = [
  { field: 9, name: 'histogram', exemplars: 8 },
  { field: 10, name: 'exponentialHistogram', exemplars: 11 },
  { field: 5, name: 'gauge', exemplars: 5 },
  { field: 7, name: 'sum', exemplars: 5 },
] as const

export function isOtlpTransformer(value: any): value is OtlpTransformerModule {
  return [value?.ProtobufMetricsSerializer, value?.JsonMetricsSerializer].every(
    serializer => typeof serializer?.serializeRequest === 'function',
  )
}

/** Returns why nothing could be patched; undefined when it is (now or before). */
export function patchOtlpTransformer(module: OtlpTransformerModule): string | undefined {
  const pairs = [
    [module.ProtobufMetricsSerializer, addToProtobuf],
    [module.JsonMetricsSerializer, addToJson],
  ] as const
  for (const [serializer, add] of pairs) {
    if (shared.patched.has(serializer)) continue
    const original = serializer.serializeRequest
    try {
      serializer.serializeRequest = metrics => {
        const bytes = original.call(serializer, metrics)
        try {
          return bytes === undefined || !hasExemplars(metrics) ? bytes : add(bytes, metrics)
        } catch (error) {
          // Without exemplars is how it would be without us.
          swallow('serializeRequest', error)
          return bytes
        }
      }
    } catch (error) {
      return `the serializers cannot be changed (${error instanceof Error ? error.message : error})`
    }
    shared.patched.add(serializer)
  }
  return undefined
}

function hasExemplars(metrics: any): boolean {
  return metrics.scopeMetrics.some((scope: { metrics: Metric[] }) =>
    scope.metrics.some(metric => metric.dataPoints.some(point => point.exemplars?.length)),
  )
}

function addToProtobuf(bytes: Uint8Array, metrics: any): Uint8Array {
  return mapField(bytes, 1, resourceMetrics =>
    mapField(resourceMetrics, 2, (scopeMetrics, s) =>
      mapField(scopeMetrics, 2, (encoded, m) => addToMetric(encoded, metrics.scopeMetrics[s].metrics[m])),
    ),
  )
}

function addToMetric(encoded: Uint8Array, metric: Metric): Uint8Array {
  const shape = shapes[metric.dataPointType]
  if (shape === undefined || !metric.dataPoints.some(point => point.exemplars?.length)) return encoded
  return mapField(encoded, shape.field, data =>
    mapField(data, 1, (point, p) => {
      const { exemplars } = metric.dataPoints[p]!
      if (!exemplars?.length) return point
      return Buffer.concat([
        point,
        ...exemplars.map(one => encodeField(shape.exemplars, encodeExemplar(one))),
      ])
    }),
  )
}

// Exemplar: 2 time_unix_nano fixed64, 3 as_double, 4 span_id, 5 trace_id, 7 filtered_attributes.
function encodeExemplar({
  timeMs,
  value,
  spanId,
  traceId,
  filteredAttributes,
}: DataPointExemplar): Uint8Array {
  const numbers = Buffer.alloc(18)
  numbers.writeUInt8(2 * 8 + 1, 0)
  numbers.writeBigUInt64LE(toNanos(timeMs), 1)
  numbers.writeUInt8(3 * 8 + 1, 9)
  numbers.writeDoubleLE(value, 10)
  const parts: Uint8Array[] = [numbers]
  if (traceId !== '') {
    parts.push(encodeField(4, Buffer.from(spanId, 'hex')), encodeField(5, Buffer.from(traceId, 'hex')))
  }
  for (const [key, attribute] of Object.entries(filteredAttributes)) {
    if (attribute === undefined) continue
    parts.push(
      encodeField(7, Buffer.concat([encodeField(1, Buffer.from(key)), encodeField(2, encodeAny(attribute))])),
    )
  }
  return Buffer.concat(parts)
}

// AnyValue: 1 string, 2 bool, 3 int, 4 double, 5 array of values (field 1).
function encodeAny(value: AttributeValue | null | undefined): Uint8Array {
  if (Array.isArray(value))
    return encodeField(5, Buffer.concat(value.map(one => encodeField(1, encodeAny(one)))))
  if (typeof value === 'string') return encodeField(1, Buffer.from(value))
  if (typeof value === 'boolean') return Uint8Array.of(2 * 8, value ? 1 : 0)
  if (typeof value !== 'number') return new Uint8Array()
  if (Number.isSafeInteger(value) && value >= 0)
    return Buffer.concat([Uint8Array.of(3 * 8), encodeVarint(value)])
  const bytes = Buffer.alloc(9)
  bytes.writeUInt8(4 * 8 + 1, 0)
  bytes.writeDoubleLE(value, 1)
  return bytes
}

function addToJson(bytes: Uint8Array, metrics: any): Uint8Array {
  const request = JSON.parse(Buffer.from(bytes).toString('utf8'))
  for (const [s, scope] of metrics.scopeMetrics.entries()) {
    for (const [m, metric] of (scope.metrics as Metric[]).entries()) {
      const shape = shapes[metric.dataPointType]
      const points = shape && request.resourceMetrics[0].scopeMetrics[s].metrics[m][shape.name].dataPoints
      for (const [p, { exemplars }] of metric.dataPoints.entries()) {
        if (points !== undefined && exemplars?.length) points[p].exemplars = exemplars.map(toJson)
      }
    }
  }
  return Buffer.from(JSON.stringify(request))
}

function toJson({ timeMs, value, spanId, traceId, filteredAttributes }: DataPointExemplar): object {
  return {
    timeUnixNano: String(toNanos(timeMs)),
    asDouble: value,
    ...(traceId === '' ? {} : { spanId, traceId }),
    filteredAttributes: Object.entries(filteredAttributes).map(([key, attribute]) => ({
      key,
      value: toJsonAny(attribute),
    })),
  }
}

function toJsonAny(value: AttributeValue | null | undefined): object {
  if (Array.isArray(value)) return { arrayValue: { values: value.map(toJsonAny) } }
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value !== 'number') return {}
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}

function toNanos(ms: number): bigint {
  return BigInt(Math.round(ms * 1000)) * 1000n
}
