import type { MetricInstrument, MetricView } from './config.ts'
import type { FileExtras } from './entry.ts'
import { readExporter } from './file-exporter.ts'
import type { FileWalk } from './file-walk.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export function readMeterProvider(
  walk: FileWalk,
  value: unknown,
  at: string,
  extras: Mutable<FileExtras>,
): void {
  const exporters: string[] = []
  walk.node(value, at, {
    readers: (list, where) => {
      for (const [index, item] of walk.list(list, where)) {
        const only = walk.only(item, `${where}/${index}`)
        if (only === undefined) continue
        const name =
          only.name === 'periodic'
            ? readPeriodic(walk, only.value, only.at)
            : only.name === 'pull'
              ? readPull(walk, only.value, only.at, extras)
              : walk.unused(only.at, 'is not a reader we have and is ignored')
        if (name === undefined) continue
        if (exporters.includes(name))
          walk.unused(only.at, `is a second ${name} exporter for metrics and is ignored`)
        else exporters.push(name)
      }
    },
    views: (list, where) => {
      const views: MetricView[] = []
      for (const [index, item] of walk.list(list, where))
        views.push(readView(walk, item, `${where}/${index}`))
      if (views.length > 0) extras.views = views
    },
    exemplar_filter: (v, where) => walk.set('metrics.exemplarFilter', v, where),
  })
  walk.give('metrics.exporters', exporters.length > 0 ? exporters : ['none'], `${at}/readers`)
}

function readPeriodic(walk: FileWalk, value: unknown, at: string): string | undefined {
  let exporter: string | undefined
  walk.node(value, at, {
    interval: (v, where) => walk.set('metrics.interval', v, where),
    timeout: (v, where) => walk.set('metrics.timeout', v, where),
    exporter: (v, where) => {
      exporter = readExporter(walk, v, where, 'metrics', {
        temporality_preference: (t, w) =>
          walk.set('metrics.temporality', String(t).replace('low_memory', 'lowmemory'), w),
        default_histogram_aggregation: (a, w) => walk.set('metrics.histogramAggregation', a, w),
      })
    },
  })
  return exporter
}

function readPull(
  walk: FileWalk,
  value: unknown,
  at: string,
  extras: Mutable<FileExtras>,
): string | undefined {
  let exporter: string | undefined
  walk.node(value, at, {
    exporter: (v, where) => {
      const only = walk.only(v, where)
      if (only === undefined) return
      if (only.name !== 'prometheus/development')
        return walk.unused(only.at, 'is not an exporter we have and is ignored')
      exporter = 'prometheus'
      const info = { scope: true, target: true }
      walk.node(only.value, only.at, {
        host: (h, w) => walk.set('prometheus.host', h, w),
        port: (p, w) => walk.set('prometheus.port', p, w),
        scope_info_enabled: on => {
          info.scope = on !== false
        },
        'target_info_enabled/development': on => {
          info.target = on !== false
        },
      })
      if (!info.scope || !info.target) extras.prometheusInfo = info
    },
  })
  return exporter
}

const instruments: readonly MetricInstrument[] = [
  'counter',
  'gauge',
  'histogram',
  'observable_counter',
  'observable_gauge',
  'observable_up_down_counter',
  'up_down_counter',
]

function readView(walk: FileWalk, value: unknown, at: string): MetricView {
  const view: MetricView = { selector: {}, stream: {} }
  const { selector, stream } = view
  const text = (set: (text: string) => void) => (v: unknown, where: string) => {
    if (typeof v === 'string') set(v)
    else walk.invalid(where, v, 'expected a text; ignored')
  }
  walk.node(value, at, {
    selector: (node, where) =>
      walk.node(node, where, {
        instrument_name: text(v => (selector.instrumentName = v)),
        instrument_type: (v, w) => {
          if (instruments.includes(v as MetricInstrument)) selector.instrumentType = v as MetricInstrument
          else walk.invalid(w, v, `expected ${instruments.join(', ')}; ignored`)
        },
        unit: text(v => (selector.unit = v)),
        meter_name: text(v => (selector.meterName = v)),
        meter_version: text(v => (selector.meterVersion = v)),
        meter_schema_url: text(v => (selector.meterSchemaUrl = v)),
      }),
    stream: (node, where) =>
      walk.node(node, where, {
        name: text(v => (stream.name = v)),
        description: text(v => (stream.description = v)),
        aggregation: (v, w) => {
          const aggregation = readAggregation(walk, v, w)
          if (aggregation !== undefined) stream.aggregation = aggregation
        },
        aggregation_cardinality_limit: (v, w) => {
          if (Number.isInteger(v) && (v as number) > 0) stream.cardinalityLimit = v as number
          else walk.invalid(w, v, 'expected a whole number, 1 or more; ignored')
        },
        attribute_keys: (v, w) => {
          const keys: { included?: readonly string[]; excluded?: readonly string[] } = {}
          const names = (list: unknown, where: string) =>
            walk.list(list, where).flatMap(([, name]) => {
              if (typeof name === 'string' && !/[*?]/.test(name)) return [name]
              walk.invalid(where, name, 'expected a name without wildcards; ignored')
              return []
            })
          walk.node(v, w, {
            included: (list, where) => {
              keys.included = names(list, where)
            },
            excluded: (list, where) => {
              keys.excluded = names(list, where)
            },
          })
          stream.attributeKeys = keys
        },
      }),
  })
  return view
}

function readAggregation(walk: FileWalk, value: unknown, at: string): MetricView['stream']['aggregation'] {
  const only = walk.only(value, at)
  if (only === undefined) return undefined
  switch (only.name) {
    case 'default':
    case 'drop':
    case 'last_value':
    case 'sum':
      return { type: only.name }
    case 'explicit_bucket_histogram': {
      const result: { type: typeof only.name; boundaries?: readonly number[]; recordMinMax: boolean } = {
        type: only.name,
        recordMinMax: true,
      }
      walk.node(only.value, only.at, {
        boundaries: (list, where) => {
          const bounds = walk.list(list, where).map(([, bound]) => bound)
          if (
            bounds.every(
              (b, i) => Number.isFinite(b) && (i === 0 || (b as number) > (bounds[i - 1] as number)),
            )
          ) {
            result.boundaries = bounds as number[]
          } else walk.invalid(where, list, 'expected numbers in ascending order; using the default')
        },
        record_min_max: v => {
          result.recordMinMax = v !== false
        },
      })
      return result
    }
    case 'base2_exponential_bucket_histogram': {
      const result: { type: typeof only.name; maxSize?: number; maxScale?: number; recordMinMax: boolean } = {
        type: only.name,
        recordMinMax: true,
      }
      walk.node(only.value, only.at, {
        max_size: (v, where) => {
          if (Number.isInteger(v)) result.maxSize = v as number
          else walk.invalid(where, v, 'expected a whole number; ignored')
        },
        max_scale: (v, where) => {
          if (Number.isInteger(v)) result.maxScale = v as number
          else walk.invalid(where, v, 'expected a whole number; ignored')
        },
        record_min_max: v => {
          result.recordMinMax = v !== false
        },
      })
      return result
    }
    default:
      walk.unused(only.at, 'is not an aggregation we have and is ignored')
      return undefined
  }
}
