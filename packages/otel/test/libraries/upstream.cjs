// Upstream's SDK and its instrumentations of HTTP and of the libraries, with everything kept in memory.
'use strict'
const api = require('@opentelemetry/api')
const {
  MeterProvider,
  InMemoryMetricExporter,
  PeriodicExportingMetricReader,
  AggregationTemporality,
} = require('@opentelemetry/sdk-metrics')
const { registerInstrumentations } = require('@opentelemetry/instrumentation')
const { ExpressInstrumentation } = require('@opentelemetry/instrumentation-express')
const { IORedisInstrumentation } = require('@opentelemetry/instrumentation-ioredis')
const { MySQLInstrumentation } = require('@opentelemetry/instrumentation-mysql')
const { MySQL2Instrumentation } = require('@opentelemetry/instrumentation-mysql2')
const { PgInstrumentation } = require('@opentelemetry/instrumentation-pg')
const http = require('../http/upstream.cjs')

const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e8 })
const options = globalThis.LIBRARY_OPTIONS ?? {}
const { middlewareSpans, requestHandlerSpans, ...express } = options.express ?? {}
const { connectSpans, keepLiterals, ...pg } = options.pg ?? {}
registerInstrumentations({
  tracerProvider: api.trace.getTracerProvider(),
  meterProvider: new MeterProvider({ readers: [reader] }),
  instrumentations: [
    new ExpressInstrumentation(express),
    new PgInstrumentation(pg),
    new MySQLInstrumentation(options.mysql),
    new MySQL2Instrumentation(options.mysql2),
    new IORedisInstrumentation(options.ioredis),
  ],
})

module.exports = {
  ...http,
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
          isMonotonic: metric.isMonotonic,
          points: metric.dataPoints.map(({ attributes, value }) => ({
            attributes,
            ...(typeof value === 'number'
              ? { value }
              : { count: value.count, boundaries: value.buckets.boundaries }),
          })),
        })
    exporter.reset()
    return out
  },
}
