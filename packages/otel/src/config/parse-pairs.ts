// `key=value,key=value`, percent-decoded: resource attributes and OTLP headers.
import type { Parsed } from './parse.ts'
import { isToken } from './parse-list.ts'
import { findUnexpanded } from './unexpanded.ts'

type Pairs = Readonly<Record<string, string>>

/**
 * OTEL_RESOURCE_ATTRIBUTES. The specification discards the whole value for one bad pair; a service that loses its name
 * because of a stray comma helps nobody, so only the bad pair is left out, and said.
 */
export function parsePairs(text: string): Parsed<Pairs> {
  return parseEach(
    text,
    false,
    key => key,
    (key, value, faults) => {
      if (key === '') {
        faults.push(`a pair without a key is left out`)
        return undefined
      }
      return [decode(key) ?? key, decode(value) ?? value]
    },
  )
}

/** Names that nobody mistakes for a value. In a damaged list any other word may be a part of the credential. */
const headerNames = new Set(
  'authorization api-key x-api-key x-tenant x-scope-orgid tenant signoz-ingestion-key x-honeycomb-team x-honeycomb-dataset uptrace-dsn dd-api-key'.split(
    ' ',
  ),
)

/**
 * OTEL_EXPORTER_OTLP_HEADERS. All of it is secret: a fault says which header by its place, and quotes none of it but the
 * names everybody uses. Names come out lower-cased, as HTTP/2 and gRPC want.
 */
export function parseHeaders(text: string): Parsed<Pairs> {
  const describe = (key: string, place: number): string => {
    const name = key.trim().toLowerCase()
    return headerNames.has(name) ? `header ${place} (${name})` : `header ${place}`
  }
  return parseEach(text, true, describe, (key, value, faults, place) => {
    const name = (decode(key) ?? key).toLowerCase()
    if (!isToken(name)) {
      const colon = name.indexOf(':')
      faults.push(
        colon >= 0
          ? `${describe(name.slice(0, colon), place)} is left out, expected name=value, not name: value`
          : `${describe('', place)} is left out, its name is not a valid header name`,
      )
      return undefined
    }
    const plain = decode(value)
    if (plain === undefined) faults.push(`${describe(name, place)} is not percent-encoded and used as it is`)
    const result = plain ?? value
    // Header injection: a line break in a value would become a header of its own.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass
    if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(result)) {
      faults.push(`${describe(name, place)} has a control character in its value and is left out`)
      return undefined
    }
    return [name, result]
  })
}

/** `describe`: how a pair is named in a fault, by its key and its place in the list, from 1. */
function parseEach(
  text: string,
  isSecret: boolean,
  describe: (key: string, place: number) => string,
  take: (
    key: string,
    value: string,
    faults: string[],
    place: number,
  ) => readonly [string, string] | undefined,
): Parsed<Pairs> {
  const value: Record<string, string> = Object.create(null)
  const faults: string[] = []
  let place = 0
  for (const part of text.split(',')) {
    place++
    const pair = part.trim()
    if (pair === '') continue
    const equals = pair.indexOf('=')
    if (equals < 0) {
      const colon = pair.indexOf(':')
      faults.push(
        colon > 0
          ? `${isSecret ? describe(pair.slice(0, colon), place) : JSON.stringify(pair.slice(0, colon))} is left out, expected name=value, not name: value`
          : 'a pair without "=" is left out, expected key=value,key=value',
      )
      continue
    }
    const key = pair.slice(0, equals).trim()
    const raw = pair.slice(equals + 1).trim()
    const left = findUnexpanded(raw)
    if (left !== undefined) {
      faults.push(
        `${describe(key, place)} is left out because ${isSecret ? 'a variable' : left} was not expanded`,
      )
      continue
    }
    const taken = take(key, unquote(raw), faults, place)
    if (taken !== undefined) value[taken[0]] = taken[1]
  }
  const plain = { ...value }
  return faults.length > 0 ? { value: plain, faults } : { value: plain }
}

function unquote(text: string): string {
  return text.length > 1 && text[0] === '"' && text.endsWith('"') ? text.slice(1, -1) : text
}

function decode(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
