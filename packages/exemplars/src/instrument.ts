// The helper: one call that measures in either world, prom-client or OpenTelemetry, with exemplars in both.
import { type Attributes, diag, type Meter } from '@opentelemetry/api'
import { ArgumentError } from './argument-error.ts'
import { OperationNames } from './operation.ts'
import { findPromClient, isPromClient, patchPromClient } from './prom-client.ts'
import type { PromClient } from './prom-metric.ts'
import { adoptRegistry } from './prom-observe.ts'
import { shared } from './shared.ts'
import { describeUnit, toPrometheusName } from './units.ts'

/** `require('prom-client')`, one of its registries, or a meter of the OpenTelemetry API. */
export type Target = Meter | PromModule | PromRegistryLike

/** As much of `prom-client` as the types need: 14, 15, @prometheus-io/client, @platformatic/prom-client. */
export interface PromModule {
  readonly Registry: Function
  readonly Histogram: Function
  readonly Counter: Function
}

export interface PromRegistryLike {
  registerMetric(metric: any): void
  getSingleMetric(name: string): any
}

export interface InstrumentOptions<L extends string = string> {
  /** `payment.duration`, or as Prometheus has it, `payment_duration_seconds`. prom-client gets the latter in any case. */
  readonly name: string
  readonly description: string
  /** UCUM: `s` (default of histograms), `ms`, `By`, `{payment}` (default of counters: none). */
  readonly unit?: string
  readonly labelNames?: readonly L[]
  /**
   * Adds a label with the active span's name. `true` for `{ label: 'operation', max: 100 }`; further names are counted
   * as `_other`, observations outside of spans as `_none`, those in spans without a name (not sampled) as `_unnamed`.
   */
  readonly perOperation?: boolean | { readonly label?: string; readonly max?: number }
}

export interface HistogramOptions<L extends string = string> extends InstrumentOptions<L> {
  /** Upper bounds, ascending. Default: those advised for the unit. */
  readonly buckets?: readonly number[]
}

export type Labels<L extends string> = Partial<Record<L, string | number | boolean>>

export interface ExemplarHistogram<L extends string = string> {
  /**
   * Runs `fn`, records how long it took, and gives back what it gives back: a value, a promise (then until it
   * settles), an exception. A failure is recorded too and is preferred as exemplar. Needs a unit of time.
   */
  time<T>(fn: () => T, labels?: Labels<L>): T
  /** Returns the function that ends the measurement, records it and returns the duration in the histogram's unit. */
  startTimer(labels?: Labels<L>): (more?: Labels<L>) => number
  /** Records a value in the histogram's unit. A value that is not a finite number is ignored; nothing is thrown. */
  record(value: number, labels?: Labels<L>): void
}

export interface ExemplarCounter<L extends string = string> {
  /** Adds `value` (default 1). Anything but a positive finite number is ignored; nothing is thrown. */
  add(value?: number, labels?: Labels<L>): void
}

/**
 * A histogram whose buckets lead to traces, in prom-client or in OpenTelemetry.
 *
 * ```ts
 * import { exemplarHistogram } from '@org/otel-exemplars'
 * import promClient from 'prom-client'
 *
 * const duration = exemplarHistogram(promClient, {
 *   name: 'payment.duration',
 *   description: 'How long a payment takes',
 *   labelNames: ['method'],
 *   perOperation: true,
 * })
 * const receipt = await duration.time(() => pay(order), { method: 'card' })
 * ```
 *
 * Throws ArgumentError (`code` ORG_OTEL_ARGUMENT) for a target, name, label or bucket that cannot be used.
 */
export function exemplarHistogram<L extends string = never>(
  target: Target,
  options: HistogramOptions<L>,
): ExemplarHistogram<L> {
  const unit = options.unit ?? 's'
  const { perMs, buckets: advised } = describeUnit(unit)
  const buckets = checkBuckets(options.buckets ?? advised)
  const observe = openInstrument(target, { ...options, unit }, 'Histogram', buckets)
  const warn = warnOnce(options.name)
  const record = (value: number, labels?: Labels<L>, failed = false, more?: Labels<L>) => {
    if (typeof value === 'number' && Number.isFinite(value)) observe(value, labels, failed, more)
    else warn('a value that is not a finite number was ignored')
  }
  const elapsed = (sinceMs: number) => (performance.now() - sinceMs) * (perMs ?? Number.NaN)
  return {
    record: (value, labels) => record(value, labels),
    startTimer(labels) {
      const since = performance.now()
      return more => {
        const value = elapsed(since)
        record(value, labels, false, more)
        return value
      }
    },
    time(fn, labels) {
      const since = performance.now()
      let result: ReturnType<typeof fn>
      try {
        result = fn()
      } catch (error) {
        record(elapsed(since), labels, true)
        throw error
      }
      if (!isThenable(result)) {
        record(elapsed(since), labels)
        return result
      }
      // A new promise, and not a handler beside the old one: a rejection nobody handles must still be noticed.
      return result.then(
        value => {
          record(elapsed(since), labels)
          return value
        },
        (error: unknown) => {
          record(elapsed(since), labels, true)
          throw error
        },
      ) as typeof result
    },
  }
}

/**
 * A counter whose last increments lead to traces, in prom-client or in OpenTelemetry.
 *
 * ```ts
 * import { metrics } from '@opentelemetry/api'
 * import { exemplarCounter } from '@org/otel-exemplars'
 *
 * const refused = exemplarCounter(metrics.getMeter('payments'), {
 *   name: 'payments.refused',
 *   description: 'Payments the bank refused',
 *   labelNames: ['reason'],
 * })
 * refused.add(1, { reason: 'limit' })
 * ```
 */
export function exemplarCounter<L extends string = never>(
  target: Target,
  options: InstrumentOptions<L>,
): ExemplarCounter<L> {
  const add = openInstrument(target, { ...options, unit: options.unit ?? '' }, 'Counter', undefined)
  const warn = warnOnce(options.name)
  return {
    add(value = 1, labels) {
      if (typeof value === 'number' && Number.isFinite(value) && value >= 0) add(value, labels, false)
      else warn('a value that is not a positive number was ignored')
    },
  }
}

type Observe = (
  value: number,
  labels: Labels<string> | undefined,
  failed: boolean,
  /** Stronger than `labels`. */
  more?: Labels<string>,
) => void

function openInstrument(
  target: Target,
  options: InstrumentOptions & { readonly unit: string },
  kind: 'Histogram' | 'Counter',
  buckets: readonly number[] | undefined,
): Observe {
  const { name, description } = options
  if (typeof name !== 'string' || !/^[a-zA-Z_:]/.test(name))
    throw new ArgumentError(`not a metric name: ${name}`)
  if (typeof description !== 'string' || description === '')
    throw new ArgumentError(`${name}: description is missing`)
  const operation = readOperation(options)
  const labelNames = [...(options.labelNames ?? []), ...(operation ? [operation.label] : [])]
  for (const label of labelNames) checkLabel(name, label)
  const write = isMeter(target)
    ? openMeter(target, options, kind, buckets)
    : openProm(target, options, kind, buckets, labelNames)
  const allowed = new Set<string>(labelNames)
  const warn = warnOnce(name)
  function take(labels: Attributes, given: Labels<string> | undefined): void {
    for (const key in given) {
      if (!allowed.has(key)) warn(`label ${key} is not among labelNames and was left out`)
      else if (given[key] !== undefined) labels[key] = String(given[key])
    }
  }
  return (value, given, failed, more) => {
    try {
      const labels: Attributes = {}
      // Getters and `toString` of the application run here.
      take(labels, given)
      take(labels, more)
      if (operation !== undefined) labels[operation.label] = operation.names.read()
      shared.failing = failed
      write(value, labels)
    } catch (error) {
      warn(error instanceof Error ? error.message : String(error))
    } finally {
      shared.failing = false
    }
  }
}

function readOperation({
  perOperation,
}: InstrumentOptions): { label: string; names: OperationNames } | undefined {
  if (!perOperation) return undefined
  const { label = 'operation', max = 100 } = perOperation === true ? {} : perOperation
  return { label, names: new OperationNames(max) }
}

function openMeter(
  meter: Meter,
  { name, description, unit }: InstrumentOptions,
  kind: 'Histogram' | 'Counter',
  buckets: readonly number[] | undefined,
): (value: number, labels: Attributes) => void {
  const options = { description, ...(unit === undefined || unit === '' ? {} : { unit }) }
  if (kind === 'Counter') {
    const counter = meter.createCounter(name, options)
    return (value, labels) => counter.add(value, labels)
  }
  const advice = { explicitBucketBoundaries: [...buckets!] }
  const histogram = meter.createHistogram(name, { ...options, advice })
  return (value, labels) => histogram.record(value, labels)
}

function openProm(
  target: PromModule | PromRegistryLike,
  options: InstrumentOptions & { readonly unit: string },
  kind: 'Histogram' | 'Counter',
  buckets: readonly number[] | undefined,
  labelNames: readonly string[],
): (value: number, labels: Attributes) => void {
  const { client, registry } = readPromTarget(target)
  const reason = patchPromClient(client)
  if (reason !== undefined) diag.warn(`exemplars: ${reason}`)
  adoptRegistry(registry)
  const name = toPrometheusName(options.name, options.unit, kind === 'Counter')
  // Asked for twice, by two modules or after a reload: the same series, not an exception.
  const existing = registry.getSingleMetric(name)
  if (existing !== undefined && !(existing instanceof (client[kind] as any))) {
    throw new ArgumentError(`${name} exists in this registry and is not a ${kind}`)
  }
  const missing = existing && labelNames.filter(label => !existing.labelNames.includes(label))
  if (missing?.length > 0)
    throw new ArgumentError(`${name} exists in this registry without the labels ${missing}`)
  const metric =
    existing ??
    new client[kind]({
      name,
      help: options.description,
      labelNames: [...labelNames],
      registers: [registry],
      ...(buckets === undefined ? {} : { buckets: [...buckets] }),
    })
  // prom-client's own exemplar mode has another signature; the application that chose it keeps its own exemplars.
  if (metric.enableExemplars === true) {
    const method = kind === 'Histogram' ? 'observe' : 'inc'
    return (value, labels) => metric[method]({ value, labels })
  }
  return kind === 'Histogram'
    ? (value, labels) => metric.observe(labels, value)
    : (value, labels) => metric.inc(labels, value)
}

function readPromTarget(target: any): { client: PromClient; registry: any } {
  const module = target?.default !== undefined && !isPromClient(target) ? target.default : target
  if (isPromClient(module)) return { client: module, registry: module.register }
  const client = typeof target?.registerMetric === 'function' ? findPromClient(target) : undefined
  if (client === undefined)
    throw new ArgumentError('target is neither prom-client, nor a registry of it, nor a meter')
  return { client, registry: target }
}

function isMeter(target: any): target is Meter {
  return typeof target?.createHistogram === 'function'
}

function checkBuckets(buckets: readonly number[]): readonly number[] {
  const isAscending = buckets.every(
    (bound, i) => Number.isFinite(bound) && (i === 0 || bound > buckets[i - 1]!),
  )
  if (!isAscending || buckets.length === 0)
    throw new ArgumentError(`buckets are not ascending numbers: ${buckets}`)
  return buckets
}

function checkLabel(name: string, label: string): void {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label) || label === 'le')
    throw new ArgumentError(`${name}: not a label: ${label}`)
}

function isThenable(value: unknown): value is PromiseLike<any> {
  if (value === null || typeof value !== 'object') return false
  try {
    return typeof (value as PromiseLike<unknown>).then === 'function'
  } catch {
    // A getter or a proxy that throws: the caller gets the object as it is.
    return false
  }
}

function warnOnce(name: string): (text: string) => void {
  let warned = false
  return text => {
    if (!warned) diag.warn(`${name}: ${text}`)
    warned = true
  }
}
