// W3C `tracestate`, level 2. One bad member makes the whole header bad (the harness's SPEC_LEVEL=2 reads it so, upstream
// drops the member); empty members are skipped; of a repeated key the first member stays.
import type { TraceState } from '@opentelemetry/api'

const maxMembers = 32
// What every participant has to be able to carry on. Beyond it members go: the longest first, then from the end.
const maxLength = 512
const longMember = 128
const maxKey = 256
const maxValue = 256

type Member = readonly [key: string, value: string]

/** Immutable; a member that is set goes to the front, and the 33rd falls off the end. */
export class LeanTraceState implements TraceState {
  private readonly members: readonly Member[]
  private text: string | undefined

  constructor(members: readonly Member[]) {
    this.members = members
  }

  get(key: string): string | undefined {
    for (const member of this.members) if (member[0] === key) return member[1]
    return undefined
  }

  /** The same state when key or value are not legal. */
  set(key: string, value: string): LeanTraceState {
    if (typeof key !== 'string' || typeof value !== 'string') return this
    if (!isKey(key, 0, key.length) || !isValue(value, 0, value.length)) return this
    const others = this.members.filter(member => member[0] !== key)
    return new LeanTraceState([[key, value] as const, ...others].slice(0, maxMembers))
  }

  unset(key: string): LeanTraceState {
    const others = this.members.filter(member => member[0] !== key)
    return others.length === this.members.length ? this : new LeanTraceState(others)
  }

  /** Empty text means that no header is to be sent. */
  serialize(): string {
    this.text ??= print(this.members)
    return this.text
  }
}

function print(members: readonly Member[]): string {
  let texts = members.map(([key, value]) => `${key}=${value}`)
  let length = texts.reduce((sum, text) => sum + text.length + 1, -1)
  if (length > maxLength) {
    texts = texts.filter(text => {
      const keep = text.length <= longMember || length <= maxLength
      if (!keep) length -= text.length + 1
      return keep
    })
    while (length > maxLength) length -= (texts.pop() as string).length + 1
  }
  return texts.join(',')
}

/** `undefined` for an empty or illegal header. The caller has bounded its length. */
export function parseTraceState(header: string): LeanTraceState | undefined {
  const members: Member[] = []
  let at = 0
  while (at <= header.length) {
    const comma = header.indexOf(',', at)
    const next = comma === -1 ? header.length : comma
    let start = at
    let end = next
    while (start < end && isBlank(header.charCodeAt(start))) start++
    while (end > start && isBlank(header.charCodeAt(end - 1))) end--
    at = next + 1
    if (start === end) continue
    const equals = header.indexOf('=', start)
    if (equals === -1 || equals >= end) return undefined
    if (!isKey(header, start, equals) || !isValue(header, equals + 1, end)) return undefined
    const key = header.slice(start, equals)
    if (members.some(member => member[0] === key)) continue
    if (members.length === maxMembers) return undefined
    members.push([key, header.slice(equals + 1, end)])
  }
  return members.length === 0 ? undefined : new LeanTraceState(members)
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9
}

// key = (lcalpha / DIGIT) 0*255 (lcalpha / DIGIT / "_" / "-" / "*" / "/" / "@")
function isKey(text: string, start: number, end: number): boolean {
  if (end === start || end - start > maxKey) return false
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    const first = (code >= 97 && code <= 122) || (code >= 48 && code <= 57)
    if (first) continue
    // _ - * / @
    if (i === start || !(code === 95 || code === 45 || code === 42 || code === 47 || code === 64))
      return false
  }
  return true
}

// value = 0*255 (any printable ASCII but comma and equals sign), not ending in a space
function isValue(text: string, start: number, end: number): boolean {
  if (end === start || end - start > maxValue) return false
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code < 32 || code > 126 || code === 44 || code === 61) return false
  }
  return text.charCodeAt(end - 1) !== 32
}
