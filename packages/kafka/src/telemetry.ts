// The tracer, the instruments and "is anybody listening", looked up per call because an SDK may register late.
import {
  type Attributes,
  type Context,
  createContextKey,
  createNoopMeter,
  type Meter,
  type MeterProvider,
  metrics,
  ProxyTracerProvider,
  propagation,
  type Span,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import { noticeHiddenSdk } from './api-copy.ts'
import { boundaries, Durations, isHistogramSink } from './durations.ts'
import { guard } from './guard.ts'
import { getNames } from './names.ts'
import { registry } from './registry.ts'
import { type Series, SeriesTable } from './series.ts'

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
  if (isSuppressed(context)) return true
  if (hasTracing() || propagation.fields().length > 0 || instruments()) return false
  noticeHiddenSdk()
  return true
}

/** Takes the duration of one operation. `within` holds the span and is what exemplars are made of. */
type RecordDuration = (seconds: number, series: Series, span: Span, within: Context) => void

/** A gauge as the API has it from 1.9 on, whose type a program with an older one could not resolve. */
interface LagGauge {
  record(value: number, attributes?: Attributes): void
}

/** What is measured with one meter provider. */
export interface Instruments {
  readonly sends: SeriesTable
  readonly processings: SeriesTable
  readonly recordSend: RecordDuration
  readonly recordProcessing: RecordDuration
  /** Undefined where the SDK is older than gauges (API 1.9). */
  readonly recordsLag: LagGauge | undefined
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
  const known = registry.instruments.get(provider) as Instruments | undefined
  current = known ?? guard('metrics', () => buildFor(provider))
  if (current) registry.instruments.set(provider, current)
  return current
}

function buildFor(provider: MeterProvider): Instruments | undefined {
  const { schemaUrl } = getNames()
  const meter = provider.getMeter(scope, version, schemaUrl === undefined ? {} : { schemaUrl })
  return meter === noMeter ? undefined : buildInstruments(meter, provider)
}

const durations = {
  send: {
    name: 'messaging.client.operation.duration',
    description: 'Duration of messaging operations initiated by a producer or consumer client.',
  },
  process: { name: 'messaging.process.duration', description: 'Duration of processing operation.' },
}

function buildInstruments(meter: Meter, provider: MeterProvider): Instruments {
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
    recordSend: buildDuration(meter, provider, durations.send, sends),
    recordProcessing: buildDuration(meter, provider, durations.process, processings),
    // No semantic convention covers lag yet; the name is the one the Java agent bridges from the client's own metrics.
    recordsLag: (meter as Partial<Meter>).createGauge?.('kafka.consumer.records_lag', {
      unit: '{record}',
      description: 'Records between the last one delivered and the end of the partition.',
    }),
  }
}

function buildDuration(
  meter: Meter,
  provider: MeterProvider,
  { name, description }: { name: string; description: string },
  table: SeriesTable,
): RecordDuration {
  if (isHistogramSink(provider)) {
    const source = new Durations(
      { name, description, scope: { name: scope, version } },
      table,
      provider.exemplarFilter,
    )
    provider.addHistogramSource(source)
    return (seconds, series, span) => source.record(seconds, series, span)
  }
  const advice = { explicitBucketBoundaries: [...boundaries] }
  const histogram = meter.createHistogram(name, { unit: 's', description, advice })
  return (seconds, series, _span, within) => histogram.record(seconds, series.attributes, within)
}

/** A counter that is asked for its sums: counting costs an addition, and the SDK sees each series once per export. */
function observe(meter: Meter, table: SeriesTable, name: string, description: string): void {
  meter.createObservableCounter(name, { unit: '{message}', description }).addCallback(result => {
    for (const { messages, attributes } of table.all) if (messages > 0) result.observe(messages, attributes)
  })
}
