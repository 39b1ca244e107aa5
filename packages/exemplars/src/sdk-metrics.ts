// Exemplars for @opentelemetry/sdk-metrics, which has none (opentelemetry-js issue 2594 and its pull requests are open
// since 2021). A thin layer over three private places, each tried out before it is used: when one of them is not as
// expected, or the SDK brings exemplars of its own, nothing is patched and the reason is returned.
import {
  type Attributes,
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { hasFailed } from './active-span.ts'
import { type Held, Reservoir } from './reservoir.ts'
import { shared, swallow } from './shared.ts'

/** What `dataPoint.exemplars` holds after a collection. */
export interface DataPointExemplar {
  value: number
  /** Milliseconds since the epoch. */
  timeMs: number
  /** Both empty when the measurement was made outside of any span (filter `always_on`). */
  traceId: string
  spanId: string
  /** Attributes of the measurement that a view dropped. */
  filteredAttributes: Attributes
}

export interface SdkMetricsOptions {
  /** OTEL_METRICS_EXEMPLAR_FILTER. Default `trace_based`: measurements in sampled spans. */
  filter?: 'trace_based' | 'always_on' | 'always_off'
}

interface Sdk {
  readonly MeterProvider: new (options: any) => { getMeter(name: string): any; shutdown(): Promise<void> }
}

// The measurement that is being recorded: the record path is synchronous from here to the accumulation.
let measuring = false
let currentContext: Context | undefined
let currentAttributes: Attributes | undefined
let currentMs = 0
// The reader that is collecting, and how many there are for this storage.
let currentReader: object | undefined
let readerCount = 1

// No semantics in a name: the reservoir is a field of the SDK's accumulation because a WeakMap costs 20 ns a record.
const reservoirKey = '_orgOtelExemplars'
const originalRecordKey = '_orgOtelRecord'

// Specification, "SimpleFixedSizeExemplarReservoir": one by default, at most 20 for exponential histograms.
const fixedSize = 1
const exponentialSize = 20

/**
 * Patches one loaded copy of the SDK, also for providers that exist already.
 *
 * ```ts
 * import * as sdk from '@opentelemetry/sdk-metrics'
 * const reason = patchSdkMetrics(sdk)
 * if (reason !== undefined) console.warn(`no exemplars: ${reason}`)
 * ```
 */
export function patchSdkMetrics(sdk: Sdk, options: SdkMetricsOptions = {}): string | undefined {
  shared.filter = options.filter ?? 'trace_based'
  if (shared.patched.has(sdk.MeterProvider)) return undefined
  const undo: (() => void)[] = []
  try {
    const probes = [openProbe(sdk, false), openProbe(sdk, true)]
    const reason = probes.map(checkProbe).find(found => found !== undefined)
    if (reason !== undefined) return reason
    for (const probe of probes) patchProbe(probe, undo)
    const broken = probes.map(tryProbe).find(found => found !== undefined)
    if (broken !== undefined) {
      for (const restore of undo.reverse()) restore()
      return broken
    }
    shared.patched.add(sdk.MeterProvider)
    return undefined
  } catch (error) {
    for (const restore of undo.reverse()) restore()
    return `the metrics SDK is not as expected (${error instanceof Error ? error.message : error})`
  }
}

interface Probe {
  readonly instruments: readonly any[]
  readonly reader: object
}

/** A throw-away provider whose instruments lead to the SDK's private classes. */
function openProbe(sdk: Sdk, isExponential: boolean): Probe {
  let reader: object = {}
  const provider = new sdk.MeterProvider({
    readers: [
      {
        setMetricProducer: (producer: object) => {
          reader = producer
        },
        selectAggregation: (type: string) => ({ type: isExponential && type === 'HISTOGRAM' ? 5 : 0 }),
        selectAggregationTemporality: () => 1,
        selectCardinalityLimit: () => 10,
        collect: async () => ({ resourceMetrics: { scopeMetrics: [] }, errors: [] }),
        forceFlush: async () => {},
        shutdown: async () => {},
      },
    ],
  })
  const meter = provider.getMeter('probe')
  const advice = { explicitBucketBoundaries: [1, 2] }
  const histogram = meter.createHistogram('h', { advice })
  return {
    instruments: isExponential ? [histogram] : [histogram, meter.createCounter('c'), meter.createGauge('g')],
    reader,
  }
}

function storageOf(instrument: any): any {
  return instrument._writableMetricStorage
}

function aggregatorOf(instrument: any): any {
  return storageOf(instrument)._deltaMetricStorage._aggregator
}

function checkProbe({ instruments, reader }: Probe): string | undefined {
  for (const instrument of instruments) {
    const storage = storageOf(instrument)
    const aggregator = storage?._deltaMetricStorage?._aggregator
    const methods = [
      storage?.record,
      storage?.collect,
      storage?._temporalMetricStorage?.buildMetrics,
      aggregator?.createAccumulation,
      aggregator?.merge,
      aggregator?.toMetricData,
      aggregator?.createAccumulation?.([0, 0])?.record,
    ]
    if (methods.some(method => typeof method !== 'function'))
      return 'the metrics SDK has other private parts than 3.1'
    storage.record(1, {}, sampledProbe, 1)
    const [point] = storage.collect(reader, [1, 0])?.dataPoints ?? []
    if (point === undefined) return 'the metrics SDK collects in another way than 3.1'
    if ('exemplars' in point) return 'the metrics SDK records exemplars itself'
  }
  return undefined
}

const probeSpan = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: TraceFlags.SAMPLED,
}
const sampledProbe = trace.setSpanContext(ROOT_CONTEXT, probeSpan)

function tryProbe({ instruments, reader }: Probe): string | undefined {
  const filter = shared.filter
  shared.filter = 'trace_based'
  try {
    for (const instrument of instruments) {
      const storage = storageOf(instrument)
      storage.record(1.5, { k: 'v' }, sampledProbe, 2)
      const points = storage.collect(reader, [2, 0]).dataPoints as { exemplars?: DataPointExemplar[] }[]
      const exemplars = points.flatMap(point => point.exemplars ?? [])
      if (
        exemplars.length !== 1 ||
        exemplars[0]!.value !== 1.5 ||
        exemplars[0]!.spanId !== probeSpan.spanId
      ) {
        return 'exemplars do not come through this metrics SDK'
      }
    }
    return undefined
  } finally {
    shared.filter = filter
  }
}

function patchProbe({ instruments }: Probe, undo: (() => void)[]): void {
  for (const instrument of instruments) {
    const storage = storageOf(instrument)
    const aggregator = aggregatorOf(instrument)
    const accumulation = aggregator.createAccumulation([0, 0])
    const patches: [object, string, (original: any) => any][] = [
      [storage, 'record', wrapStorageRecord],
      [storage._temporalMetricStorage, 'buildMetrics', wrapBuildMetrics],
      [aggregator, 'merge', wrapMerge],
      [aggregator, 'toMetricData', wrapToMetricData],
    ]
    for (const [object, name, wrap] of patches) patchPrototype(object, name, wrap, undo)
    patchAccumulation(Object.getPrototypeOf(accumulation), undo)
  }
}

function patchAccumulation(proto: any, undo: (() => void)[]): void {
  if (proto.record === recordAndOffer || Object.hasOwn(proto, originalRecordKey)) return
  const original = proto.record
  Object.defineProperty(proto, originalRecordKey, { value: original, configurable: true })
  proto.record = recordAndOffer
  undo.push(() => {
    proto.record = original
    delete proto[originalRecordKey]
  })
}

function patchPrototype(
  object: object,
  name: string,
  wrap: (original: any) => any,
  undo: (() => void)[],
): void {
  const proto = Object.getPrototypeOf(object)
  const original = proto[name]
  if (shared.patched.has(original)) return
  const ours = wrap(original)
  shared.patched.add(ours)
  proto[name] = ours
  undo.push(() => {
    proto[name] = original
  })
}

// As small as can be, and everything else where the value is counted: what is added here keeps V8 from compiling the
// SDK's path from instrument to accumulation in one piece (bench/record.mjs: 1.15 before, 1.12 so).
function wrapStorageRecord(original: (...args: any[]) => void) {
  return function record(
    this: unknown,
    value: number,
    attributes: Attributes,
    ctx: Context | undefined,
    timeMs: number,
  ) {
    if (measuring) return recordNested(original, this, value, attributes, ctx, timeMs)
    measuring = true
    currentContext = ctx
    currentAttributes = attributes
    currentMs = timeMs
    try {
      original.call(this, value, attributes, ctx, timeMs)
    } finally {
      measuring = false
    }
  }
}

/** An attribute getter of the application may itself record: that measurement ends before the outer one goes on. */
function recordNested(
  original: (...args: any[]) => void,
  storage: unknown,
  value: number,
  attributes: Attributes,
  ctx: Context | undefined,
  timeMs: number,
): void {
  const [outerContext, outerAttributes, outerMs] = [currentContext, currentAttributes, currentMs]
  currentContext = ctx
  currentAttributes = attributes
  currentMs = timeMs
  try {
    original.call(storage, value, attributes, ctx, timeMs)
  } finally {
    currentContext = outerContext
    currentAttributes = outerAttributes
    currentMs = outerMs
  }
}

/** @org/otel's spans have their flags at hand; asking for the span context would print the ids. */
function isSampled(span: Span): boolean {
  const flags = (span as { flags?: unknown }).flags
  return ((typeof flags === 'number' ? flags : span.spanContext().traceFlags) & TraceFlags.SAMPLED) !== 0
}

// One function for the four kinds of accumulation: a closure for each would share its call site, which V8 then no
// longer inlines. The original is a method beside it.
function recordAndOffer(this: any, value: number): void {
  this[originalRecordKey](value)
  if (measuring) offer(this, value)
}

function offer(accumulation: any, value: number): void {
  try {
    const { filter } = shared
    const span = trace.getSpan(currentContext ?? context.active())
    if (filter !== 'always_on') {
      if (filter === 'always_off' || span === undefined || !isSampled(span)) return
    }
    // The SDK ignores NaN, and no bucket of ours fits infinity.
    if (!Number.isFinite(value)) return
    const reservoir: Reservoir = (accumulation[reservoirKey] ??= openReservoir(accumulation))
    const isError = span !== undefined && (shared.failing || hasFailed(span))
    const slot = reservoir.choose(value, isError)
    if (slot < 0) return
    const { traceId = '', spanId = '' } = span?.spanContext() ?? {}
    const held: Held = {
      value,
      timeMs: currentMs,
      traceId,
      spanId,
      isError,
      attributes: { ...currentAttributes },
    }
    reservoir.put(slot, held)
  } catch (error) {
    swallow('record', error)
  }
}

function openReservoir({ _boundaries, _maxSize }: { _boundaries?: number[]; _maxSize?: number }): Reservoir {
  return new Reservoir(_boundaries, _maxSize === undefined ? fixedSize : Math.min(exponentialSize, _maxSize))
}

function wrapBuildMetrics(original: (...args: any[]) => unknown) {
  return function buildMetrics(this: any, reader: object, ...rest: any[]) {
    currentReader = reader
    readerCount = this._unreportedAccumulations?.size ?? 1
    try {
      return original.call(this, reader, ...rest)
    } finally {
      currentReader = undefined
    }
  }
}

function wrapMerge(original: (previous: any, delta: any) => any) {
  return function merge(this: unknown, previous: any, delta: any) {
    const result = original.call(this, previous, delta)
    const older = unreported(previous[reservoirKey])
    const newer = unreported(delta[reservoirKey])
    const joined =
      older !== undefined && newer !== undefined ? Reservoir.join(older, newer) : (newer ?? older)
    if (joined !== undefined) result[reservoirKey] = joined
    return result
  }
}

function unreported(reservoir: Reservoir | undefined): Reservoir | undefined {
  if (reservoir === undefined || currentReader === undefined) return reservoir
  return reservoir.reportedTo.includes(currentReader) ? undefined : reservoir
}

function wrapToMetricData(original: (...args: any[]) => any) {
  return function toMetricData(
    this: unknown,
    descriptor: any,
    temporality: any,
    records: [Attributes, any][],
    end: any,
  ) {
    const data = original.call(this, descriptor, temporality, records, end)
    for (let i = 0; i < records.length; i++) {
      const [attributes, accumulation] = records[i]!
      const reservoir = unreported(accumulation[reservoirKey])
      if (reservoir === undefined) continue
      const point = data.dataPoints[i]
      if (point !== undefined) point.exemplars = toExemplars(reservoir, attributes)
      // Exemplars describe the interval that was just collected: every reader gets them once.
      if (currentReader !== undefined) reservoir.reportedTo.push(currentReader)
      if (reservoir.reportedTo.length >= readerCount) accumulation[reservoirKey] = undefined
    }
    return data
  }
}

function toExemplars(reservoir: Reservoir, kept: Attributes): DataPointExemplar[] {
  const exemplars: DataPointExemplar[] = []
  for (const held of reservoir.slots) {
    if (held === undefined) continue
    const filteredAttributes: Attributes = {}
    for (const key of Object.keys(held.attributes)) {
      if (!Object.hasOwn(kept, key)) filteredAttributes[key] = held.attributes[key]
    }
    const { value, timeMs, traceId, spanId } = held
    exemplars.push({ value, timeMs, traceId, spanId, filteredAttributes })
  }
  return exemplars
}
