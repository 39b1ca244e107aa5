// The tracer, the instruments and "is anybody listening", looked up per call because an SDK may register late.
import {
  type Attributes,
  type Context,
  type Counter,
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
import { chooseNames, type Names } from './names.ts'

const scope = '@org/otel-kafka'
const version = '0.1.0'

// Context keys are Symbol.for underneath: this is the very key of suppressTracing() in @opentelemetry/core.
const suppressed = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')
const noTracerProvider = new ProxyTracerProvider().getDelegate()

let names: Names | undefined
let tracer: Tracer | undefined

/** The names of this process, from `OTEL_SEMCONV_STABILITY_OPT_IN`, read once. */
export function getNames(): Names {
  names ??= chooseNames(process.env.OTEL_SEMCONV_STABILITY_OPT_IN)
  return names
}

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

export interface Instruments {
  readonly operationDuration: Histogram
  readonly sentMessages: Counter
  readonly consumedMessages: Counter
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
  const { schemaUrl } = getNames()
  const meter = provider.getMeter(scope, version, schemaUrl === undefined ? {} : { schemaUrl })
  current = meter === noMeter ? undefined : buildInstruments(meter)
  return current
}

function buildInstruments(meter: Meter): Instruments {
  return {
    operationDuration: meter.createHistogram(
      'messaging.client.operation.duration',
      durationOptions('Duration of messaging operations initiated by a producer or consumer client.'),
    ),
    sentMessages: meter.createCounter('messaging.client.sent.messages', {
      unit: '{message}',
      description: 'Number of messages the producer attempted to send to the broker.',
    }),
    consumedMessages: meter.createCounter('messaging.client.consumed.messages', {
      unit: '{message}',
      description: 'Number of messages that were delivered to the application.',
    }),
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

/** Attributes shared by every metric about one operation on one topic. */
export function metricAttributes(
  operationName: 'send' | 'process' | 'poll',
  operationType: 'send' | 'process' | 'receive',
  topic: string | undefined,
  groupId: string | undefined,
  errorType: string | undefined,
): Attributes {
  const attributes: Attributes = {
    'messaging.operation.name': operationName,
    'messaging.operation.type': operationType,
  }
  getNames().put(attributes, 'system', 'kafka')
  if (topic !== undefined) attributes['messaging.destination.name'] = topic
  if (groupId !== undefined) attributes['messaging.consumer.group.name'] = groupId
  if (errorType !== undefined) attributes['error.type'] = errorType
  return attributes
}
