// The meter provider published at start. Creating meters and instruments costs an object each; the metrics SDK is
// loaded after the first tick, or when something is measured before that.
import type {
  Attributes,
  BatchObservableCallback,
  Context,
  Meter,
  MeterOptions,
  MeterProvider,
  MetricOptions,
  Observable,
  ObservableCallback,
} from '@opentelemetry/api'
import { createNoopMeter } from '@opentelemetry/api'
import { guard } from '../self/guard.ts'

type SyncKind = 'createCounter' | 'createUpDownCounter' | 'createHistogram' | 'createGauge'
type ObservableKind = 'createObservableCounter' | 'createObservableUpDownCounter' | 'createObservableGauge'

/**
 *     const provider = new LazyMeterProvider(() => loadChunk('metrics').startMetrics(options).provider)
 *     metrics.setGlobalMeterProvider(provider)
 *     setImmediate(() => provider.load()).unref()
 */
export class LazyMeterProvider implements MeterProvider {
  private readonly create: () => MeterProvider
  private real: MeterProvider | undefined
  private readonly meters = new Map<string, LazyMeter>()

  /** `create` is called once, synchronously. When it has nothing to give, measuring does nothing. */
  constructor(create: () => MeterProvider) {
    this.create = create
  }

  getMeter(name: string, version?: string, options?: MeterOptions): Meter {
    if (this.real !== undefined) return this.real.getMeter(name, version, options) ?? createNoopMeter()
    const key = `${name}@${version ?? ''}:${options?.schemaUrl ?? ''}`
    let meter = this.meters.get(key)
    if (meter === undefined) {
      meter = new LazyMeter(this, () => this.load().getMeter(name, version, options) ?? createNoopMeter())
      this.meters.set(key, meter)
    }
    return meter
  }

  /** Loads the SDK and creates in it what was created here so far. */
  load(): MeterProvider {
    if (this.real === undefined) {
      this.real = guard('metrics', this.create) ?? { getMeter: createNoopMeter }
      for (const meter of this.meters.values()) meter.settle()
    }
    return this.real
  }

  get isLoaded(): boolean {
    return this.real !== undefined
  }
}

class LazyMeter implements Meter {
  private readonly provider: LazyMeterProvider
  private readonly open: () => Meter
  private meter: Meter | undefined
  /** What to repeat on the real meter, in order. */
  private waiting: (() => void)[] = []
  private readonly batches = new Map<BatchObservableCallback, BatchObservableCallback>()

  constructor(provider: LazyMeterProvider, open: () => Meter) {
    this.provider = provider
    this.open = open
  }

  get real(): Meter {
    return (this.meter ??= this.open())
  }

  settle(): void {
    const waiting = this.waiting
    this.waiting = []
    for (const repeat of waiting) repeat()
  }

  /** Now, when the SDK is there; else when it comes. */
  later(action: () => void): void {
    if (this.provider.isLoaded) action()
    else this.waiting.push(action)
  }

  private sync(kind: SyncKind, name: string, options?: MetricOptions): LazyInstrument {
    const instrument = new LazyInstrument(() => this.real[kind](name, options))
    this.later(() => instrument.real)
    return instrument
  }

  private observable(kind: ObservableKind, name: string, options?: MetricOptions): LazyObservable {
    const instrument = new LazyObservable(this, () => this.real[kind](name, options))
    this.later(() => instrument.real)
    return instrument
  }

  createCounter(name: string, options?: MetricOptions) {
    return this.sync('createCounter', name, options)
  }
  createUpDownCounter(name: string, options?: MetricOptions) {
    return this.sync('createUpDownCounter', name, options)
  }
  createHistogram(name: string, options?: MetricOptions) {
    return this.sync('createHistogram', name, options)
  }
  createGauge(name: string, options?: MetricOptions) {
    return this.sync('createGauge', name, options)
  }
  createObservableCounter(name: string, options?: MetricOptions) {
    return this.observable('createObservableCounter', name, options)
  }
  createObservableUpDownCounter(name: string, options?: MetricOptions) {
    return this.observable('createObservableUpDownCounter', name, options)
  }
  createObservableGauge(name: string, options?: MetricOptions) {
    return this.observable('createObservableGauge', name, options)
  }

  addBatchObservableCallback(callback: BatchObservableCallback, observables: Observable[]): void {
    // The callback observes through the instruments it was given: ours, which the SDK does not know.
    let adapted = this.batches.get(callback)
    if (adapted === undefined) {
      adapted = result =>
        callback({
          observe: (instrument: Observable, value: number, attributes?: Attributes) =>
            result.observe(unwrap(instrument), value, attributes),
        })
      this.batches.set(callback, adapted)
    }
    const given = adapted
    this.later(() => this.real.addBatchObservableCallback(given, observables.map(unwrap)))
  }

  removeBatchObservableCallback(callback: BatchObservableCallback, observables: Observable[]): void {
    const adapted = this.batches.get(callback) ?? callback
    this.later(() => this.real.removeBatchObservableCallback(adapted, observables.map(unwrap)))
  }
}

/** Counter, UpDownCounter, Histogram or Gauge: whichever the real one is. */
class LazyInstrument {
  private readonly create: () => any
  private instrument: any

  constructor(create: () => any) {
    this.create = create
  }

  get real(): any {
    return (this.instrument ??= this.create())
  }

  add(value: number, attributes?: Attributes, context?: Context): void {
    ;(this.instrument ?? this.real).add(value, attributes, context)
  }

  record(value: number, attributes?: Attributes, context?: Context): void {
    ;(this.instrument ?? this.real).record(value, attributes, context)
  }
}

class LazyObservable implements Observable {
  private readonly meter: LazyMeter
  private readonly create: () => Observable
  private instrument: Observable | undefined

  constructor(meter: LazyMeter, create: () => Observable) {
    this.meter = meter
    this.create = create
  }

  get real(): Observable {
    return (this.instrument ??= this.create())
  }

  addCallback(callback: ObservableCallback): void {
    this.meter.later(() => this.real.addCallback(callback))
  }

  removeCallback(callback: ObservableCallback): void {
    this.meter.later(() => this.real.removeCallback(callback))
  }
}

function unwrap(instrument: Observable): Observable {
  return instrument instanceof LazyObservable ? instrument.real : instrument
}
