// The walk through a value of any shape: texts are cleaned, fields whose name names a secret are hidden, the rest stays. Values
// belong to the application: what changes is copied.

const redacted = 'REDACTED'
// That of the encoder of log records, which cuts what is deeper: nothing it writes goes unseen.
const maxDepth = 16

export interface ValueRules {
  redactText(text: string): string
  /** Whether the value of a field is hidden whole. */
  isSecretField(key: string, value: unknown): boolean
}

export interface ValueRedactor {
  /** The value without its secrets: the same value when there are none, a copy otherwise. Never throws. */
  redact(value: unknown): unknown
}

export function buildValueRedactor({ redactText, isSecretField }: ValueRules): ValueRedactor {
  // What the walk is in: a circle is cut, or ten references to itself would be a hundred million visits.
  const above: object[] = []

  function walk(value: unknown): unknown {
    if (typeof value === 'string') return redactText(value)
    if (typeof value !== 'object' || value === null) return value
    if (ArrayBuffer.isView(value) || value instanceof Date) return value
    if (value instanceof Error) return walkText(value, String(value.stack ?? value))
    if (above.includes(value)) return '[circular]'
    if (above.length >= maxDepth) return '[too deep]'
    above.push(value)
    try {
      if (Array.isArray(value)) return walkArray(value, value)
      if (value instanceof Set) return walkArray(value, [...value])
      if (value instanceof Map) return walkFields(value, Object.fromEntries(value))
      return walkFields(value, value as Record<string, unknown>)
    } finally {
      above.pop()
    }
  }

  /** `text` is what is sent of `value`. */
  function walkText(value: object, text: string): unknown {
    const after = redactText(text)
    return after === text ? value : after
  }

  function walkArray(value: object, items: readonly unknown[]): unknown {
    let copy: unknown[] | undefined
    for (let i = 0; i < items.length; i++) {
      const before = items[i]
      const after = walk(before)
      if (after === before) continue
      copy ??= [...items]
      copy[i] = after
    }
    return copy ?? value
  }

  function walkFields(value: object, fields: Record<string, unknown>): unknown {
    let copy: Record<string, unknown> | undefined
    for (const key of Object.keys(fields)) {
      const before = fields[key]
      const after = isSecretField(key, before) ? redacted : walk(before)
      if (after === before) continue
      copy ??= { ...fields }
      copy[key] = after
    }
    return copy ?? value
  }

  return {
    redact(value) {
      try {
        return walk(value)
      } catch {
        // A getter or a proxy that throws: such a value is left out.
        return undefined
      }
    },
  }
}
