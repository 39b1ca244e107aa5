// Secrets in any text: URLs, connection strings, `key=value` and `key: value`, credentials of HTTP, tokens known by their
// look. Messages of errors, bodies of log records, names of spans, values of unknown attributes, our own lines on stderr.
// By hand, because it meets megabytes made by strangers: each position is looked at a bounded number of times.
import { defaultKeys, type SecretKeys } from './secret-key.ts'
import { tally } from './tally.ts'
import { redactPairs, redactUserinfo } from './url.ts'

const redacted = 'REDACTED'
const maxKeyLength = 128

/**
 * @example
 * redactText('cannot reach postgres://app:pw@db/shop, password=hunter2')
 * // 'cannot reach postgres://REDACTED:REDACTED@db/shop, password=REDACTED'
 */
export function redactText(text: string, keys: SecretKeys = defaultKeys): string {
  if (text.length < 4) return text
  let out = text
  if (out.includes('@') && out.includes(':')) out = redactBareUserinfo(redactUserinfo(out))
  if (out.includes('=')) out = redactQueries(out, keys)
  if (out.includes('=') || out.includes(':')) out = redactFields(out, keys)
  if (out.includes('earer ') || out.includes('asic ') || out.includes('EARER ')) out = redactSchemes(out)
  if (out.includes('eyJ')) out = replaceCounted(out, jwt)
  if (out.includes('-----BEGIN')) out = redactPem(out)
  if (out.includes('--')) out = redactFlags(out, keys)
  return out
}

function replaceCounted(text: string, pattern: RegExp): string {
  return text.replace(pattern, () => {
    tally.credential++
    return redacted
  })
}

// The head of a JSON web token, with what follows it. One class per run: linear.
const jwt = /\beyJ[\w-]{8,}(?:\.[\w-]*)*/g

function redactPem(text: string): string {
  let out = ''
  let copied = 0
  let start = text.indexOf('-----BEGIN')
  while (start !== -1) {
    const headEnd = text.indexOf('-----', start + 10)
    if (headEnd === -1) break
    if (text.slice(start, Math.min(headEnd, start + 60)).includes('PRIVATE')) {
      const end = text.indexOf('-----END', headEnd)
      out += `${text.slice(copied, headEnd + 5)} ${redacted} `
      copied = end === -1 ? text.length : end
      tally.credential++
    }
    start = text.indexOf('-----BEGIN', Math.max(headEnd, copied))
  }
  return copied === 0 ? text : out + text.slice(copied)
}

/** `user:pw@host` without a scheme, as in `user:hunter2@127.0.0.1:4318`. */
function redactBareUserinfo(text: string): string {
  let out = ''
  let copied = 0
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    if (!isHostStart(text.charCodeAt(at + 1))) continue
    let start = at
    let colon = -1
    while (start > copied && at - start < maxKeyLength && !isWordEnd(text.charCodeAt(start - 1))) {
      start--
      if (text.charCodeAt(start) === 58) colon = start
    }
    if (colon <= start || colon === at - 1 || colon === -1) continue
    const name = text.slice(start, colon)
    // `npm:express@4.22.3`, `mailto:a@b.example`, a stack of `file.js:3:1@`.
    if (/^(?:npm|workspace|mailto|acct|sips?|xmpp|node|REDACTED)$/i.test(name) || /^\d*$/.test(name)) continue
    out += `${text.slice(copied, start)}${redacted}:${redacted}`
    copied = at
    tally.credential++
  }
  return copied === 0 ? text : out + text.slice(copied)
}

function isHostStart(code: number): boolean {
  return (
    (code >= 48 && code <= 57) ||
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    code === 91 ||
    code > 127
  )
}

/** Space, quotes, brackets, slashes, `,` `;` `=`. */
function isWordEnd(code: number): boolean {
  return (
    code <= 32 ||
    code === 34 ||
    code === 39 ||
    code === 96 ||
    code === 60 ||
    code === 62 ||
    code === 40 ||
    code === 41 ||
    code === 44 ||
    code === 59 ||
    code === 61 ||
    code === 47 ||
    code === 92 ||
    code === 63 ||
    code === 123 ||
    code === 125 ||
    code === 38 ||
    code === 64
  )
}

// A word that has a `?` or `#` somewhere before an `=`; each character belongs to one match at most.
const queryOf = /[?#]([^\s"'<>`?#]*)/g

function redactQueries(text: string, keys: SecretKeys): string {
  if (!text.includes('?') && !text.includes('#')) return text
  return text.replace(queryOf, (whole, found: string) => {
    const cleaned = redactPairs(found, keys)
    return cleaned === found ? whole : `${whole[0]}${cleaned}`
  })
}

const separators = /[=:]/g

/** `password=x`, `"password": "x"`, `Password=x;`, `token: x`, `Authorization: Bearer x`, `\"secret\":\"x\"`. */
function redactFields(text: string, keys: SecretKeys): string {
  let out = ''
  let copied = 0
  separators.lastIndex = 0
  for (let found = separators.exec(text); found !== null; found = separators.exec(text)) {
    const { index } = found
    const keyEnd = skipBack(text, index, copied)
    let keyStart = keyEnd
    while (keyStart > copied && keyEnd - keyStart < maxKeyLength && isKeyCode(text.charCodeAt(keyStart - 1)))
      keyStart--
    if (keyEnd - keyStart < 3) continue
    const key = text.slice(keyStart, keyEnd)
    if (!keys.isSecretName(key)) continue
    const isHeader = found[0] === ':' && /^(?:proxy-)?authorization$|cookie$/i.test(key)
    const value = findValue(
      text,
      index + 1,
      found[0] === '=' && text.charCodeAt(keyStart - 1) === 59,
      isHeader,
    )
    if (value === undefined) continue
    separators.lastIndex = Math.max(value.end, index + 1)
    if (text.startsWith(redacted, value.start)) continue
    out += text.slice(copied, value.start) + redacted
    copied = value.end
    tally.credential++
  }
  return copied === 0 ? text : out + text.slice(copied)
}

/** Over the quotes, escapes and spaces between a key and its separator. */
function skipBack(text: string, index: number, first: number): number {
  let end = index
  const stop = Math.max(first, index - 8)
  while (end > stop && isPadding(text.charCodeAt(end - 1))) end--
  return end
}

function isPadding(code: number): boolean {
  return code === 32 || code === 34 || code === 39 || code === 92 || code === 96 || code === 93
}

function isKeyCode(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    code === 45 ||
    code === 46 ||
    code === 91 ||
    code === 93 ||
    code === 37 ||
    code > 127
  )
}

/** The value that begins at `from`; undefined when there is none. */
function findValue(
  text: string,
  from: number,
  isConnectionString: boolean,
  isHeader: boolean,
): { start: number; end: number } | undefined {
  let start = from
  const limit = Math.min(text.length, from + 8)
  while (start < limit && (text.charCodeAt(start) === 32 || text.charCodeAt(start) === 92)) start++
  // `==`, `=>`, `://`: no key and its value.
  const first = text[start]
  if (first === undefined || first === '\n' || first === '=' || first === '>') return undefined
  if (first === '/' && text[start + 1] === '/') return undefined
  if (first === '"' || first === "'" || first === '`') {
    start++
    const end = findQuote(text, start, first)
    return end > start ? { start, end } : undefined
  }
  const ends = isHeader ? lineEnds : isConnectionString ? semicolons : valueEnds
  ends.lastIndex = start
  let end = ends.exec(text)?.index ?? text.length
  // `token: Bearer x`: the scheme is no secret, what follows it is.
  if (
    /^(?:bearer|basic|digest|token)$/i.test(text.slice(start, Math.min(end, start + 8))) &&
    text[end] === ' '
  ) {
    ends.lastIndex = end + 1
    end = ends.exec(text)?.index ?? text.length
  }
  return end > start ? { start, end } : undefined
}

/** The quote that closes a string, escaped ones passed over; the end of the text when none does. */
function findQuote(text: string, start: number, quote: string): number {
  for (let at = text.indexOf(quote, start); at !== -1; at = text.indexOf(quote, at + 1)) {
    let slashes = 0
    while (at - slashes > start && text.charCodeAt(at - slashes - 1) === 92) slashes++
    // In JSON within JSON the closing quote has a slash as well; what follows it tells.
    if (slashes % 2 === 0 || isAfterValue(text[at + 1])) return at - (slashes % 2)
  }
  return text.length
}

function isAfterValue(next: string | undefined): boolean {
  return next === ',' || next === '}' || next === ']' || next === undefined
}

const valueEnds = /[\s"'`&;<>]/g
const lineEnds = /[\r\n"'`]/g
// Values of a connection string have spaces.
const semicolons = /[;\r\n"'`]/g

const schemes = /\b(bearer|basic)\s+([\w.~+/=-]{4,})/gi

/** `Bearer x`, `Basic x`; not `basic authentication` and not `bearer token`. */
function redactSchemes(text: string): string {
  return text.replace(schemes, (whole, scheme: string, value: string) => {
    if (value === redacted || (!/[A-Z0-9=._~+/]/.test(value.slice(1)) && value.length < 20)) return whole
    tally.credential++
    return `${scheme} ${redacted}`
  })
}

/** `--password x` of a command line. */
function redactFlags(text: string, keys: SecretKeys): string {
  let out = ''
  let copied = 0
  for (let at = text.indexOf('--'); at !== -1; at = text.indexOf('--', at + 2)) {
    let end = at + 2
    while (end < text.length && end - at < maxKeyLength && isKeyCode(text.charCodeAt(end))) end++
    if (end - at < 5 || text[end] !== ' ' || at < copied) continue
    const next = text.charCodeAt(end + 1)
    if (next === 45 || next <= 32 || !keys.isSecretName(text.slice(at + 2, end))) continue
    const value = findValue(text, end, false, false)
    if (value === undefined || text.startsWith(redacted, value.start)) continue
    out += text.slice(copied, value.start) + redacted
    copied = value.end
    tally.credential++
  }
  return copied === 0 ? text : out + text.slice(copied)
}
