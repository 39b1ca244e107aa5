// The spans that have begun and not ended, for the end of the process. A table of slots, of which a record keeps its
// number: 10 ns a span (Node 20 and 24). A list through the records costs 25 (three more fields, six writes that the garbage
// collector follows), a Set 100.
import type { LeanSpan, SpanRecord } from './span.ts'

/** A request in flight has a handful. A program that never ends its spans keeps at most these alive: about 10 MB. */
export const maxOpenSpans = 10_000

/** Who will put more on a span when it ends than it has now: the exchange of an HTTP request. */
export interface SpanOwner {
  readonly span: LeanSpan
  /** Puts on the span what is known of its end, for whoever ends it in the owner's place. */
  describeUnfinished(): void
}

export class OpenSpans {
  /** Still open, but no longer known here: there were too many. */
  displaced = 0
  private readonly slots: (LeanSpan | SpanOwner | null)[] = []
  private readonly free: number[] = []
  private readonly capacity: number
  private readonly onFull: () => void

  constructor(onFull: () => void, capacity = maxOpenSpans) {
    this.onFull = onFull
    this.capacity = capacity
  }

  get size(): number {
    return this.slots.length - this.free.length
  }

  add(span: LeanSpan, record: SpanRecord): void {
    const { free, slots } = this
    if (free.length > 0) {
      record.slot = free.pop() as number
      slots[record.slot] = span
      return
    }
    if (slots.length >= this.capacity) this.makeRoom()
    record.slot = slots.length
    slots.push(span)
  }

  /** The owner stands for its span from here on. */
  own(record: SpanRecord, owner: SpanOwner): void {
    if (record.slot >= 0) this.slots[record.slot] = owner
  }

  /** To be called once for each that was added. */
  remove(record: SpanRecord): void {
    const { slot } = record
    if (slot < 0) {
      this.displaced--
      return
    }
    this.slots[slot] = null
    this.free.push(slot)
  }

  /** Oldest first. */
  list(): (LeanSpan | SpanOwner)[] {
    return this.slots.filter(held => held !== null).sort((a, b) => startOf(a) - startOf(b))
  }

  /** A tenth at a time, the oldest: one sort for many spans. */
  private makeRoom(): void {
    if (this.displaced === 0) this.onFull()
    const kept = this.list()
    for (const held of kept.splice(0, Math.ceil(this.capacity / 10))) {
      recordOf(held).slot = -1
      this.displaced++
    }
    this.free.length = 0
    this.slots.length = 0
    for (const held of kept) {
      recordOf(held).slot = this.slots.length
      this.slots.push(held)
    }
  }
}

export function spanOfHeld(held: LeanSpan | SpanOwner): LeanSpan {
  return 'span' in held ? held.span : held
}

function recordOf(held: LeanSpan | SpanOwner): SpanRecord {
  return spanOfHeld(held).record as SpanRecord
}

function startOf(held: LeanSpan | SpanOwner): number {
  return recordOf(held).startMs
}
