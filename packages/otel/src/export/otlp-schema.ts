// OTLP messages as tables, for the transcoders (JSON, Zipkin, console): field number -> JSON name and type.
// Source: opentelemetry/proto/**/v1/*.proto and the OTLP/JSON mapping (ids in hex, int64 as strings, enums as numbers).
export type FieldType =
  | 'string'
  | 'bytes'
  /** bytes that are written in hex: trace and span ids. */
  | 'id'
  | 'bool'
  | 'uint32'
  | 'sint32'
  | 'int64'
  | 'fixed64'
  | 'sfixed64'
  | 'double'
  | 'fixed32'

export interface FieldRow {
  readonly name: string
  readonly type: FieldType | Message
  readonly repeated?: boolean
}
export interface Message {
  readonly [field: number]: FieldRow
}

const anyValue: Record<number, FieldRow> = {
  1: { name: 'stringValue', type: 'string' },
  2: { name: 'boolValue', type: 'bool' },
  3: { name: 'intValue', type: 'int64' },
  4: { name: 'doubleValue', type: 'double' },
  7: { name: 'bytesValue', type: 'bytes' },
}
const keyValue: Message = { 1: { name: 'key', type: 'string' }, 2: { name: 'value', type: anyValue } }
anyValue[5] = { name: 'arrayValue', type: { 1: { name: 'values', type: anyValue, repeated: true } } }
anyValue[6] = { name: 'kvlistValue', type: { 1: { name: 'values', type: keyValue, repeated: true } } }

const attributes: FieldRow = { name: 'attributes', type: keyValue, repeated: true }
const resource: Message = { 1: attributes, 2: { name: 'droppedAttributesCount', type: 'uint32' } }
const scope: Message = {
  1: { name: 'name', type: 'string' },
  2: { name: 'version', type: 'string' },
  3: attributes,
  4: { name: 'droppedAttributesCount', type: 'uint32' },
}

const event: Message = {
  1: { name: 'timeUnixNano', type: 'fixed64' },
  2: { name: 'name', type: 'string' },
  3: attributes,
  4: { name: 'droppedAttributesCount', type: 'uint32' },
}
const link: Message = {
  1: { name: 'traceId', type: 'id' },
  2: { name: 'spanId', type: 'id' },
  3: { name: 'traceState', type: 'string' },
  4: attributes,
  5: { name: 'droppedAttributesCount', type: 'uint32' },
  6: { name: 'flags', type: 'fixed32' },
}
const status: Message = { 2: { name: 'message', type: 'string' }, 3: { name: 'code', type: 'uint32' } }
const span: Message = {
  1: { name: 'traceId', type: 'id' },
  2: { name: 'spanId', type: 'id' },
  3: { name: 'traceState', type: 'string' },
  4: { name: 'parentSpanId', type: 'id' },
  5: { name: 'name', type: 'string' },
  6: { name: 'kind', type: 'uint32' },
  7: { name: 'startTimeUnixNano', type: 'fixed64' },
  8: { name: 'endTimeUnixNano', type: 'fixed64' },
  9: attributes,
  10: { name: 'droppedAttributesCount', type: 'uint32' },
  11: { name: 'events', type: event, repeated: true },
  12: { name: 'droppedEventsCount', type: 'uint32' },
  13: { name: 'links', type: link, repeated: true },
  14: { name: 'droppedLinksCount', type: 'uint32' },
  15: { name: 'status', type: status },
  16: { name: 'flags', type: 'fixed32' },
}

const logRecord: Message = {
  1: { name: 'timeUnixNano', type: 'fixed64' },
  2: { name: 'severityNumber', type: 'uint32' },
  3: { name: 'severityText', type: 'string' },
  5: { name: 'body', type: anyValue },
  6: attributes,
  7: { name: 'droppedAttributesCount', type: 'uint32' },
  8: { name: 'flags', type: 'fixed32' },
  9: { name: 'traceId', type: 'id' },
  10: { name: 'spanId', type: 'id' },
  11: { name: 'observedTimeUnixNano', type: 'fixed64' },
  12: { name: 'eventName', type: 'string' },
}

const exemplar: Message = {
  2: { name: 'timeUnixNano', type: 'fixed64' },
  3: { name: 'asDouble', type: 'double' },
  4: { name: 'spanId', type: 'id' },
  5: { name: 'traceId', type: 'id' },
  6: { name: 'asInt', type: 'sfixed64' },
  7: { name: 'filteredAttributes', type: keyValue, repeated: true },
}
const exemplars = { name: 'exemplars', type: exemplar, repeated: true }
const start: FieldRow = { name: 'startTimeUnixNano', type: 'fixed64' }
const time: FieldRow = { name: 'timeUnixNano', type: 'fixed64' }
const numberPoint: Message = {
  2: start,
  3: time,
  4: { name: 'asDouble', type: 'double' },
  5: exemplars,
  6: { name: 'asInt', type: 'sfixed64' },
  7: attributes,
  8: { name: 'flags', type: 'uint32' },
}
const histogramPoint: Message = {
  2: start,
  3: time,
  4: { name: 'count', type: 'fixed64' },
  5: { name: 'sum', type: 'double' },
  6: { name: 'bucketCounts', type: 'fixed64', repeated: true },
  7: { name: 'explicitBounds', type: 'double', repeated: true },
  8: exemplars,
  9: attributes,
  10: { name: 'flags', type: 'uint32' },
  11: { name: 'min', type: 'double' },
  12: { name: 'max', type: 'double' },
}
const buckets: Message = {
  1: { name: 'offset', type: 'sint32' },
  2: { name: 'bucketCounts', type: 'int64', repeated: true },
}
const exponentialPoint: Message = {
  1: attributes,
  2: start,
  3: time,
  4: { name: 'count', type: 'fixed64' },
  5: { name: 'sum', type: 'double' },
  6: { name: 'scale', type: 'sint32' },
  7: { name: 'zeroCount', type: 'fixed64' },
  8: { name: 'positive', type: buckets },
  9: { name: 'negative', type: buckets },
  10: { name: 'flags', type: 'uint32' },
  11: exemplars,
  12: { name: 'min', type: 'double' },
  13: { name: 'max', type: 'double' },
  14: { name: 'zeroThreshold', type: 'double' },
}
const points = (type: Message): Message => ({
  1: { name: 'dataPoints', type, repeated: true },
  2: { name: 'aggregationTemporality', type: 'uint32' },
  3: { name: 'isMonotonic', type: 'bool' },
})
const metric: Message = {
  1: { name: 'name', type: 'string' },
  2: { name: 'description', type: 'string' },
  3: { name: 'unit', type: 'string' },
  5: { name: 'gauge', type: points(numberPoint) },
  7: { name: 'sum', type: points(numberPoint) },
  9: { name: 'histogram', type: points(histogramPoint) },
  10: { name: 'exponentialHistogram', type: points(exponentialPoint) },
}

function request(resources: string, scopes: string, items: string, item: Message): Message {
  const schemaUrl: FieldRow = { name: 'schemaUrl', type: 'string' }
  return {
    1: {
      name: resources,
      repeated: true,
      type: {
        1: { name: 'resource', type: resource },
        2: {
          name: scopes,
          repeated: true,
          type: {
            1: { name: 'scope', type: scope },
            2: { name: items, type: item, repeated: true },
            3: schemaUrl,
          },
        },
        3: schemaUrl,
      },
    },
  }
}

export const requests = {
  traces: request('resourceSpans', 'scopeSpans', 'spans', span),
  metrics: request('resourceMetrics', 'scopeMetrics', 'metrics', metric),
  logs: request('resourceLogs', 'scopeLogs', 'logRecords', logRecord),
} as const
