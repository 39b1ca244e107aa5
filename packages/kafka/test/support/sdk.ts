// A complete OpenTelemetry SDK for one test file, with everything it produced at hand.
import {
  type Attributes,
  context,
  DiagLogLevel,
  diag,
  metrics,
  propagation,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import { type ReadableSpan, type Sampler, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'

export interface Sdk {
  /** Spans that ended, oldest first. */
  spans(): ReadableSpan[]
  /** The spans with this name; waits for nothing. */
  named(name: string): ReadableSpan[]
  reset(): void
  metrics(): Promise<ResourceMetrics>
  /** What was written to `diag` at warn and error. */
  readonly said: string[]
  setPropagator(propagator: TextMapPropagator): void
  /** Runs something with nothing registered, for all copies of the API in the process. */
  without<R>(run: () => Promise<R>): Promise<R>
  /** One that is not registered. */
  newMeterProvider(): MeterProvider
  shutdown(): Promise<void>
}

export const w3c = () =>
  new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] })

export interface SdkOptions {
  sampler?: Sampler
  processors?: SpanProcessor[]
  metrics?: boolean
}

export function startSdk(options: SdkOptions = {}): Sdk {
  const ended: ReadableSpan[] = []
  const collect: SpanProcessor = {
    onStart() {},
    onEnd: span => void ended.push(span),
    forceFlush: async () => {},
    shutdown: async () => {},
  }
  const provider = new TracerProvider({
    ...(options.sampler && { sampler: options.sampler }),
    spanProcessors: [...(options.processors ?? []), collect],
  })
  const said: string[] = []
  const note = (...words: unknown[]) => said.push(words.map(String).join(' '))
  diag.setLogger({ error: note, warn: note, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({
    exporter: metricExporter,
    exportIntervalMillis: 3_600_000,
  })
  const meters = options.metrics ? new MeterProvider({ readers: [reader] }) : undefined
  const register = () => {
    trace.setGlobalTracerProvider(provider)
    propagation.setGlobalPropagator(w3c())
    if (meters) metrics.setGlobalMeterProvider(meters)
  }
  register()
  return {
    spans: () => ended.slice(),
    named: name => ended.filter(span => span.name === name),
    reset() {
      ended.length = 0
      said.length = 0
    },
    async metrics() {
      await reader.forceFlush()
      return metricExporter.getMetrics().at(-1)!
    },
    said,
    setPropagator(propagator) {
      propagation.disable()
      propagation.setGlobalPropagator(propagator)
    },
    async without(run) {
      for (const api of [trace, propagation, metrics]) api.disable()
      try {
        return await run()
      } finally {
        register()
      }
    },
    newMeterProvider: () => new MeterProvider(),
    async shutdown() {
      await provider.shutdown()
      await meters?.shutdown()
      for (const api of [trace, context, propagation, metrics, diag]) api.disable()
    },
  }
}

export function attributesOf(span: ReadableSpan | undefined): Attributes {
  return span?.attributes ?? {}
}
