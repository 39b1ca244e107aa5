// Secrets in URLs: values of secret keys in the query, the fragment and path parameters, and user names and passwords before
// the host. Source: docs/security.md; upstream redacts seven cloud-signature keys in http and nothing in fetch.
import { buildSecretKeys, defaultKeys, type SecretKeys } from './secret-key.ts'
import { tally } from './tally.ts'

const redacted = 'REDACTED'
// A caller can send a 16 KB query; nobody reads more than this of it.
const maxQueryLength = 8192
const maxDecodings = 3

export interface QueryRedactor {
  /** `a=1&token=x` gives `a=1&token=REDACTED`. Without the leading `?`. Keys match without regard to case or %-encoding. */
  redactQuery(query: string): string
  /** `/reset?code=1#x` gives `/reset?code=REDACTED`. */
  redactPath(path: string): string
}

/** `keys`: exactly these; by kind when not given. */
export function buildQueryRedactor(keys?: readonly string[] | SecretKeys): QueryRedactor {
  let secret = defaultKeys
  if (Array.isArray(keys)) secret = buildSecretKeys({ query: keys })
  else if (keys !== undefined) secret = keys as SecretKeys

  function redactQuery(query: string): string {
    return redactPairs(query.length > maxQueryLength ? query.slice(0, maxQueryLength) : query, secret)
  }

  return {
    redactQuery,
    redactPath(path) {
      const mark = path.indexOf('?')
      if (mark === -1) return redactPathParameters(path, secret)
      const hash = path.indexOf('#', mark)
      const query = hash === -1 ? path.slice(mark + 1) : path.slice(mark + 1, hash)
      return `${redactPathParameters(path.slice(0, mark), secret)}?${redactQuery(query)}`
    },
  }
}

/** The values of secret keys among `a=1&b=2;c=3`. */
export function redactPairs(query: string, keys: SecretKeys, decodings = 0): string {
  if (!query.includes('=')) return query
  let out = ''
  let copied = 0
  for (let start = 0; start < query.length; ) {
    let end = query.indexOf('&', start)
    if (end === -1) end = query.length
    const at = findSecretValue(query.slice(start, end), keys, decodings)
    if (at !== -1) {
      out += query.slice(copied, start + at) + redacted
      copied = end
      tally.url++
    }
    start = end + 1
  }
  return copied === 0 ? query : out + query.slice(copied)
}

/** Keys begin after `;` too, values end at `&` only: `password=a;b` has no second key. -1: nothing is secret. */
function findSecretValue(pair: string, keys: SecretKeys, decodings: number): number {
  for (let start = 0; start < pair.length; ) {
    let end = pair.indexOf(';', start)
    if (end === -1) end = pair.length
    const piece = pair.slice(start, end)
    const equals = piece.indexOf('=')
    if (equals !== -1) {
      const at = start + equals + 1
      const isEmpty = at === pair.length || pair.startsWith(redacted, at)
      if (!isEmpty && keys.isSecretQueryKey(piece.slice(0, equals))) return at
      if (!isEmpty && hidesEncoded(piece.slice(equals + 1), keys, decodings)) return at
    }
    start = end + 1
  }
  return -1
}

/** A URL in the value of a key, encoded as it must be: `next=%2Freset%3Ftoken%3Dx`. */
function hidesEncoded(value: string, keys: SecretKeys, decodings: number): boolean {
  let text = value
  for (let i = decodings; i < maxDecodings && text.includes('%'); i++) {
    // Not decodeURIComponent: one broken escape would leave the others unread.
    const decoded = text.replace(/%([2-7][\da-f])/gi, (_all, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    if (decoded === text) return false
    if (redactUrl(decoded, keys, maxDecodings) !== decoded) return true
    text = decoded
  }
  return false
}

/**
 * A whole URL or request target, absolute or not.
 *
 * @example
 * redactUrl('https://me:pw@shop.example/pay;jsessionid=A?token=x#access_token=y')
 * // 'https://REDACTED:REDACTED@shop.example/pay;jsessionid=REDACTED?token=REDACTED#access_token=REDACTED'
 */
export function redactUrl(url: string, keys: SecretKeys = defaultKeys, decodings = 0): string {
  const text = url.includes('://') ? redactUserinfo(url) : url
  if (!text.includes('=')) return text
  const hash = text.indexOf('#')
  const mark = text.indexOf('?')
  const pathEnd = mark === -1 || (hash !== -1 && hash < mark) ? (hash === -1 ? text.length : hash) : mark
  const path = redactPathParameters(text.slice(0, pathEnd), keys)
  const queryEnd = hash === -1 ? text.length : hash
  const query =
    pathEnd < queryEnd ? `?${redactSecond(text.slice(pathEnd + 1, queryEnd), keys, decodings)}` : ''
  const fragment = hash === -1 ? '' : `#${redactFragment(text.slice(hash + 1), keys, decodings)}`
  const after = `${path}${query}${fragment}`
  return after === text ? text : after
}

/** `a=1?token=x`: what was put together by hand has a second question mark. */
function redactSecond(query: string, keys: SecretKeys, decodings: number): string {
  if (!query.includes('?')) return redactPairs(query, keys, decodings)
  return query
    .split('?')
    .map(part => redactPairs(part, keys, decodings))
    .join('?')
}

/** `#access_token=x`, `#/route?token=x`. */
function redactFragment(fragment: string, keys: SecretKeys, decodings: number): string {
  return fragment
    .split(/([?#])/)
    .map(part => redactPairs(part, keys, decodings))
    .join('')
}

/** `/a;jsessionid=x/b` and `/token=x/`. */
function redactPathParameters(path: string, keys: SecretKeys): string {
  if (!path.includes('=')) return path
  return path
    .split(/([/;&])/)
    .map(part => {
      const equals = part.indexOf('=')
      if (equals <= 0 || equals === part.length - 1 || part.endsWith(`=${redacted}`)) return part
      if (!keys.isSecretQueryKey(part.slice(0, equals))) return part
      tally.url++
      return `${part.slice(0, equals + 1)}${redacted}`
    })
    .join('')
}

/** `http://user:pw@host/` gives `http://REDACTED:REDACTED@host/`; in every URL of a text. */
export function redactUserinfo(text: string): string {
  let scheme = text.indexOf('://')
  if (scheme === -1 || !text.includes('@')) return text
  let out = ''
  let copied = 0
  // Of the word that `scheme` is in: found once per word, or a word of many schemes would cost its square.
  let wordEnd = 0
  let lastAt = -1
  while (scheme !== -1) {
    const start = scheme + 3
    if (start > wordEnd) {
      wordEnd = findWordEnd(text, start)
      lastAt = text.slice(start, wordEnd).lastIndexOf('@')
      if (lastAt !== -1) lastAt += start
    }
    if (lastAt >= start) {
      const at = findUserinfoEnd(text, scheme, start, wordEnd, lastAt)
      if (at !== -1) {
        const shown = `${redacted}:${redacted}`
        if (text.slice(start, at) !== shown) {
          out += text.slice(copied, start) + shown
          copied = at
          tally.url++
        }
      }
    }
    scheme = text.indexOf('://', start)
    while (scheme !== -1 && scheme < copied) scheme = text.indexOf('://', scheme + 3)
  }
  return copied === 0 ? text : out + text.slice(copied)
}

const web = /^(?:https?|wss?|file|node|webpack(?:-internal)?|blob|data)$/i

/** Where the `@` before the host is, -1 without one. People write passwords with `/`, `?`, `#` and `@` in them. */
function findUserinfoEnd(
  text: string,
  scheme: number,
  start: number,
  wordEnd: number,
  lastAt: number,
): number {
  let end = start
  while (end < wordEnd && !isAuthorityEnd(text.charCodeAt(end))) end++
  const inside = text.slice(start, end).lastIndexOf('@')
  if (inside !== -1) return start + inside
  const authority = text.slice(start, Math.min(end, start + 512))
  const colon = authority.lastIndexOf(':')
  const hasPassword = colon > 0 && !/^(?:\d{0,5}|[^[]*\])$/.test(authority.slice(colon + 1))
  let from = scheme
  while (from > 0 && scheme - from < 20 && /[A-Za-z0-9+.-]/.test(text[from - 1] as string)) from--
  const isWeb = web.test(text.slice(from, scheme))
  // A path of a database may have an @; that of a web page has it often.
  return hasPassword || (!isWeb && colon > 0) ? lastAt : -1
}

function isAuthorityEnd(code: number): boolean {
  return code === 47 || code === 63 || code === 35 || code === 92
}

function findWordEnd(text: string, start: number): number {
  wordEnds.lastIndex = start
  return wordEnds.exec(text)?.index ?? text.length
}

const wordEnds = /[\s"'`<>]/g
