import type { Parsed } from './parse.ts'
import { splitList } from './parse-enum.ts'

export function parseList(text: string): Parsed<readonly string[]> {
  return { value: splitList(text) }
}

/** Header names, lower-cased. */
export function parseHeaderNames(text: string): Parsed<readonly string[]> {
  const faults: string[] = []
  const value: string[] = []
  for (const part of splitList(text)) {
    if (isToken(part)) value.push(part.toLowerCase())
    else faults.push(`${JSON.stringify(part)} is not a header name and is left out`)
  }
  return faults.length > 0 ? { value, faults } : { value }
}

export function parseHeaderName(text: string): Parsed<string | undefined> {
  return isToken(text) ? { value: text.toLowerCase() } : { fault: 'expected the name of one header' }
}

/** `token` of RFC 9110 section 5.6.2. */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text)
}
