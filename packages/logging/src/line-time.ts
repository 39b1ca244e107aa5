// The time on a line is the application's; where it can be understood it is the record's time.

/** Epoch milliseconds of what loggers write as time: numbers of seconds to nanoseconds, ISO 8601 with a zone, Dates. */
export function parseLineTime(value: unknown): number | undefined {
  if (typeof value === 'number') return fromEpoch(value)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.getTime()
  if (typeof value !== 'string') return undefined
  if (/^\d{10,19}(?:\.\d+)?$/.test(value)) return fromEpoch(Number(value))
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d.*(?:Z|[+-]\d\d:?\d\d)$/.test(value)) return undefined
  const ms = Date.parse(value)
  return Number.isNaN(ms) ? undefined : ms
}

// Milliseconds have 13 digits from 2001 to 2286; seconds, micro- and nanoseconds have 10, 16 and 19.
function fromEpoch(value: number): number | undefined {
  if (!(value >= 1e8)) return undefined
  if (value < 1e11) return value * 1e3
  if (value < 1e14) return value
  return value < 1e17 ? value / 1e3 : value / 1e6
}
