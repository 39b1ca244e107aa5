// The tracer, the instruments and "is anybody listening", looked up per call because an SDK may register late.
import {
  type Context,
  createContextKey,
  createNoopMeter,
  type Gauge,
  type Histogram,
  type Meter,
  type MeterProvider,
  metrics,
  ProxyTracerProvider,
  propagation,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import { guard } from './guard.ts'
import { getNames } from './names.ts'
import { SeriesTable } from './series.ts'

const scope = '@org/otel-kafka'
const version = '0.1.0'

// Context keys are Symbol.for underneath: this is the very key of suppressTracing() in @opentelemetry/core.
const suppressed = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')
const noTracerProvider = new ProxyTracerProvider().getDelegate()

let tracer: Tracer | undefined

let tracerProvider: TracerProvider | undefined

/** The tracer of the provider that is registered now. */
export function getTracer(): Tracer {
  const provider = findProvider()
  if (tracer && provider === tracerProvider) return tracer
  const { schemaUrl } = getNames()
  tracerProvider = provider
  tracer = provider.getTracer(scope, version, schemaUrl === undefined ? {} : { schemaUrl })
  return tracer
}

/** The provider behind the API's proxy: it changes when an SDK registers, and in tests with every new SDK. */
function findProvider(): TracerProvider {
  const provider = trace.getTracerProvider() as TracerProvider & { getDelegate?: () => TracerProvider }
  return typeof provider.getDelegate === 'function' ? provider.getDelegate() : provider
}

export function isSuppressed(context: Context): boolean {
  return context.getValue(suppressed) === true
}

/** True when a tracer provider is registered now. Costs about 10 ns. */
export function hasTracing(): boolean {
  return findProvider() !== noTracerProvider
}

/** True when neither spans nor headers can come out of a call: it must cost nothing and change nothing. */
export function isQuiet(context: Context): boolean {
  return isSuppressed(context) || (!hasTracing() && propagation.fields().length === 0 && !instruments())
}

const bucketsSeconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const durationOptions = (description: string) => ({
  unit: 's',
  description,
  advice: { explicitBucketBoundaries: bucketsSeconds },
})

/** What is measured with one meter provider. */
export interface Instruments {
  readonly sends: SeriesTable
  readonly processings: SeriesTable
  readonly operationDuration: Histogram
  readonly processDuration: Histogram
  readonly recordsLag: Gauge
}

let meterProvider: MeterProvider | undefined
let current: Instruments | undefined
const noMeter = createNoopMeter()

/**
 * The instruments, or undefined when no meter provider is registered. Unlike the tracer, the API gives no proxy
 * for a meter: one taken before the SDK registers would stay silent for ever.
 */
export function instruments(): Instruments | undefined {
  const provider = metrics.getMeterProvider()
  if (provider === meterProvider) return current
  meterProvider = provider
  current = guard('metrics', () => {
    const { schemaUrl } = getNames()
    const meter = provider.getMeter(scope, version, schemaUrl === undefined ? {} : { schemaUrl })
    return meter === noMeter ? undefined : buildInstruments(meter)
  })
  return current
}

function buildInstruments(meter: Meter): Instruments {
  const sends = new SeriesTable('send')
  const processings = new SeriesTable('process')
  observe(
    meter,
    sends,
    'messaging.client.sent.messages',
    'Number of messages the producer attempted to send to the broker.',
  )
  observe(
    meter,
    processings,
    'messaging.client.consumed.messages',
    'Number of messages that were delivered to the application.',
  )
  return {
    sends,
    processings,
    operationDuration: meter.createHistogram(
      'messaging.client.operation.duration',
      durationOptions('Duration of messaging operations initiated by a producer or consumer client.'),
    ),
    processDuration: meter.createHistogram(
      'messaging.process.duration',
      durationOptions('Duration of processing operation.'),
    ),
    // No semantic convention covers lag yet; the name is the one the Java agent bridges from the client's own metrics.
    recordsLag: meter.createGauge('kafka.consumer.records_lag', {
      unit: '{record}',
      description: 'Records between the last one delivered and the end of the partition.',
    }),
  }
}

/** A counter that is asked for its sums: counting costs an addition, and the SDK sees each series once per export. */
function observe(meter: Meter, table: SeriesTable, name: string, description: string): void {
  meter.createObservableCounter(name, { unit: '{message}', description }).addCallback(result => {
    for (const { messages, attributes } of table.all) if (messages > 0) result.observe(messages, attributes)
  })
}
