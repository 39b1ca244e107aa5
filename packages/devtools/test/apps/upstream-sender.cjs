// Sends one trace, five metrics and one log record with the reference exporters. argv: protocol, compression.
const [protocol, compression] = process.argv.slice(2)
const { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = require('@opentelemetry/api')
const { resourceFromAttributes } = require('@opentelemetry/resources')
const { LoggerProvider, SimpleLogRecordProcessor } = require('@opentelemetry/sdk-logs')
const {
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
} = require('@opentelemetry/sdk-metrics')
const { BatchSpanProcessor, TracerProvider } = require('@opentelemetry/sdk-trace')

const kind = { grpc: 'grpc', 'http/protobuf': 'proto', 'http/json': 'http' }[protocol]
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${kind}`)
const { OTLPMetricExporter } = require(`@opentelemetry/exporter-metrics-otlp-${kind}`)
const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${kind}`)

const resource = resourceFromAttributes({ 'service.name': 'golden', 'service.version': '1.2.3' })
const base = process.env.OTEL_EXPORTER_OTLP_ENDPOINT
const options = signal => ({ url: protocol === 'grpc' ? base : `${base}/v1/${signal}`, compression })

async function sendTrace() {
  const exporter = new OTLPTraceExporter(options('traces'))
  const provider = new TracerProvider({ resource, spanProcessors: [new BatchSpanProcessor({ exporter })] })
  const tracer = provider.getTracer('scope', '0.1')
  const linked = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8), traceFlags: 1 }
  const startTime = [1_700_000_000, 250_000]
  const parent = tracer.startSpan('parent', { kind: SpanKind.SERVER, startTime }, ROOT_CONTEXT)
  const child = tracer.startSpan(
    'child',
    {
      kind: SpanKind.PRODUCER,
      attributes: {
        string: 'snow ☃',
        int: 42,
        negative: -7,
        double: 1.5,
        bool: true,
        strings: ['a', 'b'],
        ints: [1, 2, 3],
      },
      links: [{ context: linked, attributes: { why: 'batch' } }],
    },
    trace.setSpan(context.active(), parent),
  )
  child.addEvent('retry', { attempt: 2 })
  child.setStatus({ code: SpanStatusCode.ERROR, message: 'no luck' })
  child.end()
  parent.end([1_700_000_000, 375_750_000])
  await provider.shutdown()
  return { traceId: parent.spanContext().traceId, spanId: parent.spanContext().spanId }
}

async function sendMetrics() {
  const exporter = new OTLPMetricExporter(options('metrics'))
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 })
  const views = [{ instrumentName: 'exp', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }]
  const provider = new MeterProvider({ resource, readers: [reader], views })
  const meter = provider.getMeter('meter')
  meter.createCounter('count', { unit: '{call}' }).add(3, { route: '/a' })
  meter.createUpDownCounter('open').add(-2)
  meter.createGauge('level').record(0.5)
  const took = meter.createHistogram('took', { unit: 's', advice: { explicitBucketBoundaries: [1, 2] } })
  for (const value of [0.5, 1.5, 9]) took.record(value)
  const exp = meter.createHistogram('exp')
  for (const value of [1, 2, 4, 0]) exp.record(value)
  await provider.shutdown()
}

async function sendLog() {
  const exporter = new OTLPLogExporter(options('logs'))
  const provider = new LoggerProvider({ resource, processors: [new SimpleLogRecordProcessor({ exporter })] })
  const spanContext = { traceId: '12'.repeat(16), spanId: '34'.repeat(8), traceFlags: 1 }
  provider.getLogger('log').emit({
    body: { order: 7, tags: ['x', null], deep: { big: 2 ** 40 } },
    severityNumber: 13,
    severityText: 'warn',
    timestamp: 1_700_000_000_123,
    attributes: { user: 'u1', bytes: new Uint8Array([1, 2, 255]) },
    context: trace.setSpanContext(ROOT_CONTEXT, spanContext),
  })
  await provider.shutdown()
}

Promise.all([sendTrace(), sendMetrics(), sendLog()]).then(
  ([ids]) => console.log(JSON.stringify(ids)),
  error => {
    console.error(error)
    process.exitCode = 1
  },
)
