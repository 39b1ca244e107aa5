// The redaction of spans, for log records: secrets in the URLs of any text, and the credentials among headers that loggers
// print of a request. What an application logs under names of its own it redacts with its logger.

const redacted = 'REDACTED'
// That of the encoder, which cuts what is deeper: nothing it writes goes unseen.
const maxDepth = 16
const credentialHeaders = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'x-auth-token',
  'x-amz-security-token',
])
// Begins at the colon: with the scheme in front, a long run of letters before a URL costs the square of its length.
const userinfo = /(?<=[a-z0-9+.-]):\/\/[^\s/?#@"'<>]+@/gi
const query = /\?([^\s"'<>#?]+)/g

export interface LogRedactor {
  /** The value without its secrets: the same value when there are none, a copy otherwise. Never throws. */
  redact(value: unknown): unknown
  /** The same for the value of an attribute, whose name may tell that it is a credential. */
  redactField(key: string, value: unknown): unknown
}

/** `redactQuery` is the one of spans: `a=1&token=x` gives `a=1&token=REDACTED`. */
export function buildLogRedactor(redactQuery: (query: string) => string): LogRedactor {
  function redactText(text: string): string {
    let out = text
    if (out.includes('://')) out = out.replace(userinfo, `://${redacted}:${redacted}@`)
    if (out.includes('?') && out.includes('='))
      out = out.replace(query, (whole, found: string) => {
        const cleaned = redactQuery(found)
        return cleaned === found ? whole : `?${cleaned}`
      })
    return out
  }

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
      const after = walk(items[i])
      if (after === items[i]) continue
      copy ??= [...items]
      copy[i] = after
    }
    return copy ?? value
  }

  function walkFields(value: object, fields: Record<string, unknown>): unknown {
    let copy: Record<string, unknown> | undefined
    for (const key of Object.keys(fields)) {
      const before = fields[key]
      const after = isCredential(key, before) ? redacted : walk(before)
      if (after === before) continue
      copy ??= { ...fields }
      copy[key] = after
    }
    return copy ?? value
  }

  function redact(value: unknown): unknown {
    try {
      return walk(value)
    } catch {
      // A getter or a proxy that throws: such a value is left out.
      return undefined
    }
  }
  return { redact, redactField: (key, value) => (isCredential(key, value) ? redacted : redact(value)) }
}

function isCredential(key: string, value: unknown): boolean {
  if (key.length < 6 || (typeof value !== 'string' && !Array.isArray(value))) return false
  return credentialHeaders.has(key.toLowerCase())
}
