// OTLP JSON -> the same plain objects as the protobuf decoder gives, from the same table.
// JSON mapping: camelCase names, ids as hex, 64-bit integers as strings or numbers, enums as integers, bytes as base64.
import { limits as defaults, type Limits } from './limits.ts'
import { Rejection } from './rejection.ts'
import type { Decoded, Field, Message, Scalar } from './schema.ts'

/** Decodes a JSON text as `message`. Unknown fields are ignored. Throws `Rejection` with the field path. */
export function decodeJson(text: string, message: Message, limits: Limits = defaults): Decoded {
  checkShape(text, limits)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's message quotes the input; say only that it is not JSON.
    throw new Rejection('malformed', 'request: not valid JSON')
  }
  return readMessage(value, message, 'request')
}

/** Bounds depth and number of values before `JSON.parse` allocates them. */
function checkShape(text: string, limits: Limits): void {
  let depth = 0
  let values = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 34) {
      // A string: jump to its closing quote.
      i++
      while (i < text.length && text.charCodeAt(i) !== 34) i += text.charCodeAt(i) === 92 ? 2 : 1
    } else if (c === 123 || c === 91) {
      values++
      // Each AnyValue in an ArrayValue is four brackets deep in JSON, and the frame around a span is ten.
      if (++depth > limits.depth * 4 + 16) throw new Rejection('malformed', 'request: too deeply nested')
    } else if (c === 125 || c === 93) depth--
    else if (c === 44) values++
    if (values > limits.items * 4) {
      throw new Rejection('too large', `more than ${limits.items * 4} values in one request`)
    }
  }
}

function readMessage(value: unknown, message: Message, path: string): Decoded {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(path, 'expected an object')
  const source = value as Record<string, unknown>
  const result: Decoded = {}
  for (const key of Object.keys(source)) {
    const raw = source[key]
    if (raw === null) continue
    const field = message.byName.get(key) ?? message.byName.get(toCamel(key))
    if (field === undefined) continue
    const where = path === 'request' ? field.name : `${path}.${field.name}`
    if (field.repeated) {
      if (!Array.isArray(raw)) refuse(where, 'expected a list')
      result[field.name] = raw.map((item, i) => readValue(item, field, `${where}[${i}]`))
    } else {
      result[field.name] = readValue(raw, field, where)
    }
  }
  return result
}

function readValue(raw: unknown, field: Field, path: string): unknown {
  return field.message === undefined
    ? readScalar(raw, field.scalar!, path)
    : readMessage(raw, field.message, path)
}

function readScalar(raw: unknown, scalar: Scalar, path: string): unknown {
  switch (scalar) {
    case 'string':
      if (typeof raw !== 'string') refuse(path, 'expected a string')
      return raw
    case 'id':
      if (typeof raw !== 'string' || !/^(?:[0-9a-f]{2})*$/i.test(raw)) refuse(path, 'expected hex digits')
      return (raw as string).toLowerCase()
    case 'bytes':
      if (typeof raw !== 'string' || !/^[\w+/-]*={0,2}$/.test(raw)) refuse(path, 'expected base64')
      return new Uint8Array(Buffer.from(raw as string, 'base64'))
    case 'bool':
      if (typeof raw !== 'boolean') refuse(path, 'expected true or false')
      return raw
    case 'double':
      return readDouble(raw, path)
    case 'enum':
    case 'uint32':
    case 'sint32':
    case 'fixed32': {
      const value = readInteger(raw, path)
      const [low, high] = scalar === 'sint32' ? [-(2n ** 31n), 2n ** 31n - 1n] : [0n, 2n ** 32n - 1n]
      if (value < low || value > high) refuse(path, 'out of range')
      return Number(value)
    }
    case 'int64':
    case 'sfixed64': {
      const value = readInteger(raw, path)
      if (BigInt.asIntN(64, value) !== value) refuse(path, 'out of range')
      return value
    }
    case 'uint64':
    case 'fixed64': {
      const value = readInteger(raw, path)
      if (BigInt.asUintN(64, value) !== value) refuse(path, 'out of range')
      return value
    }
  }
}

function readInteger(raw: unknown, path: string): bigint {
  if (typeof raw === 'number' && Number.isInteger(raw)) return BigInt(raw)
  if (typeof raw === 'string' && /^-?\d{1,20}$/.test(raw)) return BigInt(raw)
  return refuse(path, 'expected an integer')
}

function readDouble(raw: unknown, path: string): number {
  if (typeof raw === 'number') return raw
  if (raw === 'NaN' || raw === 'Infinity' || raw === '-Infinity') return Number(raw)
  if (typeof raw === 'string' && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(raw)) return Number(raw)
  return refuse(path, 'expected a number')
}

/** Parsers must also accept the proto name: `resource_spans` for `resourceSpans`. */
function toCamel(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function refuse(path: string, what: string): never {
  throw new Rejection('malformed', `${path}: ${what}`)
}
