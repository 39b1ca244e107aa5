// E-mail addresses and card numbers in what we take from arguments and from the messages of errors. By hand and not by one
// expression: each position is looked at a bounded number of times.
import { tally } from './tally.ts'

const redacted = 'REDACTED'
const maxLocal = 64
const maxDomain = 253

/** @example redactPersonal('user:alice@example.com') // 'user:REDACTED' */
export function redactPersonal(text: string): string {
  return redactCards(redactEmails(text))
}

function redactEmails(text: string): string {
  let at = text.indexOf('@')
  if (at === -1) {
    at = text.indexOf('%40')
    return at === -1 ? text : redactEncodedEmails(text)
  }
  let out = ''
  let copied = 0
  while (at !== -1) {
    let start = at
    while (start > copied && at - start < maxLocal && isLocal(text.charCodeAt(start - 1))) start--
    let end = at + 1
    while (end < text.length && end - at <= maxDomain && isDomain(text.charCodeAt(end))) end++
    while (end > at + 1 && !isLetter(text.charCodeAt(end - 1))) end--
    if (start < at && isDomainName(text.slice(at + 1, end))) {
      out += text.slice(copied, start) + redacted
      copied = end
      tally.personal++
    }
    at = text.indexOf('@', Math.max(at + 1, copied))
  }
  return copied === 0 ? text : out + text.slice(copied)
}

const encodedEmail = /[\w.+-]{1,64}%40[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/g

function redactEncodedEmails(text: string): string {
  return text.replace(encodedEmail, () => {
    tally.personal++
    return redacted
  })
}

/** `example.com`, not `5.1.0` of `express@5.1.0` and not `org` of `@org/otel`. */
function isDomainName(name: string): boolean {
  const dot = name.lastIndexOf('.')
  if (dot <= 0 || name.length - dot < 3) return false
  return !/^\d+\.\d+\./.test(name)
}

function isLocal(code: number): boolean {
  // Letters, digits and . _ % + - ' ! # $ & * = ? ^ ` { | } ~ in part: those that do not also end a word.
  return isDomain(code) || code === 95 || code === 37 || code === 43
}

function isDomain(code: number): boolean {
  return isLetter(code) || (code >= 48 && code <= 57) || code === 46 || code === 45
}

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code > 127
}

// Bounded repetition: linear, with a factor of 19.
const digits = /[2-6]\d(?:[ -]?\d){11,17}/g

function redactCards(text: string): string {
  if (text.length < 13) return text
  return text.replace(digits, (found, at: number) => {
    const before = at === 0 ? 0 : text.charCodeAt(at - 1)
    const after = text.charCodeAt(at + found.length)
    if (isDigit(before) || before === 46 || isDigit(after) || !passesLuhn(found)) return found
    tally.personal++
    return redacted
  })
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

function passesLuhn(text: string): boolean {
  let sum = 0
  let isSecond = false
  for (let i = text.length - 1; i >= 0; i--) {
    const code = text.charCodeAt(i)
    if (!isDigit(code)) continue
    let digit = code - 48
    if (isSecond) digit = digit > 4 ? digit * 2 - 9 : digit * 2
    sum += digit
    isSecond = !isSecond
  }
  return sum % 10 === 0
}
