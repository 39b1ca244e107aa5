// Our HTTP room and our own libraries, patched as they are loaded, with everything kept in memory.
import Module from 'node:module'
import { type MeterProvider, trace } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  PeriodicExportingMetricReader,
  MeterProvider as SdkMeterProvider,
} from '@opentelemetry/sdk-metrics'
import { expressHooks } from '../../src/libraries/express.ts'
import { ioredisHooks } from '../../src/libraries/ioredis.ts'
import { pgHooks } from '../../src/libraries/pg.ts'
import { setProviders } from '../../src/loader/instrumentation-base.ts'
import { parsePackagePath } from '../../src/loader/package-path.ts'
import * as http from '../http/ours.ts'

const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e8 })
const meterProvider = new SdkMeterProvider({ readers: [reader] })
setProviders({
  tracerProvider: () => trace.getTracerProvider(),
  meterProvider: () => meterProvider as unknown as MeterProvider,
  loggerProvider: () => {
    throw new Error('no logs here')
  },
})

const options = (globalThis as { LIBRARY_OPTIONS?: Record<string, object> }).LIBRARY_OPTIONS ?? {}
const hooks = [expressHooks(options.express), pgHooks(options.pg), ioredisHooks(options.ioredis)]
const patches = hooks.flatMap(one => one.modules)
const done = new WeakSet<object>()

const loader = Module as unknown as {
  _load(request: string, parent: unknown, isMain: boolean): any
  _resolveFilename(request: string, parent: unknown, isMain: boolean): string
}
const load = loader._load
loader._load = function (request, parent, isMain) {
  const exports = load.call(this, request, parent, isMain)
  if (request.startsWith('node:') || exports === null || !['object', 'function'].includes(typeof exports))
    return exports
  const path = parsePackagePath(loader._resolveFilename(request, parent, isMain))
  if (path === undefined || request.startsWith('.') || done.has(exports)) return exports
  for (const patch of patches) {
    if (patch.name !== path.name || patch.file !== undefined) continue
    done.add(exports)
    const { version } = load.call(this, `${path.baseDir}/package.json`, parent, false)
    patch.patch(exports, { name: path.name, version, baseDir: path.baseDir, isEsm: false })
  }
  return exports
}

export const { openSpans, swallowed, takeSpans } = http

export function detach(): void {
  for (const one of hooks) one.stop?.()
}

/** Of the libraries; those of HTTP are compared in its own room. */
export async function takeMetrics(): Promise<unknown[]> {
  await reader.forceFlush()
  const out: unknown[] = []
  for (const scope of exporter.getMetrics().at(-1)?.scopeMetrics ?? [])
    for (const metric of scope.metrics)
      out.push({
        name: metric.descriptor.name,
        unit: metric.descriptor.unit,
        description: metric.descriptor.description,
        scope: scope.scope.name,
        isMonotonic: 'isMonotonic' in metric ? metric.isMonotonic : undefined,
        points: metric.dataPoints.map(({ attributes, value }) => ({
          attributes,
          ...(typeof value === 'number'
            ? { value }
            : { count: value.count, boundaries: 'buckets' in value ? value.buckets.boundaries : [] }),
        })),
      })
  exporter.reset()
  return out
}
