// Literals of statements that are written like JSON: filters of MongoDB, bodies of Elasticsearch, GraphQL. Names stay, every
// string and number becomes `?`. One pass over the text, whatever is in it.
import { tally } from './tally.ts'

const maxLength = 32_768

/**
 * @example
 * redactJsonLiterals('{"email":"a@b.example","age":{"$gt":30}}') // '{"email":"?","age":{"$gt":?}}'
 */
export function redactJsonLiterals(source: string): string {
  const text = source.length > maxLength ? source.slice(0, maxLength) : source
  let out = ''
  let copied = 0
  let at = 0
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === 34 || code === 39) {
      const end = skipQuoted(text, at, code)
      const quote = text[at] as string
      if (!isKey(text, end) && text.slice(at + 1, end - 1) !== '?') {
        out += `${text.slice(copied, at)}${quote}?${quote}`
        copied = end
      }
      at = end
    } else if (isDigit(code)) {
      let end = at + 1
      while (end < text.length && isNumberPart(text.charCodeAt(end))) end++
      out += `${text.slice(copied, at)}?`
      copied = end
      at = end
    } else if (isWord(code)) {
      while (at < text.length && (isWord(text.charCodeAt(at)) || isDigit(text.charCodeAt(at)))) at++
    } else at++
  }
  if (copied === 0) return text
  tally.statement++
  return out + text.slice(copied)
}

function skipQuoted(text: string, start: number, quote: number): number {
  // GraphQL's block string.
  if (quote === 34 && text.startsWith('"""', start)) {
    const end = text.indexOf('"""', start + 3)
    return end === -1 ? text.length : end + 3
  }
  let at = start + 1
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === 92) at += 2
    else if (code === quote) return at + 1
    else at++
  }
  return text.length
}

/** The name of a field: what follows is a colon. */
function isKey(text: string, end: number): boolean {
  let at = end
  while (at < end + 8 && text.charCodeAt(at) <= 32) at++
  return text.charCodeAt(at) === 58
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

function isNumberPart(code: number): boolean {
  return isDigit(code) || code === 46 || code === 43 || code === 45 || isWord(code)
}

function isWord(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || code === 36 || code > 127
}
