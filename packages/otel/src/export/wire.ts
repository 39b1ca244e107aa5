// Reading protobuf without definitions: enough to split requests, transcode them and understand answers.
// Everything is bounds-checked; malformed input ends the walk by throwing `RangeError`.

export interface Field {
  number: number
  /** 0 varint, 1 fixed64, 2 length-prefixed, 5 fixed32. */
  wireType: number
  /** Offset of the tag. */
  start: number
  /** Offsets of the content: the payload of a length-prefixed field, the bytes of any other. */
  from: number
  to: number
}

/** Calls `visit` for each field of the message in `bytes[from..to)`. The Field object is reused. */
export function walk(bytes: Uint8Array, from: number, to: number, visit: (field: Field) => void): void {
  let p = from
  while (p < to) {
    const field: Field = { number: 0, wireType: 0, start: p, from: 0, to: 0 }
    const tag = readVarint(bytes, p, to)
    p = tag.next
    field.number = Math.floor(tag.value / 8)
    field.wireType = tag.value % 8
    switch (field.wireType) {
      case 0:
        field.from = p
        p = readVarint(bytes, p, to).next
        break
      case 1:
        field.from = p
        p += 8
        break
      case 2: {
        const length = readVarint(bytes, p, to)
        field.from = length.next
        p = length.next + length.value
        break
      }
      case 5:
        field.from = p
        p += 4
        break
      default:
        throw new RangeError(`wire type ${field.wireType}`)
    }
    field.to = p
    if (p > to) throw new RangeError('truncated')
    visit(field)
  }
}

/** Exact up to 2^53; larger values lose precision (use `readInt64`). */
export function readVarint(bytes: Uint8Array, at: number, to: number): { value: number; next: number } {
  let value = 0
  let scale = 1
  for (let p = at; p < to && p < at + 10; p++) {
    const byte = bytes[p]!
    value += (byte & 127) * scale
    if (byte < 128) return { value, next: p + 1 }
    scale *= 128
  }
  throw new RangeError('varint')
}

export function readInt64(bytes: Uint8Array, at: number, to: number): bigint {
  let value = 0n
  let shift = 0n
  for (let p = at; p < to && p < at + 10; p++) {
    const byte = bytes[p]!
    value |= BigInt(byte & 127) << shift
    if (byte < 128) return BigInt.asIntN(64, value)
    shift += 7n
  }
  throw new RangeError('varint')
}

export function readText(bytes: Uint8Array, field: Field): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + field.from, field.to - field.from).toString('utf8')
}
