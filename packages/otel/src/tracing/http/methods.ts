// The methods upstream and the semantic conventions know; anything else is `_OTHER`, so that a caller who invents methods
// cannot grow our metric series (CVE-2023-45142 was this).
const known = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
  'QUERY',
])

export const otherMethod = '_OTHER'

/** `get` gives `GET`, `PURGE` gives `_OTHER`. */
export function parseMethod(raw: string): string {
  if (known.has(raw)) return raw
  const upper = raw.toUpperCase()
  return known.has(upper) ? upper : otherMethod
}

/** The `{method}` part of a span name: `HTTP` when the method is not a known one (HTTP semantic conventions, "Name"). */
export function nameOfMethod(method: string): string {
  return method === otherMethod ? 'HTTP' : method
}
