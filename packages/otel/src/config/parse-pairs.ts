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
  return parseEach(text, (key, value, faults) => {
    if (key === '') {
      faults.push(`a pair without a key is left out`)
      return undefined
    }
    return [decode(key) ?? key, decode(value) ?? value]
  })
}

/** OTEL_EXPORTER_OTLP_HEADERS. Values are secret: no fault quotes one. Names come out lower-cased, as HTTP/2 and gRPC want. */
export function parseHeaders(text: string): Parsed<Pairs> {
  return parseEach(text, (key, value, faults) => {
    const name = (decode(key) ?? key).toLowerCase()
    if (!isToken(name)) {
      faults.push(
        name.includes(':')
          ? `header ${JSON.stringify(name.slice(0, name.indexOf(':')))} is left out, expected name=value, not name: value`
          : 'a header whose name is not a valid header name is left out',
      )
      return undefined
    }
    const plain = decode(value)
    if (plain === undefined) faults.push(`header ${name} is not percent-encoded and used as it is`)
    const result = plain ?? value
    // Header injection: a line break in a value would become a header of its own.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass
    if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(result)) {
      faults.push(`header ${name} has a control character in its value and is left out`)
      return undefined
    }
    return [name, result]
  })
}

function parseEach(
  text: string,
  take: (key: string, value: string, faults: string[]) => readonly [string, string] | undefined,
): Parsed<Pairs> {
  const value: Record<string, string> = Object.create(null)
  const faults: string[] = []
  for (const part of text.split(',')) {
    const pair = part.trim()
    if (pair === '') continue
    const equals = pair.indexOf('=')
    if (equals < 0) {
      const colon = pair.indexOf(':')
      faults.push(
        colon > 0
          ? `${JSON.stringify(pair.slice(0, colon))} is left out, expected name=value, not name: value`
          : 'a pair without "=" is left out, expected key=value,key=value',
      )
      continue
    }
    const key = pair.slice(0, equals).trim()
    const raw = pair.slice(equals + 1).trim()
    if (findUnexpanded(raw) !== undefined) {
      faults.push(`${key} is left out because ${findUnexpanded(raw)} was not expanded`)
      continue
    }
    const taken = take(key, unquote(raw), faults)
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
