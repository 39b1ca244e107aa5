import type { SamplerConfig, Signal } from './config.ts'
import { readExporter } from './file-exporter.ts'
import type { FileWalk } from './file-walk.ts'
import type { SettingKey } from './settings.ts'

export function readLimits(
  walk: FileWalk,
  value: unknown,
  at: string,
  rows: Readonly<Record<string, SettingKey>>,
): void {
  walk.node(
    value,
    at,
    Object.fromEntries(
      Object.entries(rows).map(([name, key]) => [
        name,
        (v: unknown, where: string) => walk.set(key, v, where),
      ]),
    ),
  )
}

export function readTracerProvider(walk: FileWalk, value: unknown, at: string): void {
  walk.node(value, at, {
    processors: (list, where) => readProcessors(walk, list, where, 'traces', 'bsp'),
    limits: (limits, where) =>
      readLimits(walk, limits, where, {
        attribute_value_length_limit: 'span.attributeValueLength',
        attribute_count_limit: 'span.attributeCount',
        event_count_limit: 'span.eventCount',
        link_count_limit: 'span.linkCount',
        event_attribute_count_limit: 'span.attributePerEventCount',
        link_attribute_count_limit: 'span.attributePerLinkCount',
      }),
    sampler: (sampler, where) => {
      const read = readSampler(walk, sampler, where)
      if (read !== undefined) walk.give('traces.sampler', read, where)
    },
    id_generator: (generator, where) => {
      const only = walk.only(generator, where)
      if (only !== undefined && only.name !== 'random')
        walk.unused(only.at, 'is not an id generator we have; using random')
    },
  })
}

export function readLoggerProvider(walk: FileWalk, value: unknown, at: string): void {
  walk.node(value, at, {
    processors: (list, where) => readProcessors(walk, list, where, 'logs', 'blrp'),
    limits: (limits, where) =>
      readLimits(walk, limits, where, {
        attribute_value_length_limit: 'logRecord.attributeValueLength',
        attribute_count_limit: 'logRecord.attributeCount',
      }),
  })
}

/** Several processors become several exporters; of one kind there is one, because it has one queue and one target. */
function readProcessors(
  walk: FileWalk,
  value: unknown,
  at: string,
  signal: Signal & ('traces' | 'logs'),
  batch: 'bsp' | 'blrp',
) {
  const exporters: string[] = []
  for (const [index, item] of walk.list(value, at)) {
    const only = walk.only(item, `${at}/${index}`)
    if (only === undefined) continue
    if (only.name !== 'batch' && only.name !== 'simple') {
      walk.unused(only.at, 'is not a processor we have and is ignored')
      continue
    }
    const kind = peekExporter(only.value)
    if (kind !== undefined && exporters.includes(kind)) {
      walk.unused(only.at, `is a second ${kind} exporter for ${signal} and is ignored; one is supported`)
      continue
    }
    const limits: Record<string, (v: unknown, where: string) => void> = {
      schedule_delay: (v, where) => walk.set(`${batch}.scheduleDelay`, v, where),
      export_timeout: (v, where) => walk.set(`${batch}.exportTimeout`, v, where),
      max_queue_size: (v, where) => walk.set(`${batch}.maxQueueSize`, v, where),
      max_export_batch_size: (v, where) => walk.set(`${batch}.maxExportBatchSize`, v, where),
    }
    walk.node(only.value, only.at, {
      exporter: (v, where) => {
        const name = readExporter(walk, v, where, signal)
        if (name !== undefined) exporters.push(name)
      },
      ...(only.name === 'batch' ? limits : {}),
    })
    // One span per request is what `simple` means; a batch of one sent at once keeps our buffering and retries.
    if (only.name === 'simple' && kind === 'otlp') {
      walk.give(`${batch}.scheduleDelay`, 0, only.at)
    }
  }
  walk.give(`${signal}.exporters`, exporters.length > 0 ? exporters : ['none'], at)
}

function peekExporter(processor: unknown): 'otlp' | 'console' | undefined {
  const exporter = (processor as { exporter?: unknown } | null)?.exporter
  const name = typeof exporter === 'object' && exporter !== null ? Object.keys(exporter)[0] : undefined
  if (name === 'otlp_http' || name === 'otlp_grpc') return 'otlp'
  return name === 'console' ? 'console' : undefined
}

/** The tree of samplers; undefined (and said) when it names one we do not have. */
export function readSampler(walk: FileWalk, value: unknown, at: string): SamplerConfig | undefined {
  const only = walk.only(value, at)
  if (only === undefined) return undefined
  switch (only.name) {
    case 'always_on':
    case 'always_off':
      return { type: only.name }
    case 'trace_id_ratio_based':
    case 'probability/development': {
      let ratio = 1
      walk.node(only.value, only.at, {
        ratio: (v, where) => {
          if (typeof v === 'number' && v >= 0 && v <= 1) ratio = v
          else walk.invalid(where, v, 'expected a number from 0 to 1; using 1')
        },
      })
      return { type: 'ratio', ratio }
    }
    case 'parent_based': {
      const tree: SamplerConfig & { type: 'parent_based' } = {
        type: 'parent_based',
        root: { type: 'always_on' },
      }
      const branch = (set: (sampler: SamplerConfig) => void) => (v: unknown, where: string) => {
        const sampler = readSampler(walk, v, where)
        if (sampler !== undefined) set(sampler)
      }
      walk.node(only.value, only.at, {
        root: branch(s => (tree.root = s)),
        remote_parent_sampled: branch(s => (tree.remoteParentSampled = s)),
        remote_parent_not_sampled: branch(s => (tree.remoteParentNotSampled = s)),
        local_parent_sampled: branch(s => (tree.localParentSampled = s)),
        local_parent_not_sampled: branch(s => (tree.localParentNotSampled = s)),
      })
      return tree
    }
    default:
      walk.unused(only.at, 'is not a sampler we have; using parent_based with always_on')
      return undefined
  }
}
