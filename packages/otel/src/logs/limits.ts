// Limits are applied before anything is copied: a hostile record costs what the limits allow.

export interface LogLimits {
  attributeCount: number
  /** Characters; Infinity when unset. */
  attributeValueLength: number
}

export function limitValue(value: unknown, limits: LogLimits): unknown {
  const { attributeValueLength } = limits
  if (attributeValueLength === Infinity) return value
  if (typeof value === 'string')
    return value.length > attributeValueLength ? value.slice(0, attributeValueLength) : value
  if (Array.isArray(value)) return value.map(item => limitValue(item, limits))
  return value
}

export function limitAttributes(
  attributes: Readonly<Record<string, unknown>>,
  limits: LogLimits,
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
    kept[key] = limitValue(value, limits)
    count++
  }
  return { attributes: kept, dropped }
}
