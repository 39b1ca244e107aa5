// Secrets in URLs never become attributes: values of known query keys, and user names and passwords before the host.
// Source: docs/http.md; upstream redacts seven cloud-signature keys in http and nothing in fetch.

const redacted = 'REDACTED'
// A caller can send a 16 KB query; nobody reads more than this of it.
const maxQueryLength = 8192

export interface QueryRedactor {
  /** `a=1&token=x` gives `a=1&token=REDACTED`. Without the leading `?`. Keys match without regard to case or %-encoding. */
  redactQuery(query: string): string
  /** `/reset?code=1#x` gives `/reset?code=REDACTED`. */
  redactPath(path: string): string
}

export function buildQueryRedactor(keys: readonly string[]): QueryRedactor {
  const secret = new Set(keys.map(key => key.toLowerCase()))

  function isSecret(key: string): boolean {
    if (secret.has(key) || secret.has(key.toLowerCase())) return true
    if (key.indexOf('%') === -1 && key.indexOf('+') === -1) return false
    return secret.has(decode(key).toLowerCase())
  }

  function redactQuery(query: string): string {
    const text = query.length > maxQueryLength ? query.slice(0, maxQueryLength) : query
    if (secret.size === 0) return text
    let out = ''
    let copied = 0
    let start = 0
    while (start < text.length) {
      let end = text.indexOf('&', start)
      if (end === -1) end = text.length
      const equals = text.indexOf('=', start)
      if (equals !== -1 && equals < end - 1 && isSecret(text.slice(start, equals))) {
        out += text.slice(copied, equals + 1) + redacted
        copied = end
      }
      start = end + 1
    }
    return copied === 0 ? text : out + text.slice(copied)
  }

  return {
    redactQuery,
    redactPath(path) {
      const mark = path.indexOf('?')
      if (mark === -1) return path
      const hash = path.indexOf('#', mark)
      const query = hash === -1 ? path.slice(mark + 1) : path.slice(mark + 1, hash)
      return `${path.slice(0, mark + 1)}${redactQuery(query)}`
    },
  }
}

/** `http://user:pw@host/` gives `http://REDACTED:REDACTED@host/`; for request targets in absolute form. */
export function redactUserinfo(url: string): string {
  const start = url.indexOf('://')
  if (start === -1) return url
  let end = url.indexOf('/', start + 3)
  const mark = url.indexOf('?', start + 3)
  if (end === -1 || (mark !== -1 && mark < end)) end = mark === -1 ? url.length : mark
  const at = url.lastIndexOf('@', end - 1)
  return at < start + 3 ? url : `${url.slice(0, start + 3)}${redacted}:${redacted}@${url.slice(at + 1)}`
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
