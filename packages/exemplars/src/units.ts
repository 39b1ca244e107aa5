// Facts about units: the suffix Prometheus wants in the name, what a millisecond is, and buckets that fit.

interface UnitRow {
  readonly suffix: string
  /** How many of these a millisecond is; absent when the unit is not a time. */
  readonly perMs?: number
  readonly buckets: readonly number[]
}

// The advice of the HTTP and messaging semantic conventions for durations.
const seconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const counts = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]
const bytes = [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864]

const units: Readonly<Record<string, UnitRow>> = {
  s: { suffix: 'seconds', perMs: 0.001, buckets: seconds },
  ms: { suffix: 'milliseconds', perMs: 1, buckets: seconds.map(bound => bound * 1000) },
  us: { suffix: 'microseconds', perMs: 1000, buckets: seconds.map(bound => bound * 1e6) },
  By: { suffix: 'bytes', buckets: bytes },
  KiBy: { suffix: 'kibibytes', buckets: counts },
  '1': { suffix: '', buckets: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1] },
}

/** Any UCUM unit; `{payment}` and the empty one are plain counts. */
export function describeUnit(unit: string): UnitRow {
  const plain = unit.replace(/\{[^}]*\}/g, '')
  return (
    units[plain] ?? { suffix: plain.replace(/[^a-zA-Z0-9]+/g, '_').replace(/^_|_$/g, ''), buckets: counts }
  )
}

/** `payment.duration` in `s` -> `payment_duration_seconds`, as OpenTelemetry's own exporters would call it. */
export function toPrometheusName(name: string, unit: string, isCounter: boolean): string {
  let text = name.replace(/[^a-zA-Z0-9_:]/g, '_').replace(/_{2,}/g, '_')
  if (isCounter) text = text.replace(/_total$/, '')
  const { suffix } = describeUnit(unit)
  if (suffix !== '' && !text.endsWith(`_${suffix}`)) text += `_${suffix}`
  return isCounter ? `${text}_total` : text
}
