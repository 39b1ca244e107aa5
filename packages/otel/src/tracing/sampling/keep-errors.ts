// `keep-errors`: an unsampled local root is recorded all the same, with the spans below it, and thrown away at its end,
// unless it ended in an error or ran too long: then all of it is exported, marked sampled. Other processes were told "not
// sampled" long before, so what is kept is this process's part of the trace (docs/sampling.md).
import type { SpanRecord } from '../span.ts'

export interface KeepErrorsOptions {
  /** A local root that runs longer is kept. */
  slowMs: number
  /** Spans held at one time, over all traces; beyond it further spans are not recorded. */
  maxHeldSpans: number
}

export class KeepErrors {
  readonly slowMs: number
  readonly maxHeldSpans: number
  /** Spans started and not yet decided. */
  held = 0
  /** Local roots kept after all, and spans that could not be held. */
  kept = 0
  refused = 0

  constructor(options: KeepErrorsOptions) {
    this.slowMs = options.slowMs
    this.maxHeldSpans = options.maxHeldSpans
  }

  /** Room for one more span; counted until its local root ends. */
  reserve(): boolean {
    if (this.held >= this.maxHeldSpans) {
      this.refused++
      return false
    }
    this.held++
    return true
  }

  open(): LocalTrace | null {
    return this.reserve() ? new LocalTrace(this) : null
  }
}

const none: readonly SpanRecord[] = []

/** One unsampled local root and what happened below it. */
export class LocalTrace {
  readonly owner: KeepErrors
  /** Ended spans waiting for the verdict; null once it has been given. */
  private waiting: SpanRecord[] | null = []
  private reserved = 1
  private keep = false

  constructor(owner: KeepErrors) {
    this.owner = owner
  }

  /** Whether a new child may be recorded. After the root has ended only children of a kept trace are. */
  admit(): boolean {
    if (this.waiting === null) return this.keep
    if (!this.owner.reserve()) return false
    this.reserved++
    return true
  }

  /** Takes an ended span and returns those that are to be exported now. */
  ended(record: SpanRecord, isRoot: boolean): readonly SpanRecord[] {
    if (this.waiting === null) return this.keep ? [record] : none
    this.waiting.push(record)
    if (!isRoot) return none
    const all = this.waiting
    this.waiting = null
    this.owner.held -= this.reserved
    this.keep = record.statusCode === 2 || record.endMs - record.startMs > this.owner.slowMs
    if (!this.keep) return none
    this.owner.kept++
    return all
  }
}
