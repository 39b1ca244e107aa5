// What a propagation format is to us, and how a carrier's value becomes text. Carriers are made by strangers: arrays,
// Buffers, numbers, null, megabytes. Whatever is too long is refused before anybody looks at its characters.
import type { Context } from '@opentelemetry/api'
import type { LeanSpan } from '../span.ts'

/** Longer values, or arrays of them, are not read at all. */
export const maxCarrierBytes = 16_384

export type Get = (key: string) => unknown
export type Put = (key: string, value: string) => void

export interface Format {
  readonly name: string
  readonly fields: readonly string[]
  /** `span` is the valid span of `context`, if there is one. Only legal header values are set. */
  inject(context: Context, span: LeanSpan | undefined, set: Put): void
  /** The context itself when the carrier has nothing valid. `keys` may be costly: only formats with open key names call it. */
  extract(context: Context, get: Get, keys: () => readonly string[]): Context
}

/** One header value: its text, or undefined when there is none or two that differ. */
export function readOne(value: unknown): string | undefined {
  if (typeof value === 'string') return value.length > maxCarrierBytes ? undefined : value
  if (value === undefined || value === null) return undefined
  if (value instanceof Uint8Array) return decode(value)
  if (!Array.isArray(value) || value.length === 0 || value.length > maxCarrierBytes) return undefined
  const first = decodeItem(value[0])
  for (let i = 1; i < value.length; i++) if (decodeItem(value[i]) !== first) return undefined
  return first
}

/** A list header: several values count as one, joined by commas. */
export function readList(value: unknown): string | undefined {
  if (!Array.isArray(value)) return readOne(value)
  if (value.length > maxCarrierBytes) return undefined
  let text: string | undefined
  for (const item of value) {
    const part = decodeItem(item)
    if (part === undefined) continue
    text = text === undefined ? part : `${text},${part}`
    if (text.length > maxCarrierBytes) return undefined
  }
  return text
}

function decodeItem(item: unknown): string | undefined {
  if (typeof item === 'string') return item.length > maxCarrierBytes ? undefined : item
  return item instanceof Uint8Array ? decode(item) : undefined
}

function decode(bytes: Uint8Array): string | undefined {
  if (bytes.byteLength > maxCarrierBytes) return undefined
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
