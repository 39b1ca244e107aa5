// What the Node.js process itself does: event loop, garbage collection, heap. Names, units and meaning are those of
// upstream's instrumentation-runtime-node 0.37 and of the semantic conventions.
import {
  constants,
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
  performance,
} from 'node:perf_hooks'
import { getHeapSpaceStatistics } from 'node:v8'
import type { Meter } from '@opentelemetry/api'

export const runtimeScope = { name: '@opentelemetry/instrumentation-runtime-node', version: '0.37.0' }

/** Milliseconds between two looks at the event loop; upstream's default. */
const resolutionMs = 10
const gcBoundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const gcTypes: Record<number, string> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
}

type DelayHistogram = ReturnType<typeof monitorEventLoopDelay>

const delays: readonly (readonly [name: string, description: string, read: (h: DelayHistogram) => number])[] =
  [
    ['min', 'Event loop minimum delay.', h => h.min],
    ['max', 'Event loop maximum delay.', h => h.max],
    ['mean', 'Event loop mean delay.', h => h.mean],
    ['stddev', 'Event loop standard deviation delay.', h => h.stddev],
    ['p50', 'Event loop 50 percentile delay.', h => h.percentile(50)],
    ['p90', 'Event loop 90 percentile delay.', h => h.percentile(90)],
    ['p99', 'Event loop 99 percentile delay.', h => h.percentile(99)],
  ]

/** Returns what stops it. */
export function startRuntimeMetrics(meter: Meter): () => void {
  observeUtilization(meter)
  observeTime(meter)
  observeHeap(meter)
  observeResources(meter)
  const stops = [observeDelay(meter), observeGc(meter)]
  return () => {
    for (const stop of stops) stop()
  }
}

function observeUtilization(meter: Meter): void {
  let last = performance.eventLoopUtilization()
  meter
    .createObservableGauge('nodejs.eventloop.utilization', {
      description: 'Event loop utilization',
      unit: '1',
    })
    .addCallback(result => {
      const now = performance.eventLoopUtilization()
      result.observe(performance.eventLoopUtilization(now, last).utilization)
      last = now
    })
}

function observeTime(meter: Meter): void {
  const description = 'Cumulative duration of time the event loop has been in each state.'
  meter.createObservableCounter('nodejs.eventloop.time', { description, unit: 's' }).addCallback(result => {
    const { active, idle } = performance.eventLoopUtilization()
    result.observe(active / 1000, { 'nodejs.eventloop.state': 'active' })
    result.observe(idle / 1000, { 'nodejs.eventloop.state': 'idle' })
  })
}

function observeDelay(meter: Meter): () => void {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  const gauges = delays.map(([name, description]) =>
    meter.createObservableGauge(`nodejs.eventloop.delay.${name}`, { description, unit: 's' }),
  )
  meter.addBatchObservableCallback(result => {
    // Fewer looks than this say nothing about a distribution.
    if (histogram.count < 5) return
    for (const [i, [, , read]] of delays.entries()) {
      const seconds = read(histogram) / 1e9
      result.observe(gauges[i]!, Number.isNaN(seconds) ? 0 : seconds)
    }
    histogram.reset()
  }, gauges)
  histogram.enable()
  return () => void histogram.disable()
}

function observeGc(meter: Meter): () => void {
  // A domain that was entered in the main script and not left: every collection would queue an immediate of Node's, and
  // Node warns of the first one (DEP0097).
  if ((process as { domain?: unknown }).domain) return () => {}
  const duration = meter.createHistogram('v8js.gc.duration', {
    description: 'Garbage collection duration by kind, one of major, minor, incremental or weakcb.',
    unit: 's',
    advice: { explicitBucketBoundaries: gcBoundaries },
  })
  const observer = new PerformanceObserver(list => {
    for (const entry of list.getEntries() as (PerformanceEntry & { detail?: { kind?: number } })[]) {
      duration.record(entry.duration / 1000, { 'v8js.gc.type': gcTypes[entry.detail?.kind ?? 0] })
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  return () => observer.disconnect()
}

function observeHeap(meter: Meter): void {
  const unit = 'By'
  const size = meter.createObservableUpDownCounter('v8js.memory.heap.space.size', {
    description: 'Total heap memory size pre-allocated for a heap space.',
    unit,
  })
  const used = meter.createObservableGauge('v8js.memory.heap.used', {
    description: 'Heap Memory size allocated.',
    unit,
  })
  const available = meter.createObservableGauge('v8js.memory.heap.space.available_size', {
    description: 'Heap space available size.',
    unit,
  })
  const physical = meter.createObservableGauge('v8js.memory.heap.space.physical_size', {
    description: 'Committed size of a heap space.',
    unit,
  })
  meter.addBatchObservableCallback(
    result => {
      for (const space of getHeapSpaceStatistics()) {
        const attributes = { 'v8js.heap.space.name': space.space_name }
        result.observe(size, space.space_size, attributes)
        result.observe(used, space.space_used_size, attributes)
        result.observe(available, space.space_available_size, attributes)
        result.observe(physical, space.physical_space_size, attributes)
      }
    },
    [size, used, available, physical],
  )
}

function observeResources(meter: Meter): void {
  const description = 'Count of the active resources that are currently keeping the event loop alive.'
  // A type that was seen once is reported as 0 when it is gone.
  const counts = new Map<string, number>()
  meter
    .createObservableGauge('v8js.resource.active', { description, unit: '{resource}' })
    .addCallback(result => {
      for (const type of counts.keys()) counts.set(type, 0)
      for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1)
      for (const [type, count] of counts) result.observe(count, { 'v8js.resource.type': type })
    })
}
