// As much of protobuf as it takes to add a field to a message that somebody else encoded.

/** Bytes of a base-128 varint. Numbers up to 2^53. */
export function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest > 127) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

/** A length-delimited field: tag, length, content. */
export function encodeField(field: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([encodeVarint(field * 8 + 2), encodeVarint(content.length), content])
}

/** The message with every occurrence of a length-delimited field replaced by `change(content, index)`. */
export function mapField(
  message: Uint8Array,
  field: number,
  change: (content: Uint8Array, index: number) => Uint8Array,
): Uint8Array {
  const parts: Uint8Array[] = []
  let at = 0
  let index = 0
  while (at < message.length) {
    const start = at
    const tag = readVarint(message, at)
    at = tag.end
    const wireType = tag.value % 8
    if (wireType === 0) at = readVarint(message, at).end
    else if (wireType === 1) at += 8
    else if (wireType === 5) at += 4
    else if (wireType !== 2) throw new Error(`unknown wire type ${wireType}`)
    else {
      const length = readVarint(message, at)
      at = length.end + length.value
      if (Math.floor(tag.value / 8) === field) {
        const content = message.subarray(length.end, at)
        const changed = change(content, index++)
        if (changed !== content) {
          parts.push(encodeField(field, changed))
          continue
        }
      }
    }
    parts.push(message.subarray(start, at))
  }
  if (at !== message.length) throw new Error('message ends within a field')
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

function readVarint(bytes: Uint8Array, start: number): { value: number; end: number } {
  let value = 0
  let scale = 1
  let end = start
  for (;;) {
    const byte = bytes[end++]
    if (byte === undefined) throw new Error('message ends within a number')
    value += (byte & 127) * scale
    if (byte < 128) return { value, end }
    scale *= 128
  }
}
