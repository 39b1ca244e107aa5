// Exemplar reservoirs of the metrics SDK specification: one measurement per bucket for explicit-bucket histograms,
// a fixed number otherwise; chosen uniformly, except that a failed operation is never given up for a good one.
import type { Attributes } from '@opentelemetry/api'

export interface Held {
  value: number
  /** Milliseconds since the epoch. */
  timeMs: number
  /** Empty when the measurement was made outside of any span (filter `always_on`). */
  traceId: string
  spanId: string
  isError: boolean
  /** As the application gave them; a copy. */
  attributes: Attributes
}

export class Reservoir {
  readonly slots: (Held | undefined)[]
  /** Per bucket (a fixed-size reservoir has one): which measurement takes a slot next, and how many come before it. */
  private readonly next: number[]
  private readonly wait: number[]
  private readonly boundaries: readonly number[] | undefined
  private readonly random: () => number
  /** Readers that have been given these exemplars. */
  readonly reportedTo: object[] = []

  /** With `boundaries`: one slot per bucket. Without: `size` slots for all. */
  constructor(boundaries: readonly number[] | undefined, size: number, random: () => number = Math.random) {
    const isAligned = boundaries !== undefined && boundaries.length > 0
    const buckets = isAligned ? boundaries.length + 1 : 1
    this.boundaries = isAligned ? boundaries : undefined
    this.slots = new Array(isAligned ? buckets : size).fill(undefined)
    this.next = new Array(buckets).fill(1)
    this.wait = new Array(buckets).fill(1)
    this.random = random
  }

  /** The slot this measurement takes, or -1. Counts it in any case. */
  choose(value: number, isError: boolean): number {
    const { boundaries } = this
    let bucket = 0
    if (boundaries !== undefined) while (bucket < boundaries.length && value > boundaries[bucket]!) bucket++
    const wait = --this.wait[bucket]!
    // Nearly all measurements end here: who is next was drawn when the last one was taken.
    if (wait > 0 && !isError) return -1
    return boundaries === undefined
      ? this.takeAny(wait <= 0, isError)
      : this.takeBucket(bucket, wait <= 0, isError)
  }

  private takeBucket(bucket: number, isNext: boolean, isError: boolean): number {
    if (isNext) this.draw(bucket, 1)
    const held = this.slots[bucket]
    if (held === undefined || held.isError === isError) return isNext ? bucket : -1
    return isError ? bucket : -1
  }

  private takeAny(isNext: boolean, isError: boolean): number {
    const { slots } = this
    const count = this.next[0]!
    if (count <= slots.length) {
      // Filling up: every measurement is taken.
      if (count < slots.length) this.expect(0, count + 1)
      else this.draw(0, slots.length)
      return count - 1
    }
    if (isNext) this.draw(0, slots.length)
    if (isError) {
      const good = slots.findIndex(held => held?.isError !== true)
      if (good >= 0) return good
    }
    if (!isNext) return -1
    const at = Math.floor(this.random() * slots.length)
    return isError || slots[at]?.isError !== true ? at : -1
  }

  // Of i measurements each is kept with k/i when, after the n-th was taken, the next to be taken comes after the i-th
  // with P = (n/i)^k (exact for one slot, off by less than 1/n otherwise): one random number per taken measurement
  // instead of one per measurement.
  private draw(bucket: number, size: number): void {
    const middle = (size - 1) / 2
    const count = this.next[bucket]!
    this.expect(bucket, Math.floor((count - middle) * (1 - this.random()) ** (-1 / size) + middle) + 1)
  }

  private expect(bucket: number, next: number): void {
    this.wait[bucket] = next - this.next[bucket]!
    this.next[bucket] = next
  }

  put(slot: number, held: Held): void {
    this.slots[slot] = held
  }

  /** Of two intervals not yet reported: the newer, unless the older failed. */
  static join(older: Reservoir, newer: Reservoir): Reservoir {
    const joined = new Reservoir(newer.boundaries, newer.slots.length, newer.random)
    for (let i = 0; i < joined.slots.length; i++) {
      const [a, b] = [older.slots[i], newer.slots[i]]
      joined.slots[i] = a !== undefined && (b === undefined || (a.isError && !b.isError)) ? a : b
    }
    return joined
  }
}
