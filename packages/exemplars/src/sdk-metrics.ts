// Exemplars for @opentelemetry/sdk-metrics, which has none (opentelemetry-js issue 2594 and its pull requests are open
// since 2021). A thin layer over four private places, each tried out before it is used: when one of them is not as
// expected, or the SDK brings exemplars of its own, nothing is patched and the reason is returned.
import {
  type Attributes,
  type Context,
  context,
  type HrTime,
  ROOT_CONTEXT,
  type Span,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { hasFailed } from './active-span.ts'
import { type AttributePath, createPath, findTarget, learnTarget } from './attribute-path.ts'
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
  /** SDK 1 names an aggregation by an object, later ones by a type. */
  readonly Aggregation?: { Default(): object; ExponentialHistogram(): object }
}

interface Accumulation {
  record(value: number): void
}

// The accumulation that counted last and its reservoir: recording is synchronous from the storage to here.
let counted: Accumulation | undefined
let reservoir: Reservoir | undefined
// The reader that is collecting, and how many there are for this storage.
let currentReader: object | undefined
let readerCount = 1

// No semantics in a name: the reservoir is a field of the SDK's accumulation because a WeakMap costs 20 ns a record.
const pathKey = '_orgOtelPath'
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
        selectAggregation: (type: string) => {
          const wantsExponential = isExponential && type === 'HISTOGRAM'
          if (sdk.Aggregation === undefined) return { type: wantsExponential ? 5 : 0 }
          return wantsExponential ? sdk.Aggregation.ExponentialHistogram() : sdk.Aggregation.Default()
        },
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
      storage?._deltaMetricStorage?.record,
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
      [
        storage._deltaMetricStorage,
        'record',
        storage._deltaMetricStorage.record.length === 3 ? wrapDeltaRecord : wrapOlderDeltaRecord,
      ],
      [storage._temporalMetricStorage, 'buildMetrics', wrapBuildMetrics],
      [aggregator, 'merge', wrapMerge],
      [aggregator, 'toMetricData', wrapToMetricData],
    ]
    for (const [object, name, wrap] of patches) patchPrototype(object, name, wrap, undo)
    patchAccumulation(Object.getPrototypeOf(accumulation), undo)
  }
}

// A second copy of the SDK shares them.
let used = 0

function patchAccumulation(proto: any, undo: (() => void)[]): void {
  if (Object.hasOwn(proto, originalRecordKey)) return
  const original = proto.record
  Object.defineProperty(proto, originalRecordKey, { value: original, configurable: true })
  proto.record = recorders[used++ % recorders.length]
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

// Offered after the SDK is done, here and not where the value is counted: V8 compiles the SDK's way from here to the
// accumulation, with the hashing of the attributes, in one piece, and every line of ours in it is one it leaves out
// (bench/record.mjs: 1.16 so).
function wrapStorageRecord(original: (...args: any[]) => void) {
  return function record(
    this: unknown,
    value: number,
    attributes: Attributes,
    ctx: Context | undefined,
    time: number | HrTime,
  ) {
    counted = undefined
    original.call(this, value, attributes, ctx, time)
    if (counted !== undefined) offer(counted, value, attributes, ctx, time)
  }
}

interface DeltaStorage {
  /** The SDK's series of this interval, another object after each collection: what we learned goes with it. */
  readonly _activeCollectionStorage: { [pathKey]?: AttributePath }
}

function wrapDeltaRecord(original: (...args: any[]) => void) {
  return function record(this: DeltaStorage, value: number, attributes: Attributes, timeMs: number) {
    const active = this._activeCollectionStorage
    const path = (active[pathKey] ??= createPath())
    const known = findTarget(path, attributes) as Accumulation | undefined
    if (known !== undefined) return known.record(value)
    original.call(this, value, attributes, timeMs)
    if (counted !== undefined && this._activeCollectionStorage === active)
      learnTarget(path, attributes, counted)
  }
}

/** SDK 1 hands the context down as well. */
function wrapOlderDeltaRecord(original: (...args: any[]) => void) {
  return function record(
    this: DeltaStorage,
    value: number,
    attributes: Attributes,
    ctx: Context,
    timeMs: unknown,
  ) {
    const active = this._activeCollectionStorage
    const path = (active[pathKey] ??= createPath())
    const known = findTarget(path, attributes) as Accumulation | undefined
    if (known !== undefined) return known.record(value)
    original.call(this, value, attributes, ctx, timeMs)
    if (counted !== undefined && this._activeCollectionStorage === active)
      learnTarget(path, attributes, counted)
  }
}

/** @org/otel's spans have their flags at hand; asking for the span context would print the ids. */
function isSampled(span: Span): boolean {
  const flags = (span as { flags?: unknown }).flags
  return ((typeof flags === 'number' ? flags : span.spanContext().traceFlags) & TraceFlags.SAMPLED) !== 0
}

// One function per kind of accumulation, each written out: what V8 learns about objects it keeps per function text, and
// one for all meets eight shapes of them, twice what it keeps apart.
const recorders: readonly ((this: any, value: number) => void)[] = [
  function record(this: any, value: number): void {
    this._orgOtelRecord(value)
    counted = this
    reservoir = this._orgOtelExemplars
  },
  function record(this: any, value: number): void {
    this._orgOtelRecord(value)
    counted = this
    reservoir = this._orgOtelExemplars
  },
  function record(this: any, value: number): void {
    this._orgOtelRecord(value)
    counted = this
    reservoir = this._orgOtelExemplars
  },
  function record(this: any, value: number): void {
    this._orgOtelRecord(value)
    counted = this
    reservoir = this._orgOtelExemplars
  },
]

function offer(
  accumulation: object,
  value: number,
  attributes: Attributes,
  ctx: Context | undefined,
  time: number | HrTime,
): void {
  try {
    const { filter } = shared
    const span = trace.getSpan(ctx ?? context.active())
    if (filter !== 'always_on') {
      if (filter === 'always_off' || span === undefined || !isSampled(span)) return
    }
    // The SDK ignores NaN, and no bucket of ours fits infinity.
    if (!Number.isFinite(value)) return
    const into = reservoir ?? openReservoir(accumulation)
    const isError = span !== undefined && (shared.failing || hasFailed(span))
    const slot = into.choose(value, isError)
    if (slot >= 0) into.put(slot, hold(value, time, span, isError, attributes))
  } catch (error) {
    swallow('record', error)
  }
}

function hold(
  value: number,
  time: number | HrTime,
  span: Span | undefined,
  isError: boolean,
  attributes: Attributes,
): Held {
  const { traceId = '', spanId = '' } = span?.spanContext() ?? {}
  // SDK 1 has seconds and nanoseconds.
  const timeMs = typeof time === 'number' ? time : time[0] * 1e3 + time[1] / 1e6
  return { value, timeMs, traceId, spanId, isError, attributes: { ...attributes } }
}

function openReservoir(accumulation: any): Reservoir {
  const { _boundaries, _maxSize } = accumulation as { _boundaries?: number[]; _maxSize?: number }
  const size = _maxSize === undefined ? fixedSize : Math.min(exponentialSize, _maxSize)
  return (accumulation[reservoirKey] = new Reservoir(_boundaries, size))
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
