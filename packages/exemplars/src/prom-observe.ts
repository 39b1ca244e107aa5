// observe and inc of an unmodified application: inside a sampled span they leave an exemplar in a slot of ours.
import type { Span } from '@opentelemetry/api'
import { activeSpan, hasFailed, sampledContext } from './active-span.ts'
import { exemplarLabels } from './exemplar-labels.ts'
import { type PromClient, type PromMetric, replaceMethod } from './prom-metric.ts'
import { dropAll, dropSlots, openSeries, openSlots, type Slots } from './series.ts'
import { shared, swallow } from './shared.ts'
import { createSlot, type ExemplarSlot, staleMs } from './slot.ts'

const noLabels: Record<string, unknown> = Object.freeze({})

export function patchHistogram(client: PromClient): void {
  const proto = client.Histogram.prototype
  // 15 gives this method to every instance as `observe`; in 14 `observe` itself is on the prototype.
  const method = typeof proto.observeWithoutExemplar === 'function' ? 'observeWithoutExemplar' : 'observe'
  const original = proto[method]
  replaceMethod(proto, method, function (this: PromMetric, labels: any, value: any) {
    const result = original.call(this, labels, value)
    // As prom-client reads its arguments: (value), (labels, value), (undefined, value).
    if (typeof labels === 'object' || !(labels || labels === 0)) note(this, labels ?? noLabels, value)
    else note(this, noLabels, labels)
    return result
  })
  adoptMethod(client, client.Histogram, 'observe', original, proto[method])
  // labels().observe closes over prom-client's private function and would go past the method above.
  const originalLabels = proto.labels
  replaceMethod(proto, 'labels', function (this: PromMetric, ...args: any[]) {
    const child = originalLabels.apply(this, args)
    const observe = child.observe
    child.observe = (value: any) => {
      const result = observe(value)
      note(this, childLabels(this, args), value)
      return result
    }
    return child
  })
  patchRemoval(proto)
}

export function patchCounter(client: PromClient): void {
  const proto = client.Counter.prototype
  const method = typeof proto.incWithoutExemplar === 'function' ? 'incWithoutExemplar' : 'inc'
  const original = proto[method]
  replaceMethod(proto, method, function (this: PromMetric, labels: any, value: any) {
    const result = original.call(this, labels, value)
    if (labels !== null && typeof labels === 'object') note(this, labels, value ?? 1)
    else note(this, noLabels, labels ?? 1)
    return result
  })
  adoptMethod(client, client.Counter, 'inc', original, proto[method])
  patchRemoval(proto)
}

function patchRemoval(proto: any): void {
  const { reset, remove, zero } = proto
  replaceMethod(proto, 'reset', function (this: PromMetric) {
    dropAll(this)
    return reset.call(this)
  })
  replaceMethod(proto, 'remove', function (this: PromMetric, ...args: any[]) {
    const result = remove.apply(this, args)
    drop(this, childLabels(this, args))
    return result
  })
  if (zero === undefined) return
  replaceMethod(proto, 'zero', function (this: PromMetric, labels: any) {
    const result = zero.call(this, labels)
    // Not every client insists on labels: nothing names the series without any.
    drop(this, labels ?? noLabels)
    return result
  })
}

function drop(metric: PromMetric, labels: Record<string, unknown>): void {
  try {
    dropSlots(metric, labels)
  } catch (error) {
    swallow('remove', error)
  }
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

/** A value was counted: if it is the best its bucket has seen since the last change, the active span is noted. */
function note(metric: PromMetric, labels: Record<string, unknown>, value: number): void {
  try {
    const span = activeSpan()
    if (span === undefined || !shared.options.enabled) return
    const series = openSeries(metric)
    const { bounds, isTheirs } = series
    if (isTheirs) return
    let bucket = 0
    if (bounds !== undefined) while (bucket < bounds.length && value > bounds[bucket]!) bucket++
    // Adding nothing to a counter is no event.
    else if (value === 0) return
    const slots = openSlots(series, labels)
    const slot = slots[bucket] ?? addSlot(slots, bucket)
    // Most observations stop here: an error or a slower one is waiting already.
    if (!isBetter(slot, value, span)) return
    const context = sampledContext(span)
    if (context === undefined) return
    slot.value = value
    slot.isError = isFailure(span)
    slot.timeMs = Date.now()
    slot.labels = exemplarLabels(context, shared.options.labels)
  } catch (error) {
    swallow('observe', error)
  }
}

function addSlot(slots: Slots, bucket: number): ExemplarSlot {
  while (slots.length <= bucket) slots.push(undefined)
  return (slots[bucket] = createSlot())
}

// Errors first, then the largest value. The clock is asked now and then only: 25 ns are a quarter of what we add.
function isBetter(slot: ExemplarSlot, value: number, span: Span): boolean {
  if (slot.timeMs === 0) return true
  if ((++slot.offers & 255) === 0 && Date.now() - slot.timeMs > staleMs) return true
  if (slot.isError) return value > slot.value && isFailure(span)
  return value > slot.value || isFailure(span)
}

function isFailure(span: Span): boolean {
  return shared.failing || hasFailed(span)
}
