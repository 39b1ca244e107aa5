// W3C baggage. Bounded in both directions, and only octets the specification allows are ever emitted: a value taken from a
// message may hold CR and LF, and an HTTP client that is given those throws inside the application's request.
import type { Baggage, BaggageEntry, Context } from '@opentelemetry/api'
import { BAGGAGE_KEY } from '../context.ts'
import { type Format, readList } from './format.ts'

export const maxBaggageMembers = 64
export const maxBaggageBytes = 8192

/** The API's Baggage, immutable. */
export class LeanBaggage implements Baggage {
  private readonly entries: ReadonlyMap<string, BaggageEntry>

  constructor(entries: ReadonlyMap<string, BaggageEntry>) {
    this.entries = entries
  }

  getEntry(key: string): BaggageEntry | undefined {
    const entry = this.entries.get(key)
    return entry === undefined ? undefined : { ...entry }
  }

  getAllEntries(): [string, BaggageEntry][] {
    return [...this.entries]
  }

  setEntry(key: string, entry: BaggageEntry): LeanBaggage {
    return new LeanBaggage(new Map(this.entries).set(key, entry))
  }

  removeEntry(key: string): LeanBaggage {
    return this.removeEntries(key)
  }

  removeEntries(...keys: string[]): LeanBaggage {
    const left = new Map(this.entries)
    for (const key of keys) left.delete(key)
    return new LeanBaggage(left)
  }

  clear(): LeanBaggage {
    return new LeanBaggage(new Map())
  }
}

/** The first 64 members and 8192 bytes of a header; undefined when none is usable. */
export function parseBaggage(header: string): LeanBaggage | undefined {
  const entries = new Map<string, BaggageEntry>()
  let at = 0
  // A header cut at the limit loses whole members, not the tail of one.
  while (at < header.length && entries.size < maxBaggageMembers) {
    const comma = header.indexOf(',', at)
    const end = comma === -1 ? header.length : comma
    if (end > maxBaggageBytes) break
    parseMember(header.slice(at, end), entries)
    at = end + 1
  }
  return entries.size === 0 ? undefined : new LeanBaggage(entries)
}

function parseMember(member: string, entries: Map<string, BaggageEntry>): void {
  const semicolon = member.indexOf(';')
  const pair = semicolon === -1 ? member : member.slice(0, semicolon)
  const equals = pair.indexOf('=')
  if (equals <= 0) return
  const key = pair.slice(0, equals).trim()
  if (!isToken(key)) return
  const value = decode(pair.slice(equals + 1).trim())
  // As upstream: the key is escaped as the value is, so that any text may be one; and an empty value is none.
  const name = decode(key)
  if (value === '' || name === '') return
  const properties = semicolon === -1 ? '' : printProperties(member.slice(semicolon + 1))
  entries.set(name, properties === '' ? { value } : { value, metadata: metadataOf(properties) })
}

function metadataOf(text: string): NonNullable<BaggageEntry['metadata']> {
  return { toString: () => text } as NonNullable<BaggageEntry['metadata']>
}

/** The header for a baggage; empty when there is nothing to send. Members that do not fit are left out. */
export function printBaggage(baggage: Baggage): string {
  let header = ''
  let members = 0
  for (const [key, entry] of baggage.getAllEntries()) {
    if (members === maxBaggageMembers) break
    const text = printMember(key, entry)
    if (text === '' || header.length + text.length + 1 > maxBaggageBytes) continue
    header = header === '' ? text : `${header},${text}`
    members++
  }
  return header
}

function printMember(key: unknown, entry: BaggageEntry | undefined): string {
  if (typeof key !== 'string' || key === '' || entry === undefined || entry === null) return ''
  const value: unknown = entry.value
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return ''
  const text = String(value)
  // Escaping never makes a text shorter.
  if (key.length + text.length > maxBaggageBytes) return ''
  const member = `${escapeKey(key)}=${escapeValue(text)}`
  if (entry.metadata === undefined) return member
  const properties = printProperties(entry.metadata.toString())
  return properties === '' ? member : `${member};${properties}`
}

/** Properties with legal keys, illegal octets of their values escaped; what is legal stays as it is. */
function printProperties(text: unknown): string {
  if (typeof text !== 'string' || text.length > maxBaggageBytes) return ''
  const legal: string[] = []
  for (const property of text.split(';')) {
    const equals = property.indexOf('=')
    const key = (equals === -1 ? property : property.slice(0, equals)).trim()
    if (!isToken(key)) continue
    legal.push(equals === -1 ? key : `${key}=${escapeIllegal(property.slice(equals + 1).trim())}`)
  }
  return legal.join(';')
}

const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
function isToken(text: string): boolean {
  return tokenPattern.test(text)
}

// Everything but RFC 7230 token characters, and the escape sign itself.
function escapeKey(text: string): string {
  return isToken(text) && !text.includes('%') ? text : encode(text).replace(/[()]/g, escapeChar)
}

function escapeValue(text: string): string {
  return encode(text)
}

function encode(text: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    // A lone surrogate: the round trip through UTF-8 replaces it.
    return encodeURIComponent(Buffer.from(text, 'utf8').toString('utf8'))
  }
}

// baggage-octet = %x21 / %x23-2B / %x2D-3A / %x3C-5B / %x5D-7E
const illegalPattern = /[^\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+/g
function escapeIllegal(text: string): string {
  return text.replace(illegalPattern, part => encode(part).replace(/["\\,; ]/g, escapeChar))
}

function escapeChar(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`
}

function decode(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return unescapeBytes(text)
  }
}

// Octets that are not UTF-8 become U+FFFD, a percent sign without two digits stays one (W3C baggage, section 3.3.2).
function unescapeBytes(text: string): string {
  const bytes: Buffer[] = []
  let at = 0
  for (const match of text.matchAll(/(?:%[0-9A-Fa-f]{2})+/g)) {
    bytes.push(
      Buffer.from(text.slice(at, match.index), 'utf8'),
      Buffer.from(match[0].replaceAll('%', ''), 'hex'),
    )
    at = match.index + match[0].length
  }
  bytes.push(Buffer.from(text.slice(at), 'utf8'))
  return Buffer.concat(bytes).toString('utf8')
}

export const baggage: Format = {
  name: 'baggage',
  fields: ['baggage'],

  inject(context, _span, set) {
    const value = context.getValue(BAGGAGE_KEY) as Baggage | undefined
    if (value === undefined || value === null) return
    const header = printBaggage(value)
    if (header !== '') set('baggage', header)
  },

  extract(context: Context, get): Context {
    const header = readList(get('baggage'))
    const value = header === undefined ? undefined : parseBaggage(header)
    return value === undefined ? context : context.setValue(BAGGAGE_KEY, value)
  },
}
