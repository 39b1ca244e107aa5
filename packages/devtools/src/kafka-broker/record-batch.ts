// Record batches (message format v2) are stored as they came: only the base offset is rewritten, which the checksum
// does not cover. So keys, headers, order and compression survive exactly.
import { Writer } from './wire.ts'

export interface BatchHeader {
  readonly recordCount: number
  readonly transactional: boolean
  readonly control: boolean
  readonly maxTimestamp: bigint
  /** -1 without idempotence. */
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
}

const headerBytes = 61
const lengthPrefixBytes = 12

/** Splits a produced blob into batches; undefined when it is not whole, correct batches of format v2. */
export function splitBatches(blob: Buffer): Buffer[] | undefined {
  const batches: Buffer[] = []
  let at = 0
  while (at < blob.length) {
    if (blob.length - at < headerBytes) return undefined
    const end = at + lengthPrefixBytes + blob.readInt32BE(at + 8)
    if (end > blob.length || end < at + headerBytes) return undefined
    const batch = blob.subarray(at, end)
    if (batch[16] !== 2 || batch.readUInt32BE(17) !== crc32c(batch.subarray(21))) return undefined
    // A copy: the frame it came in must not stay in memory with it.
    batches.push(Buffer.from(batch))
    at = end
  }
  return batches
}

export function readHeader(batch: Buffer): BatchHeader {
  const attributes = batch.readInt16BE(21)
  return {
    recordCount: batch.readInt32BE(23) + 1,
    transactional: (attributes & 0x10) !== 0,
    control: (attributes & 0x20) !== 0,
    maxTimestamp: batch.readBigInt64BE(35),
    producerId: batch.readBigInt64BE(43),
    producerEpoch: batch.readInt16BE(51),
    baseSequence: batch.readInt32BE(53),
  }
}

/** The marker that ends a transaction in a partition: one control record. */
export function buildMarker(producerId: bigint, producerEpoch: number, commit: boolean): Buffer {
  // attributes, timestamp delta, offset delta, key length 4, key (version, type), value length 6, value, no headers
  const record = Buffer.from([0, 0, 0, 8, 0, 0, 0, commit ? 1 : 0, 12, 0, 0, 0, 0, 0, 0, 0])
  const now = BigInt(Date.now())
  const transactionalControl = 0x30
  const checked = new Writer()
    .int16(transactionalControl)
    .int32(0)
    .int64(now)
    .int64(now)
    .int64(producerId)
    .int16(producerEpoch)
    .int32(-1)
    .int32(1)
    .int8(record.length << 1)
    .raw(record)
    .toBuffer()
  return new Writer()
    .int64(0n)
    .int32(4 + 1 + 4 + checked.length)
    .int32(0)
    .int8(2)
    .uint32(crc32c(checked))
    .raw(checked)
    .toBuffer()
}

const crcTable = Uint32Array.from({ length: 256 }, (_, i) => {
  let value = i
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value >>> 0
})

/** CRC-32C (Castagnoli), the checksum of record batches. */
export function crc32c(bytes: Buffer): number {
  let crc = 0xffff_ffff
  for (let i = 0; i < bytes.length; i++) crc = crcTable[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8)
  return (crc ^ 0xffff_ffff) >>> 0
}
