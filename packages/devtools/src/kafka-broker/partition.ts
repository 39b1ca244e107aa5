// One partition: an append-only list of batches, and what idempotence and transactions need to know about it.
import { errors } from './errors.ts'
import { type BatchHeader, buildMarker, readHeader } from './record-batch.ts'

interface StoredBatch {
  readonly first: bigint
  readonly last: bigint
  readonly maxTimestamp: bigint
  readonly bytes: Buffer
}

interface ProducerState {
  epoch: number
  nextSequence: number
  /** The last batches, to answer a resend with the first answer. */
  recent: { sequence: number; offset: bigint }[]
}

export interface AbortedTransaction {
  readonly producerId: bigint
  readonly first: bigint
  readonly last: bigint
}

const rememberedBatches = 5
const rememberedProducers = 1000

export class Partition {
  /** The oldest offset still held. */
  start = 0n
  /** The offset the next record gets: the high watermark, as there is one broker. */
  end = 0n
  bytes = 0
  private batches: StoredBatch[] = []
  private aborted: AbortedTransaction[] = []
  // First offset of each open transaction, by producer.
  private readonly open = new Map<bigint, bigint>()
  private readonly producers = new Map<bigint, ProducerState>()

  /** The last stable offset: everything before it belongs to no open transaction. */
  get stable(): bigint {
    let stable = this.end
    for (const first of this.open.values()) if (first < stable) stable = first
    return stable
  }

  /** Appends produced batches; the answer is the error code and the offset of the first record. */
  produce(batches: readonly Buffer[]): { error: number; offset: bigint } {
    let offset = -1n
    for (const bytes of batches) {
      const header = readHeader(bytes)
      const known = this.checkSequence(header)
      if (known.error !== errors.none) return { error: known.error, offset: -1n }
      const at = known.duplicate ?? this.append(bytes, header)
      if (offset < 0n) offset = at
    }
    return { error: errors.none, offset }
  }

  /** Ends a producer's transaction here; nothing happens if it wrote nothing here. */
  endTransaction(producerId: bigint, epoch: number, commit: boolean): void {
    const first = this.open.get(producerId)
    if (first === undefined) return
    this.open.delete(producerId)
    const bytes = buildMarker(producerId, epoch, commit)
    const last = this.append(bytes, readHeader(bytes))
    if (!commit) this.aborted.push({ producerId, first, last })
  }

  /** Batches that hold `offset` and later ones, below `limit`; at least one, if there is one, whatever its size. */
  read(offset: bigint, limit: bigint, maxBytes: number): Buffer[] {
    const found: Buffer[] = []
    let size = 0
    for (let i = this.indexOf(offset); i < this.batches.length; i++) {
      const batch = this.batches[i]!
      if (batch.first >= limit) break
      if (size > 0 && size + batch.bytes.length > maxBytes) break
      found.push(batch.bytes)
      size += batch.bytes.length
    }
    return found
  }

  /** Aborted transactions a reader from `offset` may meet. */
  abortedFrom(offset: bigint): AbortedTransaction[] {
    return this.aborted.filter(transaction => transaction.last >= offset)
  }

  /** First offset of the first batch that is not older; -1 when all are. (Batches are not opened, so not the exact record.) */
  offsetAt(timestamp: bigint): { offset: bigint; timestamp: bigint } {
    const batch = this.batches.find(candidate => candidate.maxTimestamp >= timestamp)
    return batch === undefined
      ? { offset: -1n, timestamp: -1n }
      : { offset: batch.first, timestamp: batch.maxTimestamp }
  }

  /** Forgets the oldest batch; false when there is none. */
  dropOldest(): boolean {
    const oldest = this.batches.shift()
    if (oldest === undefined) return false
    this.bytes -= oldest.bytes.length
    this.start = this.batches[0]?.first ?? this.end
    this.aborted = this.aborted.filter(transaction => transaction.last >= this.start)
    return true
  }

  /** Forgets everything below `offset`. */
  dropBefore(offset: bigint): void {
    while (this.batches.length > 0 && this.batches[0]!.last < offset) this.dropOldest()
    if (offset > this.start) this.start = offset
  }

  private append(bytes: Buffer, header: BatchHeader): bigint {
    const first = this.end
    bytes.writeBigInt64BE(first, 0)
    this.end += BigInt(header.recordCount)
    const { maxTimestamp, producerId } = header
    this.batches.push({ first, last: this.end - 1n, maxTimestamp, bytes })
    this.bytes += bytes.length
    if (header.transactional && !header.control && !this.open.has(producerId))
      this.open.set(producerId, first)
    return first
  }

  private checkSequence(header: BatchHeader): { error: number; duplicate?: bigint } {
    if (header.producerId < 0n || header.baseSequence < 0) return { error: errors.none }
    let state = this.producers.get(header.producerId)
    if (state !== undefined && header.producerEpoch < state.epoch)
      return { error: errors.invalidProducerEpoch }
    if (state === undefined || header.producerEpoch > state.epoch) {
      // A producer we do not know (any more) may go on from where it is.
      state = { epoch: header.producerEpoch, nextSequence: header.baseSequence, recent: [] }
      this.producers.set(header.producerId, state)
      if (this.producers.size > rememberedProducers) {
        this.producers.delete(this.producers.keys().next().value!)
      }
    }
    const duplicate = state.recent.find(batch => batch.sequence === header.baseSequence)
    if (duplicate !== undefined) return { error: errors.none, duplicate: duplicate.offset }
    if (header.baseSequence !== state.nextSequence) return { error: errors.outOfOrderSequence }
    state.nextSequence = (header.baseSequence + header.recordCount) % 2 ** 31
    state.recent.push({ sequence: header.baseSequence, offset: this.end })
    if (state.recent.length > rememberedBatches) state.recent.shift()
    return { error: errors.none }
  }

  private indexOf(offset: bigint): number {
    let low = 0
    let high = this.batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.batches[middle]!.last < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
