// Attribute names that changed between versions of the semantic conventions, as one table.
// `old` is what @opentelemetry/instrumentation-kafkajs 0.33 emits (1.27 to 1.44), `new` is 1.45.
// Everything that is not in the table has the same name in both.
import type { Attributes, AttributeValue } from '@opentelemetry/api'

const renamed = {
  system: { old: 'messaging.system', new: 'messaging.system.name' },
  key: { old: 'messaging.kafka.message.key', new: 'kafka.message.key' },
  tombstone: { old: 'messaging.kafka.message.tombstone', new: 'kafka.message.tombstone' },
  offset: { old: 'messaging.kafka.offset', new: 'kafka.offset' },
  clusterId: { old: 'messaging.kafka.cluster.id', new: 'kafka.cluster.id' },
} as const

export type RenamedFact = keyof typeof renamed

export interface Names {
  readonly mode: 'old' | 'new' | 'dup'
  /** Set on the tracer and the meter in mode `new` only: the other modes match no published schema. */
  readonly schemaUrl: string | undefined
  /** Writes one fact under each of its names. */
  put(attributes: Attributes, fact: RenamedFact, value: AttributeValue): void
}

/**
 * Chooses names from the value of `OTEL_SEMCONV_STABILITY_OPT_IN`, a comma-separated list:
 * `messaging` gives the new ones, `messaging/dup` both (and wins), anything else the old ones.
 */
export function chooseNames(optIn: string | undefined): Names {
  const asked = new Set((optIn ?? '').split(',').map(part => part.trim()))
  const mode = asked.has('messaging/dup') ? 'dup' : asked.has('messaging') ? 'new' : 'old'
  const keys = Object.fromEntries(
    Object.entries(renamed).map(([fact, name]) => [
      fact,
      mode === 'dup' ? [name.old, name.new] : [name[mode]],
    ]),
  ) as Record<RenamedFact, string[]>
  return {
    mode,
    schemaUrl: mode === 'new' ? 'https://opentelemetry.io/schemas/1.45.0' : undefined,
    put(attributes, fact, value) {
      for (const key of keys[fact]) attributes[key] = value
    },
  }
}

let names: Names | undefined

/** Decides the names of this process instead of the environment: for who has read other settings than that. */
export function useNames(optIn: string): void {
  names = chooseNames(optIn)
}

/** The names of this process, from `OTEL_SEMCONV_STABILITY_OPT_IN` unless decided otherwise, read once. */
export function getNames(): Names {
  names ??= chooseNames(process.env.OTEL_SEMCONV_STABILITY_OPT_IN)
  return names
}
