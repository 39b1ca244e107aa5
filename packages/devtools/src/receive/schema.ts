// OTLP as a table. Field numbers are frozen by the protocol (opentelemetry-proto 1.x), so writing them down once is
// safe, and the same rows decode protobuf and JSON. `[]` repeats; `id` is bytes shown as lower-case hex.
const table = {
  TraceRequest: { 1: 'resourceSpans ResourceSpans[]' },
  ResourceSpans: { 1: 'resource Resource', 2: 'scopeSpans ScopeSpans[]', 3: 'schemaUrl string' },
  ScopeSpans: { 1: 'scope Scope', 2: 'spans Span[]', 3: 'schemaUrl string' },
  Span: {
    1: 'traceId id',
    2: 'spanId id',
    3: 'traceState string',
    4: 'parentSpanId id',
    5: 'name string',
    6: 'kind enum',
    7: 'startTimeUnixNano fixed64',
    8: 'endTimeUnixNano fixed64',
    9: 'attributes KeyValue[]',
    10: 'droppedAttributesCount uint32',
    11: 'events Event[]',
    12: 'droppedEventsCount uint32',
    13: 'links Link[]',
    14: 'droppedLinksCount uint32',
    15: 'status Status',
    16: 'flags fixed32',
  },
  Event: {
    1: 'timeUnixNano fixed64',
    2: 'name string',
    3: 'attributes KeyValue[]',
    4: 'droppedAttributesCount uint32',
  },
  Link: {
    1: 'traceId id',
    2: 'spanId id',
    3: 'traceState string',
    4: 'attributes KeyValue[]',
    5: 'droppedAttributesCount uint32',
    6: 'flags fixed32',
  },
  Status: { 2: 'message string', 3: 'code enum' },

  LogsRequest: { 1: 'resourceLogs ResourceLogs[]' },
  ResourceLogs: { 1: 'resource Resource', 2: 'scopeLogs ScopeLogs[]', 3: 'schemaUrl string' },
  ScopeLogs: { 1: 'scope Scope', 2: 'logRecords LogRecord[]', 3: 'schemaUrl string' },
  LogRecord: {
    1: 'timeUnixNano fixed64',
    2: 'severityNumber enum',
    3: 'severityText string',
    5: 'body AnyValue',
    6: 'attributes KeyValue[]',
    7: 'droppedAttributesCount uint32',
    8: 'flags fixed32',
    9: 'traceId id',
    10: 'spanId id',
    11: 'observedTimeUnixNano fixed64',
    12: 'eventName string',
  },

  MetricsRequest: { 1: 'resourceMetrics ResourceMetrics[]' },
  ResourceMetrics: { 1: 'resource Resource', 2: 'scopeMetrics ScopeMetrics[]', 3: 'schemaUrl string' },
  ScopeMetrics: { 1: 'scope Scope', 2: 'metrics Metric[]', 3: 'schemaUrl string' },
  Metric: {
    1: 'name string',
    2: 'description string',
    3: 'unit string',
    5: 'gauge Gauge',
    7: 'sum Sum',
    9: 'histogram Histogram',
    10: 'exponentialHistogram ExponentialHistogram',
    11: 'summary Summary',
  },
  Gauge: { 1: 'dataPoints NumberPoint[]' },
  Sum: { 1: 'dataPoints NumberPoint[]', 2: 'aggregationTemporality enum', 3: 'isMonotonic bool' },
  Histogram: { 1: 'dataPoints HistogramPoint[]', 2: 'aggregationTemporality enum' },
  ExponentialHistogram: { 1: 'dataPoints ExponentialPoint[]', 2: 'aggregationTemporality enum' },
  Summary: { 1: 'dataPoints SummaryPoint[]' },
  NumberPoint: {
    2: 'startTimeUnixNano fixed64',
    3: 'timeUnixNano fixed64',
    4: 'asDouble double',
    5: 'exemplars Exemplar[]',
    6: 'asInt sfixed64',
    7: 'attributes KeyValue[]',
    8: 'flags uint32',
  },
  HistogramPoint: {
    2: 'startTimeUnixNano fixed64',
    3: 'timeUnixNano fixed64',
    4: 'count fixed64',
    5: 'sum double',
    6: 'bucketCounts fixed64[]',
    7: 'explicitBounds double[]',
    8: 'exemplars Exemplar[]',
    9: 'attributes KeyValue[]',
    10: 'flags uint32',
    11: 'min double',
    12: 'max double',
  },
  ExponentialPoint: {
    1: 'attributes KeyValue[]',
    2: 'startTimeUnixNano fixed64',
    3: 'timeUnixNano fixed64',
    4: 'count fixed64',
    5: 'sum double',
    6: 'scale sint32',
    7: 'zeroCount fixed64',
    8: 'positive Buckets',
    9: 'negative Buckets',
    10: 'flags uint32',
    11: 'exemplars Exemplar[]',
    12: 'min double',
    13: 'max double',
    14: 'zeroThreshold double',
  },
  Buckets: { 1: 'offset sint32', 2: 'bucketCounts uint64[]' },
  SummaryPoint: {
    2: 'startTimeUnixNano fixed64',
    3: 'timeUnixNano fixed64',
    4: 'count fixed64',
    5: 'sum double',
    6: 'quantileValues Quantile[]',
    7: 'attributes KeyValue[]',
    8: 'flags uint32',
  },
  Quantile: { 1: 'quantile double', 2: 'value double' },
  Exemplar: {
    2: 'timeUnixNano fixed64',
    3: 'asDouble double',
    4: 'spanId id',
    5: 'traceId id',
    6: 'asInt sfixed64',
    7: 'filteredAttributes KeyValue[]',
  },

  Resource: { 1: 'attributes KeyValue[]', 2: 'droppedAttributesCount uint32' },
  Scope: {
    1: 'name string',
    2: 'version string',
    3: 'attributes KeyValue[]',
    4: 'droppedAttributesCount uint32',
  },
  KeyValue: { 1: 'key string', 2: 'value AnyValue' },
  AnyValue: {
    1: 'stringValue string',
    2: 'boolValue bool',
    3: 'intValue int64',
    4: 'doubleValue double',
    5: 'arrayValue ArrayValue',
    6: 'kvlistValue KeyValueList',
    7: 'bytesValue bytes',
  },
  ArrayValue: { 1: 'values AnyValue[]' },
  KeyValueList: { 1: 'values KeyValue[]' },
} as const satisfies Record<string, Record<number, string>>

/** Wire type of each scalar: 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes. */
export const scalars = {
  string: 2,
  bytes: 2,
  id: 2,
  bool: 0,
  enum: 0,
  uint32: 0,
  sint32: 0,
  int64: 0,
  uint64: 0,
  fixed64: 1,
  sfixed64: 1,
  double: 1,
  fixed32: 5,
} as const

export type Scalar = keyof typeof scalars

export interface Field {
  readonly name: string
  readonly repeated: boolean
  /** Exactly one of the two is set. */
  readonly scalar: Scalar | undefined
  readonly message: Message | undefined
}

export interface Message {
  readonly name: string
  readonly byNumber: Map<number, Field>
  readonly byName: Map<string, Field>
}

function parseTable(): Map<string, Message> {
  const messages = new Map<string, Message>()
  for (const name of Object.keys(table)) messages.set(name, { name, byNumber: new Map(), byName: new Map() })
  for (const [name, rows] of Object.entries(table)) {
    const message = messages.get(name)!
    for (const [number, row] of Object.entries(rows as Record<string, string>)) {
      const [fieldName = '', typeText = ''] = row.split(' ')
      const type = typeText.replace('[]', '')
      const field: Field = {
        name: fieldName,
        repeated: typeText.endsWith('[]'),
        scalar: type in scalars ? (type as Scalar) : undefined,
        message: messages.get(type),
      }
      message.byNumber.set(Number(number), field)
      message.byName.set(fieldName, field)
    }
  }
  return messages
}

const messages = parseTable()

export type Signal = 'traces' | 'metrics' | 'logs'

/** The request message of each signal. */
export const requests: Record<Signal, Message> = {
  traces: messages.get('TraceRequest')!,
  metrics: messages.get('MetricsRequest')!,
  logs: messages.get('LogsRequest')!,
}

/** All messages, for tests that walk the table. */
export const allMessages: ReadonlyMap<string, Message> = messages

/** A decoded message: only the fields that were present, 64-bit integers as bigint, ids as hex. */
export type Decoded = { [field: string]: unknown }
