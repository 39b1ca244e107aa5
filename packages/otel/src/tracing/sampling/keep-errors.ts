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

const statusError = 2

export class KeepErrors {
  readonly slowMs: number
  readonly maxHeldSpans: number
  /** Spans started below an undecided root. */
  held = 0
  /** Local roots kept after all, and spans there was no room for. */
  kept = 0
  refused = 0
  /** Undecided local roots, oldest first. */
  readonly open = new Set<LocalTrace>()
  /** Exports one span; set by the tracer provider. */
  emit: (record: SpanRecord) => void = () => {}

  constructor(options: KeepErrorsOptions) {
    this.slowMs = options.slowMs
    this.maxHeldSpans = options.maxHeldSpans
  }

  /** A local trace for a new unsampled root; null when there is no room. */
  begin(startMs: number): LocalTrace | null {
    if (!this.reserve(startMs)) return null
    const trace = new LocalTrace(this, startMs)
    this.open.add(trace)
    return trace
  }

  /** Room for one more span. When full, the oldest root that is slow already is decided at once: kept. */
  reserve(nowMs: number): boolean {
    if (this.held >= this.maxHeldSpans) {
      const [oldest] = this.open
      if (oldest !== undefined && nowMs - oldest.startMs > this.slowMs) oldest.decide(true)
    }
    if (this.held >= this.maxHeldSpans) {
      this.refused++
      return false
    }
    this.held++
    return true
  }
}

/** One unsampled local root and what happened below it. */
export class LocalTrace {
  readonly startMs: number
  private readonly owner: KeepErrors
  /** Ended spans waiting for the verdict; null once it has been given. */
  private waiting: SpanRecord[] | null = []
  private reserved = 1
  private keep = false

  constructor(owner: KeepErrors, startMs: number) {
    this.owner = owner
    this.startMs = startMs
  }

  /** Whether a new child may be recorded. After the verdict only children of a kept trace are. */
  admit(nowMs: number): boolean {
    if (this.waiting === null) return this.keep
    if (!this.owner.reserve(nowMs)) return false
    // Making room may have decided this very trace.
    if (this.waiting === null) this.owner.held--
    else this.reserved++
    return true
  }

  /** Takes an ended span; the root's end is the verdict. */
  ended(record: SpanRecord, isRoot: boolean): void {
    if (this.waiting === null) {
      if (this.keep) this.owner.emit(record)
      return
    }
    this.waiting.push(record)
    if (isRoot) {
      this.decide(record.statusCode === statusError || record.endMs - record.startMs > this.owner.slowMs)
    }
  }

  /** A failure that is known before the root has ended. */
  keepNow(): void {
    if (this.waiting !== null) this.decide(true)
  }

  decide(keep: boolean): void {
    const waiting = this.waiting ?? []
    this.waiting = null
    this.keep = keep
    this.owner.held -= this.reserved
    this.owner.open.delete(this)
    if (!keep) return
    this.owner.kept++
    for (const record of waiting) this.owner.emit(record)
  }
}
