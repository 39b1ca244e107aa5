// Reads records the way they are on the broker, with a Fetch request of our own: no client is involved, traced or not.
import { connect } from 'node:net'

export interface WireRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** In wire order, duplicates included. */
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[]
}

/** Values of one header, as text. */
export function headerValues(record: WireRecord | undefined, name: string): string[] {
  return (record?.headers ?? []).filter(([key]) => key === name).map(([, value]) => String(value))
}

export function headerNames(record: WireRecord | undefined): string[] {
  return (record?.headers ?? []).map(([key]) => key)
}

/** Every record of a partition, transaction markers left out. */
export async function readWire(address: string, topic: string, partition = 0): Promise<WireRecord[]> {
  return decodeBatches(await fetchPartition(address, topic, partition))
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(2)
  length.writeInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

function numbers(...values: [size: 1 | 2 | 4 | 8, value: number][]): Buffer {
  return Buffer.concat(
    values.map(([size, value]) => {
      const bytes = Buffer.alloc(size)
      if (size === 8) bytes.writeBigInt64BE(BigInt(value))
      else bytes.writeIntBE(value, 0, size)
      return bytes
    }),
  )
}

/** Fetch v4 from offset 0; the answer's records of the one partition. */
function fetchPartition(address: string, topic: string, partition: number): Promise<Buffer> {
  const [host, port] = address.split(':')
  const body = Buffer.concat([
    numbers([2, 1], [2, 4], [4, 7]),
    text('wire'),
    // replica, wait, min bytes, max bytes, read committed, topics
    numbers([4, -1], [4, 0], [4, 0], [4, 64 << 20], [1, 0], [4, 1]),
    text(topic),
    numbers([4, 1], [4, partition], [8, 0], [4, 64 << 20]),
  ])
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host!, () =>
      socket.write(Buffer.concat([numbers([4, body.length]), body])),
    )
    let received = Buffer.alloc(0)
    socket.on('error', reject)
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return
      socket.end()
      // size, correlation, throttle, topic count, name, partition count, partition, error, watermark, stable, aborted
      let at = 4 + 4 + 4 + 4
      at += 2 + received.readInt16BE(at) + 4 + 4 + 2 + 8 + 8
      const aborted = received.readInt32BE(at)
      at += 4 + Math.max(0, aborted) * 16
      const length = received.readInt32BE(at)
      resolve(received.subarray(at + 4, at + 4 + Math.max(0, length)))
    })
  })
}

/** Record batches of magic 2, uncompressed. */
export function decodeBatches(bytes: Buffer): WireRecord[] {
  const records: WireRecord[] = []
  for (let at = 0; at + 61 <= bytes.length; ) {
    const end = at + 12 + bytes.readInt32BE(at + 8)
    const isControl = (bytes.readInt16BE(at + 21) & 0x20) !== 0
    const count = bytes.readInt32BE(at + 57)
    const reader = new VarintReader(bytes, at + 61)
    for (let i = 0; i < count && !isControl; i++) records.push(reader.record())
    at = end
  }
  return records
}

class VarintReader {
  private readonly bytes: Buffer
  private at: number

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes
    this.at = at
  }

  record(): WireRecord {
    this.varint()
    this.at++
    this.varint()
    this.varint()
    const key = this.blob()
    const value = this.blob()
    const headers: [string, Buffer | null][] = []
    for (let left = this.varint(); left > 0; left--) headers.push([String(this.blob()), this.blob()])
    return { key, value, headers }
  }

  private blob(): Buffer | null {
    const length = this.varint()
    if (length < 0) return null
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  /** Zigzag varint; timestamps deltas may need more than 32 bits. */
  private varint(): number {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.bytes[this.at++]!
      value |= BigInt(byte & 0x7f) << shift
      if ((byte & 0x80) === 0) return Number((value >> 1n) ^ -(value & 1n))
    }
  }
}
