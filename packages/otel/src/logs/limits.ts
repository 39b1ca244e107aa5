// Limits are applied before anything is copied: a hostile record costs what the limits allow.

export interface LogLimits {
  attributeCount: number
  /** Characters; Infinity when unset. */
  attributeValueLength: number
}

// Deeper ones are circles, or nothing anybody reads.
const maxDepth = 8

export function limitValue(value: unknown, limits: LogLimits, depth = 0): unknown {
  const { attributeValueLength } = limits
  if (attributeValueLength === Infinity) return value
  if (typeof value === 'string')
    return value.length > attributeValueLength ? value.slice(0, attributeValueLength) : value
  if (Array.isArray(value) && depth < maxDepth) return value.map(item => limitValue(item, limits, depth + 1))
  return value
}

/** `prepare` sees each value that is kept before it is cut. */
export function limitAttributes(
  attributes: Readonly<Record<string, unknown>>,
  limits: LogLimits,
  prepare: (key: string, value: unknown) => unknown = (_key, value) => value,
): { attributes: Record<string, unknown>; dropped: number } {
  const kept: Record<string, unknown> = Object.create(null)
  let count = 0
  let dropped = 0
  for (const key of Object.keys(attributes)) {
    let value: unknown
    try {
      value = attributes[key]
    } catch {
      dropped++
      continue
    }
    if (value === undefined || key === '') continue
    if (count >= limits.attributeCount) {
      dropped++
      continue
    }
    kept[key] = limitValue(prepare(key, value), limits)
    count++
  }
  return { attributes: kept, dropped }
}
