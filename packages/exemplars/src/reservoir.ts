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
  /** How many measurements each bucket saw; of a fixed-size reservoir only the first counts. */
  private readonly seen: number[]
  private readonly boundaries: readonly number[] | undefined
  private readonly random: () => number
  /** Readers that have been given these exemplars. */
  readonly reportedTo: object[] = []

  /** With `boundaries`: one slot per bucket. Without: `size` slots for all. */
  constructor(boundaries: readonly number[] | undefined, size: number, random: () => number = Math.random) {
    const isAligned = boundaries !== undefined && boundaries.length > 0
    this.boundaries = isAligned ? boundaries : undefined
    this.slots = new Array(isAligned ? boundaries.length + 1 : size).fill(undefined)
    this.seen = new Array(isAligned ? boundaries.length + 1 : 1).fill(0)
    this.random = random
  }

  /** The slot this measurement takes, or -1. Counts it in any case. */
  choose(value: number, isError: boolean): number {
    const { boundaries, slots, seen } = this
    if (boundaries !== undefined) {
      let bucket = 0
      while (bucket < boundaries.length && value > boundaries[bucket]!) bucket++
      const count = ++seen[bucket]!
      const held = slots[bucket]
      if (held === undefined) return bucket
      if (held.isError !== isError) return isError ? bucket : -1
      return this.random() * count < 1 ? bucket : -1
    }
    const count = ++seen[0]!
    if (count <= slots.length) return count - 1
    const at = Math.floor(this.random() * count)
    if (isError) {
      const good = slots.findIndex(held => held?.isError !== true)
      if (good >= 0) return good
    }
    return at < slots.length && (isError || slots[at]?.isError !== true) ? at : -1
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
