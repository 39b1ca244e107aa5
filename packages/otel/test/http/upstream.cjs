// Upstream's SDK and instrumentations with everything kept in memory: the reference of the differential test.
'use strict'
const { createRequire } = require('node:module')
const api = require('@opentelemetry/api')
const { TracerProvider, ParentBasedSampler, AlwaysOnSampler } = require('@opentelemetry/sdk-trace')
const {
  MeterProvider,
  InMemoryMetricExporter,
  PeriodicExportingMetricReader,
  AggregationTemporality,
} = require('@opentelemetry/sdk-metrics')
const core = require('@opentelemetry/core')
const { registerInstrumentations } = require('@opentelemetry/instrumentation')
// The last version with the names from before the stable conventions is asked where those are compared.
const { HttpInstrumentation } = require(
  process.env.OTEL_SEMCONV_STABILITY_OPT_IN
    ? 'instrumentation-http-dup'
    : '@opentelemetry/instrumentation-http',
)
const { UndiciInstrumentation } = require('@opentelemetry/instrumentation-undici')
const sdkNode = createRequire(
  createRequire(require.resolve('@opentelemetry/auto-instrumentations-node')).resolve(
    '@opentelemetry/sdk-node',
  ),
)
const { AsyncLocalStorageContextManager } = sdkNode('@opentelemetry/context-async-hooks')

let open = 0
let ended = []
const processor = {
  onStart() {
    open++
  },
  onEnd(span) {
    open--
    ended.push(span)
  },
  forceFlush: async () => {},
  shutdown: async () => {},
}
const tracerProvider = new TracerProvider({
  sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  spanProcessors: [processor],
})
api.trace.setGlobalTracerProvider(tracerProvider)
api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
api.propagation.setGlobalPropagator(
  new core.CompositePropagator({
    propagators: [new core.W3CTraceContextPropagator(), new core.W3CBaggagePropagator()],
  }),
)
const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e8 })
const meterProvider = new MeterProvider({ readers: [reader] })
api.metrics.setGlobalMeterProvider(meterProvider)

const config = JSON.parse(process.env.HTTP_TEST_CONFIG ?? '{}')
const headers = {
  requestHeaders: config.captureRequestHeaders ?? [],
  responseHeaders: config.captureResponseHeaders ?? [],
}
const probePaths = new Set(config.probePaths ?? [])
// Functions cannot be handed over in the environment.
const options = globalThis.HTTP_TEST_OPTIONS ?? {}
const http = new HttpInstrumentation({
  headersToSpanAttributes: { server: headers, client: headers },
  ignoreIncomingRequestHook: request => probePaths.has(request.url),
  ...options.http,
})
const undici = new UndiciInstrumentation({ headersToSpanAttributes: headers, ...options.undici })
registerInstrumentations({ tracerProvider, meterProvider, instrumentations: [http, undici] })

module.exports = {
  openSpans: () => open,
  swallowed: () => 0,
  takeSpans() {
    const spans = ended.map(span => ({
      name: span.name,
      kind: span.kind,
      traceId: span.spanContext().traceId,
      spanId: span.spanContext().spanId,
      parentSpanId: span.parentSpanContext?.spanId,
      attributes: span.attributes,
      status: span.status,
      events: span.events.map(event => ({ name: event.name, attributes: event.attributes })),
      scope: span.instrumentationScope.name,
    }))
    ended = []
    return spans
  },
  async takeMetrics() {
    await reader.forceFlush()
    const out = []
    for (const scope of exporter.getMetrics().at(-1)?.scopeMetrics ?? [])
      for (const metric of scope.metrics)
        out.push({
          name: metric.descriptor.name,
          unit: metric.descriptor.unit,
          description: metric.descriptor.description,
          scope: scope.scope.name,
          points: metric.dataPoints.map(point => ({
            attributes: point.attributes,
            count: point.value.count,
            boundaries: point.value.buckets.boundaries,
          })),
        })
    exporter.reset()
    return out
  },
}
