// One codec for the header shapes of all clients. Reading is bounded and believes nothing; writing never
// touches what it was given.
//
//   kafkajs, confluent   { traceparent: Buffer | string | (Buffer | string)[] }
//   rdkafka              [{ traceparent: Buffer }, { traceparent: Buffer }]
//   platformatic         Map<Buffer | string, Buffer | string>, [key, value][]

import { types } from 'node:util'
import type { TextMapGetter } from '@opentelemetry/api'
import { cleanBaggage } from './baggage.ts'

// Not instanceof: objects may come from another realm, under jest or vm for example.
const isMap = types.isMap
const isBytes = types.isUint8Array

/** A header value of kafkajs and the KafkaJS-style API of confluent. */
export type HeaderValue = string | Buffer | (string | Buffer)[] | null | undefined

/** Headers in the shape of any supported client. */
export type KafkaHeaders =
  | { readonly [key: string]: HeaderValue }
  | Map<any, any>
  | readonly { readonly [key: string]: string | Buffer }[]
  | readonly (readonly [unknown, unknown])[]
  | null
  | undefined

/** The shape of headers after {@link injectHeaders}: what went in, or a record where there was nothing. */
export type Injected<H> = H extends null | undefined ? Record<string, string> : H

export type HeaderPairs = readonly (readonly [key: string, value: string])[]
export type Encode = (text: string) => unknown

/** Longest header value that is read. The baggage specification guarantees 8192 bytes, nothing needs more. */
const maxValueBytes = 8192
/** Longest name of any header a propagator uses, with room. Longer ones are never compared. */
const maxNameLength = 128
/** How many headers, and how many values of one, are looked at where they have to be searched. */
const maxScannedHeaders = 512
/** More entries of a Map than this are not even passed over. */
const maxPassedHeaders = 16_384

const hasOwn = Object.prototype.hasOwnProperty

/** The text of one header value; undefined for what cannot be text that is safe in an HTTP header later. */
function readText(raw: unknown, name: string): string | undefined {
  let text: string
  if (typeof raw === 'string') {
    if (raw.length > maxValueBytes) return undefined
    text = raw
  } else if (isBytes(raw)) {
    if (raw.length > maxValueBytes) return undefined
    // latin1 keeps every byte a character of its own: anything outside of ASCII stays visible to the check below.
    text = decodeLatin1(raw)
  } else {
    return undefined
  }
  if (text === '') return undefined
  if (name === 'baggage') return cleanBaggage(text)
  // Read by every propagator digit by digit; a look at each character before that would be the third.
  if (name === 'traceparent') return text
  return isPrintable(text) ? text : undefined
}

export function decodeLatin1(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // toString('latin1') without looking the encoding up.
  return (buffer as Buffer & { latin1Slice(start: number, end: number): string }).latin1Slice(
    0,
    buffer.length,
  )
}

const unprintable = /[^\t\x20-\x7e]/

function isPrintable(text: string): boolean {
  return !unprintable.test(text)
}

/** Text of a header name; undefined when it is too long to be one of ours or is no text at all. */
function readName(raw: unknown): string | undefined {
  if (typeof raw === 'string') return raw.length > maxNameLength ? undefined : raw
  if (isBytes(raw)) {
    return raw.length > maxNameLength
      ? undefined
      : Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString()
  }
  return undefined
}

/** These two may be spread over several headers (W3C); of anything else the last one counts. */
function isList(name: string): boolean {
  return name === 'baggage' || name === 'tracestate'
}

/** Spellings that no rule gives: camel case as the Java agent and Brave write it. */
const camelCase: Readonly<Record<string, string>> = {
  traceparent: 'TraceParent',
  tracestate: 'TraceState',
  'x-b3-traceid': 'X-B3-TraceId',
  'x-b3-spanid': 'X-B3-SpanId',
  'x-b3-parentspanid': 'X-B3-ParentSpanId',
  'uber-trace-id': 'Uber-Trace-ID',
}
const spellings = new Map<string, readonly string[]>()
const maxSpelled = 200

/**
 * The ways other clients write a name. Kafka's header names are case-sensitive and there may be any
 * number of them: asking for a few spellings costs the same whatever a message brings, a search through it does not.
 */
function spell(name: string): readonly string[] {
  const known = spellings.get(name)
  if (known) return known
  const title = name.replace(/(^|-)[a-z]/g, letter => letter.toUpperCase())
  const all = new Set([title, camelCase[name] ?? name, name.toUpperCase(), name.toLowerCase()])
  all.delete(name)
  const others = [...all]
  if (spellings.size < maxSpelled) spellings.set(name, others)
  return others
}

/** One reading of one message's headers. */
export class Carrier {
  private readonly record: Record<string, unknown> | undefined
  private readonly all: Map<string, unknown[]> | undefined
  private isPlain = false

  constructor(headers: object) {
    if (Array.isArray(headers) || isMap(headers)) {
      this.record = undefined
      this.all = collectEntries(headers)
    } else {
      this.record = headers as Record<string, unknown>
      this.all = undefined
    }
  }

  get(name: string): string | undefined {
    const exact = this.read(name, name)
    if (exact !== undefined) {
      this.isPlain = true
      return exact
    }
    // Whoever wrote one of the headers wrote them all: no search for spellings of what is simply not there.
    if (this.isPlain) return undefined
    const others = spell(name)
    for (let i = 0; i < others.length; i++) {
      const text = this.read(others[i]!, name)
      if (text !== undefined) return text
    }
    return undefined
  }

  keys(): string[] {
    if (this.all) return [...this.all.keys()]
    const keys: string[] = []
    for (const key of Object.keys(this.record!)) {
      if (key.length <= maxNameLength && keys.push(key) >= maxScannedHeaders) break
    }
    return keys
  }

  private read(spelling: string, name: string): string | undefined {
    const { record } = this
    if (record === undefined) return this.pick(this.all?.get(spelling), name)
    const raw = record[spelling]
    // What is inherited is no header.
    if (raw === undefined || raw === null || !hasOwn.call(record, spelling)) return undefined
    return Array.isArray(raw) ? this.pick(raw, name) : readText(raw, name)
  }

  /** The last readable value, or all of them joined for the two list headers. */
  private pick(values: readonly unknown[] | undefined, name: string): string | undefined {
    if (!values) return undefined
    const from = Math.max(0, values.length - maxScannedHeaders)
    if (!isList(name)) {
      for (let i = values.length - 1; i >= from; i--) {
        const text = readText(values[i], name)
        if (text !== undefined) return text
      }
      return undefined
    }
    let joined: string | undefined
    for (let i = from; i < values.length; i++) {
      const text = readText(values[i], name)
      if (text === undefined) continue
      if (joined === undefined) joined = text
      else if (joined.length + text.length < maxValueBytes) joined += `,${text}`
      else break
    }
    return joined
  }
}

/** Name -> values in wire order, of the last `maxScannedHeaders` headers. */
function collectEntries(headers: readonly unknown[] | Map<unknown, unknown>): Map<string, unknown[]> {
  const all = new Map<string, unknown[]>()
  const add = (rawKey: unknown, value: unknown) => {
    const key = readName(rawKey)
    if (key === undefined) return
    const values = all.get(key)
    if (values) values.push(value)
    else all.set(key, [value])
  }
  if (isMap(headers)) {
    // A Map has no way to its end but past every entry. Of one that large the first ones are as good as any.
    let skip = headers.size > maxPassedHeaders ? 0 : headers.size - maxScannedHeaders
    let left = maxScannedHeaders
    for (const [key, value] of headers) {
      if (skip-- > 0) continue
      add(key, value)
      if (--left === 0) break
    }
    return all
  }
  for (let i = Math.max(0, headers.length - maxScannedHeaders); i < headers.length; i++) {
    const entry = headers[i]
    if (Array.isArray(entry)) add(entry[0], entry[1])
    else if (entry !== null && typeof entry === 'object') {
      for (const key of Object.keys(entry)) add(key, (entry as Record<string, unknown>)[key])
    }
  }
  return all
}

/** Reads a {@link Carrier} for `propagation.extract`. */
export const getter: TextMapGetter<Carrier> = {
  keys: carrier => carrier.keys(),
  get: (carrier, name) => carrier.get(name),
}

const replacedBy = new Map<string, Replaced>()

/** Which headers of a message have to go when these are written: themselves in any spelling, and their group. */
export class Replaced {
  private readonly names: ReadonlySet<string>
  private readonly b3: boolean

  /** The one for these names; there are as many as propagators write differently, so a few. */
  static of(names: readonly string[]): Replaced {
    const key = names.join()
    const known = replacedBy.get(key)
    if (known) return known
    const made = new Replaced(names)
    if (replacedBy.size < maxSpelled) replacedBy.set(key, made)
    return made
  }

  /** The one for the names of these pairs. */
  static by(pairs: HeaderPairs): Replaced {
    return Replaced.of(pairs.map(([name]) => name))
  }

  private constructor(written: Iterable<string>) {
    const names = new Set<string>()
    let b3 = false
    for (const name of written) {
      const lower = name.toLowerCase()
      names.add(lower)
      // The tracestate of another trace, or half of its B3 headers, would make a context that never existed.
      if (lower === 'traceparent') names.add('tracestate')
      if (lower === 'b3' || lower.startsWith('x-b3-')) b3 = true
    }
    this.names = names
    this.b3 = b3
  }

  has(rawName: unknown): boolean {
    const name = readName(rawName)
    if (name === undefined) return false
    const lower = name.toLowerCase()
    return this.names.has(lower) || (this.b3 && (lower === 'b3' || lower.startsWith('x-b3-')))
  }
}

/** True when any header carries one of these names. */
export function mentions(headers: unknown, replaced: Replaced): boolean {
  if (headers === null || typeof headers !== 'object') return false
  if (isMap(headers)) {
    for (const key of headers.keys()) if (replaced.has(key)) return true
    return false
  }
  if (Array.isArray(headers)) {
    return headers.some(entry =>
      Array.isArray(entry)
        ? replaced.has(entry[0])
        : entry !== null && typeof entry === 'object' && Object.keys(entry).some(key => replaced.has(key)),
    )
  }
  for (const key of Object.keys(headers)) if (replaced.has(key)) return true
  return false
}

/** New headers of the same shape: the others in their order, then the given pairs. */
export function writeHeaders(
  headers: unknown,
  pairs: HeaderPairs,
  replaced: Replaced,
  encodeValue: Encode = sameText,
  encodeName: Encode = sameText,
): unknown {
  if (Array.isArray(headers)) return writeArray(headers, pairs, replaced)
  if (isMap(headers)) return writeMap(headers, pairs, replaced, encodeValue, encodeName)
  const record: Record<string, unknown> = {}
  if (headers !== null && typeof headers === 'object') {
    for (const key of Object.keys(headers)) {
      if (!replaced.has(key)) put(record, key, (headers as Record<string, unknown>)[key])
    }
  }
  // A record has text for names only; where bytes are wanted, a Map says the same to the one client that wants them.
  if (encodeName !== sameText && typeof encodeName('') !== 'string') {
    return writeMap(new Map(Object.entries(record)), pairs, replaced, encodeValue, encodeName)
  }
  for (const [key, value] of pairs) put(record, key, encodeValue(value))
  return record
}

function writeMap(
  headers: ReadonlyMap<unknown, unknown>,
  pairs: HeaderPairs,
  replaced: Replaced,
  encodeValue: Encode,
  encodeName: Encode,
): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>()
  for (const [key, value] of headers) if (!replaced.has(key)) map.set(key, value)
  for (const [key, value] of pairs) map.set(encodeName(key), encodeValue(value))
  return map
}

const sameText: Encode = text => text

function put(record: Record<string, unknown>, key: string, value: unknown): void {
  // A header may be called __proto__; an assignment would lose it.
  if (key === '__proto__') {
    Object.defineProperty(record, key, { value, enumerable: true, writable: true, configurable: true })
  } else {
    record[key] = value
  }
}

/** rdkafka and tuple arrays. The native binding reads the first key of each object only, so one object per header. */
function writeArray(headers: readonly unknown[], pairs: HeaderPairs, replaced: Replaced): unknown[] {
  const tuples = headers.length > 0 && headers.every(entry => Array.isArray(entry))
  const kept = headers.filter(entry => {
    if (Array.isArray(entry)) return !replaced.has(entry[0])
    if (entry === null || typeof entry !== 'object') return true
    const key = Object.keys(entry)[0]
    return key === undefined || !replaced.has(key)
  })
  for (const [key, value] of pairs) {
    kept.push(
      tuples ? [encodeLike(headers, 0, key), encodeLike(headers, 1, value)] : { [key]: Buffer.from(value) },
    )
  }
  return kept
}

/** A tuple's text in the type that the other tuples have. */
function encodeLike(tuples: readonly unknown[], index: 0 | 1, text: string): unknown {
  return isBytes((tuples[0] as unknown[])[index]) ? Buffer.from(text) : text
}
