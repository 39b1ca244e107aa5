// The caller's messages on their way to the wire: copies with headers, the originals as they were.
import { type Context, propagation } from '@opentelemetry/api'
import { swallow } from './guard.ts'
import { type Encode, type HeaderPairs, Replaced, writeHeaders } from './headers.ts'

/** A message on its way out, in any client's shape. */
export interface OutgoingMessage {
  readonly key?: unknown
  readonly value?: unknown
  readonly headers?: unknown
  readonly partition?: unknown
}

/** How a client wants header names and values. */
export interface HeaderEncoding {
  readonly name: Encode
  readonly value: Encode
}

export const asText: HeaderEncoding = { name: text => text, value: text => text }

const recordSetter = {
  set(record: Record<string, string>, key: string, value: string) {
    record[key] = value
  },
}

/** What one context writes into the headers of one or many messages. */
export class Injection {
  /** False when the propagators had nothing to say. */
  readonly writes: boolean
  private readonly encoding: HeaderEncoding
  private readonly record: Record<string, string> = {}
  private pairs: HeaderPairs | undefined
  private bare: unknown

  constructor(from: Context, encoding: HeaderEncoding) {
    this.encoding = encoding
    try {
      propagation.inject(from, this.record, recordSetter)
    } catch (error) {
      swallow('inject', error)
    }
    let writes = false
    for (const _ in this.record) {
      writes = true
      break
    }
    this.writes = writes
    // Text for the wire is what the propagators gave already.
    if (encoding === asText) this.bare = this.record
  }

  /** A copy of the message with the headers in it. */
  apply(message: object): unknown {
    const copy = copyFields(message, messageFields)
    const { headers } = message as OutgoingMessage
    copy.headers = headers === undefined || headers === null ? this.getBare() : this.write(headers)
    return copy
  }

  /** One object for every message without headers of its own: the library only reads them. */
  private getBare(): unknown {
    this.bare ??= this.write(undefined)
    return this.bare
  }

  private write(headers: unknown): unknown {
    this.pairs ??= Object.entries(this.record)
    const { name, value } = this.encoding
    return writeHeaders(headers, this.pairs, Replaced.by(this.pairs), value, name)
  }
}

const messageFields = ['topic', 'key', 'value', 'partition', 'timestamp', 'metadata'] as const

/**
 * A plain copy of the caller's object. Own fields come along as they are; of an object with a class, the named fields
 * are read too, because getters of a prototype do not survive a spread and break on `Object.create`.
 */
export function copyFields(source: object, fields: readonly string[]): Record<string, unknown> {
  const copy: Record<string, unknown> = { ...source }
  const prototype = Object.getPrototypeOf(source)
  if (prototype === Object.prototype || prototype === null) return copy
  for (const field of fields) {
    if (!(field in copy) && field in source) copy[field] = (source as Record<string, unknown>)[field]
  }
  return copy
}
