// The few protobuf messages a receiver sends: google.rpc.Status and the partial-success answer.

export function encodeStatus(code: number, message: string, retryAfterSeconds?: number): Buffer {
  const parts = [Buffer.from([0x08, ...varint(code)]), lengthDelimited(2, Buffer.from(message))]
  if (retryAfterSeconds !== undefined) {
    const delay = Buffer.from([0x08, ...varint(retryAfterSeconds)])
    const any = Buffer.concat([
      lengthDelimited(1, Buffer.from('type.googleapis.com/google.rpc.RetryInfo')),
      lengthDelimited(2, lengthDelimited(1, delay)),
    ])
    parts.push(lengthDelimited(3, any))
  }
  return Buffer.concat(parts)
}

/** `partial_success { rejected = 1, error_message = 2 }` in field 1 of every export response. */
export function encodePartialSuccess(rejected: number, message: string): Buffer {
  const inner = Buffer.concat([
    Buffer.from([0x08, ...varint(rejected)]),
    lengthDelimited(2, Buffer.from(message)),
  ])
  return lengthDelimited(1, inner)
}

function lengthDelimited(field: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(value.length)]), value])
}

function varint(value: number): number[] {
  const bytes: number[] = []
  while (value > 127) {
    bytes.push((value % 128) | 128)
    value = Math.floor(value / 128)
  }
  bytes.push(value)
  return bytes
}
