// Protobuf bytes -> plain objects, driven by the schema table. Every length is checked against the enclosing message
// before it is used, so arbitrary bytes give a Rejection and nothing else.
import { limits as defaults, type Limits } from './limits.ts'
import { Rejection } from './rejection.ts'
import { type Decoded, type Field, type Message, type Scalar, scalars } from './schema.ts'

/** Decodes `bytes` as `message`. Unknown fields are skipped, as the protocol asks. Throws `Rejection` with the field path. */
export function decodeProtobuf(bytes: Uint8Array, message: Message, limits: Limits = defaults): Decoded {
  const decoder = new Decoder(bytes, limits)
  return decoder.message(message, bytes.length, 0)
}

class Decoder {
  private readonly buffer: Buffer
  private readonly limits: Limits
  private readonly path: string[] = []
  private at = 0
  private items = 0

  constructor(bytes: Uint8Array, limits: Limits) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.limits = limits
  }

  message(message: Message, end: number, depth: number): Decoded {
    // An AnyValue in an ArrayValue costs two levels, and the request frame costs five.
    if (depth > this.limits.depth * 2 + 8) this.refuse('too deeply nested')
    const result: Decoded = {}
    while (this.at < end) {
      const tag = this.varint32(end)
      const number = tag >>> 3
      const wire = tag & 7
      if (number === 0) this.refuse('field number 0')
      const field = message.byNumber.get(number)
      if (field === undefined) this.skip(wire, end)
      else this.field(result, field, wire, end, depth)
    }
    return result
  }

  private field(into: Decoded, field: Field, wire: number, end: number, depth: number): void {
    const list = field.repeated ? ((into[field.name] as unknown[] | undefined) ?? []) : undefined
    if (list !== undefined) into[field.name] = list
    this.path.push(list === undefined ? field.name : `${field.name}[${list.length}]`)
    if (field.message !== undefined) {
      if (wire !== 2) this.refuse(`wire type ${wire}, expected 2`)
      this.count()
      const value = this.message(field.message, this.length(end), depth + 1)
      if (list === undefined) into[field.name] = value
      else list.push(value)
    } else {
      const scalar = field.scalar!
      const expected = scalars[scalar]
      if (list !== undefined && wire === 2 && expected !== 2) {
        const stop = this.length(end)
        while (this.at < stop) {
          this.count()
          list.push(this.scalar(scalar, stop))
        }
      } else {
        if (wire !== expected) this.refuse(`wire type ${wire}, expected ${expected}`)
        const value = this.scalar(scalar, end)
        if (list === undefined) into[field.name] = value
        else {
          this.count()
          list.push(value)
        }
      }
    }
    this.path.pop()
  }

  private scalar(scalar: Scalar, end: number): unknown {
    switch (scalar) {
      case 'string':
        return this.take(this.length(end)).toString('utf8')
      case 'bytes':
        return new Uint8Array(this.take(this.length(end)))
      case 'id':
        return this.take(this.length(end)).toString('hex')
      case 'bool':
        return this.varint64(end) !== 0n
      case 'enum':
      case 'uint32':
        return Number(BigInt.asUintN(32, this.varint64(end)))
      case 'sint32': {
        const raw = Number(BigInt.asUintN(32, this.varint64(end)))
        return (raw >>> 1) ^ -(raw & 1)
      }
      case 'int64':
        return BigInt.asIntN(64, this.varint64(end))
      case 'uint64':
        return this.varint64(end)
      case 'fixed64':
        return this.fixed(8, end).readBigUInt64LE(0)
      case 'sfixed64':
        return this.fixed(8, end).readBigInt64LE(0)
      case 'double':
        return this.fixed(8, end).readDoubleLE(0)
      case 'fixed32':
        return this.fixed(4, end).readUInt32LE(0)
    }
  }

  private skip(wire: number, end: number): void {
    if (wire === 0) this.varint64(end)
    else if (wire === 1) this.fixed(8, end)
    else if (wire === 2) this.at = this.length(end)
    else if (wire === 5) this.fixed(4, end)
    else this.refuse(`wire type ${wire}`)
  }

  /** Reads a length and returns where the value ends. */
  private length(end: number): number {
    const length = this.varint32(end)
    if (length > end - this.at) this.refuse(`length ${length} runs past the end of the message`)
    return this.at + length
  }

  private take(stop: number): Buffer {
    const part = this.buffer.subarray(this.at, stop)
    this.at = stop
    return part
  }

  private fixed(size: number, end: number): Buffer {
    if (end - this.at < size) this.refuse('truncated')
    return this.take(this.at + size)
  }

  private varint32(end: number): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.at >= end) this.refuse('truncated')
      const byte = this.buffer[this.at++]!
      value += (byte & 127) * 2 ** shift
      if (byte < 128) {
        if (value > 0xffff_ffff) break
        return value
      }
    }
    return this.refuse('varint does not fit 32 bits')
  }

  private varint64(end: number): bigint {
    // Most varints are one byte; the bigint loop is for the rest.
    if (this.at < end && this.buffer[this.at]! < 128) return BigInt(this.buffer[this.at++]!)
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.at >= end) this.refuse('truncated')
      const byte = this.buffer[this.at++]!
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return BigInt.asUintN(64, value)
    }
    return this.refuse('varint longer than 10 bytes')
  }

  private count(): void {
    if (++this.items > this.limits.items) {
      throw new Rejection('too large', `more than ${this.limits.items} items in one request`)
    }
  }

  private refuse(what: string): never {
    const where = this.path.length === 0 ? 'request' : this.path.slice(0, 24).join('.')
    throw new Rejection('malformed', `${where}: ${what} (byte ${this.at})`)
  }
}
