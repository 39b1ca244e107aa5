// At most so many sampled local roots per second, with a burst of one second's worth.
import type { Decision, HeadSampler, Question } from './sampler.ts'
import { DROP, RECORD_AND_SAMPLE } from './sampler.ts'

export class TokenBucket {
  private readonly perSecond: number
  private readonly burst: number
  private readonly now: () => number
  private tokens: number
  private filledAt: number

  /** `now` in milliseconds, monotonic. */
  constructor(perSecond: number, now: () => number) {
    this.perSecond = perSecond
    this.burst = Math.max(1, perSecond)
    this.now = now
    this.tokens = this.burst
    this.filledAt = now()
  }

  take(): boolean {
    const now = this.now()
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.filledAt) / 1e3) * this.perSecond)
    this.filledAt = now
    if (this.tokens < 1) return false
    this.tokens--
    return true
  }
}

/** Children follow their local root; a root over the cap is not sampled, whatever a caller decided. */
export class CappedSampler implements HeadSampler {
  private readonly bucket: TokenBucket
  private readonly rest: HeadSampler

  constructor(bucket: TokenBucket, rest: HeadSampler) {
    this.bucket = bucket
    this.rest = rest
  }

  get readsDetails(): boolean {
    return this.rest.readsDetails
  }

  decide(question: Question): Decision {
    const decision = this.rest.decide(question)
    if (decision !== RECORD_AND_SAMPLE) return decision
    return this.admits(question) ? decision : DROP
  }

  /** Takes a token for a local root; other spans need none. */
  admits(question: Question): boolean {
    const { parent } = question
    if (parent !== undefined && !parent.remote) return true
    if (this.bucket.take()) return true
    // The sampler below may have written its threshold: it holds for sampled spans only.
    question.traceState = parent?.traceState
    return false
  }

  toString(): string {
    return `Capped{${this.rest}}`
  }
}
