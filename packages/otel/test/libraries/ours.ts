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
import { mysqlHooks } from '../../src/libraries/mysql.ts'
import { mysql2Hooks } from '../../src/libraries/mysql2.ts'
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
const hooks = [
  expressHooks(options.express),
  pgHooks(options.pg),
  mysqlHooks(options.mysql),
  mysql2Hooks(options.mysql2),
  ioredisHooks(options.ioredis),
]
const patches = hooks.flatMap(one => one.modules)
/** What a module gave -> what it gives now. */
const patched = new WeakMap<object, any>()

const loader = Module as unknown as {
  _load(request: string, parent: unknown, isMain: boolean): any
  _resolveFilename(request: string, parent: unknown, isMain: boolean): string
}
const load = loader._load
loader._load = function (request, parent, isMain) {
  const exports = load.call(this, request, parent, isMain)
  if (request.startsWith('node:') || exports === null || !['object', 'function'].includes(typeof exports))
    return exports
  if (patched.has(exports)) return patched.get(exports)
  const path = parsePackagePath(loader._resolveFilename(request, parent, isMain))
  if (path === undefined) return exports
  const wanted = request.startsWith('.') ? path.file : undefined
  let result = exports
  for (const patch of patches) {
    if (patch.name !== path.name || patch.file !== wanted) continue
    const { version } = load.call(this, `${path.baseDir}/package.json`, parent, false)
    result = patch.patch(result, { name: path.name, version, baseDir: path.baseDir, isEsm: false })
    patched.set(exports, result)
  }
  return result
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
