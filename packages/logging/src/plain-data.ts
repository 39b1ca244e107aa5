// Values of a log line as data: what `toJSON` says counts, as it does on the line, because it may hide something on
// purpose. What is data already is returned as it is, so an ordinary line costs no copy.

const maxDepth = 8

/** `undefined` for what no log line shows (functions, symbols) and for what cannot be read. Never throws. */
export function toData(value: unknown): unknown {
  try {
    return convert(value, undefined)
  } catch {
    return undefined
  }
}

function convert(value: unknown, ancestors: object[] | undefined): unknown {
  switch (typeof value) {
    case 'object':
      return value === null ? null : convertObject(value, ancestors ?? [])
    case 'function':
    case 'symbol':
      return undefined
    default:
      return value
  }
}

function convertObject(value: object, ancestors: object[]): unknown {
  if (value instanceof Date || value instanceof Error || ArrayBuffer.isView(value)) return value
  if (ancestors.includes(value)) return '[Circular]'
  if (ancestors.length >= maxDepth) return '[...]'
  ancestors.push(value)
  try {
    const { toJSON } = value as { toJSON?: unknown }
    if (typeof toJSON === 'function') return convert(toJSON.call(value, ''), ancestors)
    if (value instanceof Map || value instanceof Set) return value
    return Array.isArray(value) ? convertArray(value, ancestors) : convertFields(value, ancestors)
  } finally {
    ancestors.pop()
  }
}

function convertArray(value: readonly unknown[], ancestors: object[]): unknown {
  let copy: unknown[] | undefined
  for (let i = 0; i < value.length; i++) {
    const item = convert(value[i], ancestors)
    if (copy !== undefined) copy.push(item)
    else if (item !== value[i]) copy = [...value.slice(0, i), item]
  }
  return copy ?? value
}

function convertFields(value: object, ancestors: object[]): unknown {
  const fields = value as Record<string, unknown>
  const keys = Object.keys(fields)
  let copy: Record<string, unknown> | undefined
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string
    let before: unknown
    let after: unknown
    try {
      before = fields[key]
      after = convert(before, ancestors)
    } catch {
      // A getter or a toJSON that throws costs its own field only.
      after = undefined
    }
    if (copy === undefined && after === before && after !== undefined) continue
    if (copy === undefined) {
      copy = Object.create(null) as Record<string, unknown>
      for (let k = 0; k < i; k++) copy[keys[k] as string] = fields[keys[k] as string]
    }
    if (after !== undefined) copy[key] = after
  }
  return copy ?? fields
}
