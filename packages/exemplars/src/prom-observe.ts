// observe and inc of an unmodified application: inside a sampled span they leave an exemplar in a slot of ours.
import type { Span } from '@opentelemetry/api'
import { activeSpan, hasFailed, sampledContext } from './active-span.ts'
import { exemplarLabels } from './exemplar-labels.ts'
import {
  findSeries,
  type PromClient,
  type PromMetric,
  replaceMethod,
  type SeriesStyle,
} from './prom-metric.ts'
import { shared, swallow } from './shared.ts'
import { createSlot, isBetter } from './slot.ts'

const noLabels: Record<string, unknown> = Object.freeze({})

export function patchHistogram(client: PromClient, style: SeriesStyle): void {
  const proto = client.Histogram.prototype
  // 15 gives this method to every instance as `observe`; in 14 `observe` itself is on the prototype.
  const method = typeof proto.observeWithoutExemplar === 'function' ? 'observeWithoutExemplar' : 'observe'
  const original = proto[method]
  replaceMethod(proto, method, function (this: PromMetric, ...args: any[]) {
    const result = original.apply(this, args)
    const [labels, value] = args
    // As prom-client reads its arguments: (value), (labels, value), (undefined, value).
    if (typeof labels === 'object' || !(labels || labels === 0))
      noteObservation(this, style, labels ?? noLabels, value)
    else noteObservation(this, style, noLabels, labels)
    return result
  })
  adoptMethod(client, client.Histogram, 'observe', original, proto[method])
  // labels().observe closes over prom-client's private function and would go past the method above.
  const originalLabels = proto.labels
  replaceMethod(proto, 'labels', function (this: PromMetric, ...args: any[]) {
    const child = originalLabels.apply(this, args)
    const observe = child.observe
    child.observe = (...rest: any[]) => {
      const result = observe(...rest)
      noteObservation(this, style, childLabels(this, args), rest[0])
      return result
    }
    return child
  })
}

export function patchCounter(client: PromClient, style: SeriesStyle): void {
  const proto = client.Counter.prototype
  const method = typeof proto.incWithoutExemplar === 'function' ? 'incWithoutExemplar' : 'inc'
  const original = proto[method]
  replaceMethod(proto, method, function (this: PromMetric, ...args: any[]) {
    const result = original.apply(this, args)
    const [labels, value] = args
    if (labels !== null && typeof labels === 'object') noteIncrement(this, style, labels, value)
    else noteIncrement(this, style, noLabels, labels)
    return result
  })
  adoptMethod(client, client.Counter, 'inc', original, proto[method])
}

/** Metrics made before us carry the method as a property of their own (15): they get ours. */
export function adoptRegistry(registry: { getMetricsAsArray?(): unknown[] } | undefined): void {
  for (const metric of (registry?.getMetricsAsArray?.() ?? []) as any[]) {
    for (const { Class, name, original, ours } of shared.adoptable) {
      if (metric instanceof (Class as any) && Object.hasOwn(metric, name) && metric[name] === original) {
        metric[name] = ours
      }
    }
  }
}

function adoptMethod(
  client: PromClient,
  Class: unknown,
  name: string,
  original: unknown,
  ours: unknown,
): void {
  shared.adoptable.push({ Class, name, original, ours })
  adoptRegistry(client.register)
}

function childLabels(metric: PromMetric, args: readonly any[]): Record<string, unknown> {
  const [first] = args
  if (first !== null && typeof first === 'object') return first
  const labels: Record<string, unknown> = {}
  const names = metric.labelNames ?? []
  for (let i = 0; i < names.length; i++) labels[names[i]!] = args[i]
  return labels
}

function noteObservation(
  metric: PromMetric,
  style: SeriesStyle,
  labels: Record<string, unknown>,
  value: number,
): void {
  try {
    const span = activeSpan()
    if (span === undefined || metric.enableExemplars === true) return
    const series = findSeries(metric, style, labels)
    if (series === undefined) return
    const bounds = metric.upperBounds!
    let bucket = 0
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++
    offer(series, bucket, value, span)
  } catch (error) {
    swallow('observe', error)
  }
}

function noteIncrement(
  metric: PromMetric,
  style: SeriesStyle,
  labels: Record<string, unknown>,
  value: any,
): void {
  try {
    const span = activeSpan()
    if (span === undefined || metric.enableExemplars === true || value === 0) return
    const series = findSeries(metric, style, labels)
    if (series !== undefined) offer(series, 0, value ?? 1, span)
  } catch (error) {
    swallow('inc', error)
  }
}

function offer(series: object, bucket: number, value: number, span: Span): void {
  if (!shared.options.enabled) return
  let slots = shared.slots.get(series)
  if (slots === undefined) shared.slots.set(series, (slots = []))
  const slot = (slots[bucket] ??= createSlot())
  const nowMs = Date.now()
  const isError = shared.failing || hasFailed(span)
  // Most observations stop here: an error or a slower one is waiting already.
  if (!isBetter(slot, value, isError, nowMs)) return
  const context = sampledContext(span)
  if (context === undefined) return
  slot.value = value
  slot.isError = isError
  slot.timeMs = nowMs
  slot.labels = exemplarLabels(context, shared.options.labels)
}
