// The redaction of spans, for log records: secrets in the URLs of any text, and the credentials among headers that loggers
// print of a request. What an application logs under names of its own it redacts with its logger.

const redacted = 'REDACTED'
const maxDepth = 8
const credentialHeaders = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'x-auth-token',
  'x-amz-security-token',
])
const userinfo = /([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"'<>]+@/gi
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
    if (out.includes('://')) out = out.replace(userinfo, `$1${redacted}:${redacted}@`)
    if (out.includes('?') && out.includes('='))
      out = out.replace(query, (whole, found: string) => {
        const cleaned = redactQuery(found)
        return cleaned === found ? whole : `?${cleaned}`
      })
    return out
  }

  function walk(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return redactText(value)
    if (typeof value !== 'object' || value === null || depth > maxDepth) return value
    if (Array.isArray(value)) return walkArray(value, depth)
    const prototype = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) return value
    return walkFields(value as Record<string, unknown>, depth)
  }

  function walkArray(value: readonly unknown[], depth: number): unknown {
    let copy: unknown[] | undefined
    for (let i = 0; i < value.length; i++) {
      const after = walk(value[i], depth + 1)
      if (after === value[i]) continue
      copy ??= [...value]
      copy[i] = after
    }
    return copy ?? value
  }

  function walkFields(value: Record<string, unknown>, depth: number): unknown {
    let copy: Record<string, unknown> | undefined
    for (const key of Object.keys(value)) {
      const before = value[key]
      const after = isCredential(key, before) ? redacted : walk(before, depth + 1)
      if (after === before) continue
      copy ??= { ...value }
      copy[key] = after
    }
    return copy ?? value
  }

  function redact(value: unknown): unknown {
    try {
      return walk(value, 0)
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
