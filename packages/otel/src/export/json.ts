// Protobuf request bytes -> OTLP/JSON. Driven by the tables, so a field exists in JSON exactly when it has a row.
import type { Signal } from '../config/config.ts'
import { type FieldRow, type Message, requests } from './otlp-schema.ts'
import { type Field, readInt64, readText, readVarint, walk } from './wire.ts'

type Json = string | number | boolean | Json[] | { [key: string]: Json }

/** The request as a plain object that `JSON.stringify` turns into OTLP/JSON. */
export function transcode(signal: Signal, bytes: Uint8Array): { [key: string]: Json } {
  return readMessage(bytes, 0, bytes.length, requests[signal])
}

function readMessage(bytes: Uint8Array, from: number, to: number, message: Message): { [key: string]: Json } {
  const out: { [key: string]: Json } = {}
  walk(bytes, from, to, field => {
    const row = message[field.number]
    if (row === undefined) return
    if (row.repeated !== true) {
      out[row.name] = readValue(bytes, field, row)
      return
    }
    let list = out[row.name] as Json[] | undefined
    if (list === undefined) out[row.name] = list = []
    if (field.wireType === 2 && typeof row.type === 'string' && row.type !== 'string') {
      readPacked(bytes, field, row, list)
    } else list.push(readValue(bytes, field, row))
  })
  return out
}

function readValue(bytes: Uint8Array, field: Field, row: FieldRow): Json {
  const { type } = row
  if (typeof type === 'object') return readMessage(bytes, field.from, field.to, type)
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (type) {
    case 'string':
      return readText(bytes, field)
    case 'bytes':
      return buffer.toString('base64', field.from, field.to)
    case 'id':
      return buffer.toString('hex', field.from, field.to)
    case 'bool':
      return readVarint(bytes, field.from, field.to).value !== 0
    case 'uint32':
      return readVarint(bytes, field.from, field.to).value
    case 'sint32': {
      const { value } = readVarint(bytes, field.from, field.to)
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
    case 'int64':
      return String(readInt64(bytes, field.from, field.to))
    case 'fixed64':
      return String(buffer.readBigUInt64LE(field.from))
    case 'sfixed64':
      return String(buffer.readBigInt64LE(field.from))
    case 'fixed32':
      return buffer.readUInt32LE(field.from)
    case 'double': {
      const value = buffer.readDoubleLE(field.from)
      // JSON has no NaN and no infinities; the protobuf mapping spells them.
      return Number.isFinite(value) ? value : String(value)
    }
  }
}

function readPacked(bytes: Uint8Array, field: Field, row: FieldRow, list: Json[]): void {
  const wide = row.type === 'double' || row.type === 'fixed64' || row.type === 'sfixed64'
  let p = field.from
  while (p < field.to) {
    const next = wide ? p + 8 : readVarint(bytes, p, field.to).next
    if (next > field.to) throw new RangeError('truncated')
    list.push(readValue(bytes, { ...field, from: p, to: next }, row))
    p = next
  }
}
