// A storm of debug lines must not cost the error that explains it: each severity has a bucket of its own, one second deep.
import type { SeverityRates } from '../config/config.ts'
import { nameOfSeverity, type SeverityName } from './severities.ts'

/** How often a limit that keeps dropping is said. */
const sayEveryMs = 60_000

interface Bucket {
  readonly perSecond: number
  tokens: number
  filledAtMs: number
  dropped: number
  saidAtMs: number
}

export interface RateLimitOptions {
  readonly rates: SeverityRates
  /** `dropped`: since it was said last. */
  say(severity: SeverityName, perSecond: number, dropped: number): void
}

export class RateLimit {
  private readonly buckets = new Map<SeverityName, Bucket>()
  private readonly options: RateLimitOptions
  /** Records refused since the start. */
  refused = 0

  constructor(options: RateLimitOptions) {
    this.options = options
    for (const [severity, perSecond] of Object.entries(options.rates) as [SeverityName, number][]) {
      this.buckets.set(severity, {
        perSecond,
        tokens: Math.max(1, perSecond),
        filledAtMs: Number.NEGATIVE_INFINITY,
        dropped: 0,
        saidAtMs: Number.NEGATIVE_INFINITY,
      })
    }
  }

  /** Whether `take` would pass now; a refusal is counted, because nobody asks twice about one record. */
  isOpen(severityNumber: number | undefined, nowMs: number): boolean {
    const bucket = this.bucketOf(severityNumber)
    if (bucket === undefined) return true
    fill(bucket, nowMs)
    if (bucket.tokens >= 1) return true
    this.refuse(bucket, severityNumber, nowMs)
    return false
  }

  /** Uses up one record's share; false: drop it. */
  take(severityNumber: number | undefined, nowMs: number): boolean {
    const bucket = this.bucketOf(severityNumber)
    if (bucket === undefined) return true
    if (!this.isOpen(severityNumber, nowMs)) return false
    bucket.tokens--
    return true
  }

  private bucketOf(severityNumber: number | undefined): Bucket | undefined {
    if (this.buckets.size === 0) return undefined
    const name = nameOfSeverity(severityNumber)
    return name === undefined ? undefined : this.buckets.get(name)
  }

  private refuse(bucket: Bucket, severityNumber: number | undefined, nowMs: number): void {
    this.refused++
    bucket.dropped++
    if (nowMs - bucket.saidAtMs < sayEveryMs) return
    bucket.saidAtMs = nowMs
    this.options.say(nameOfSeverity(severityNumber) as SeverityName, bucket.perSecond, bucket.dropped)
    bucket.dropped = 0
  }
}

function fill(bucket: Bucket, nowMs: number): void {
  const passedMs = nowMs - bucket.filledAtMs
  bucket.filledAtMs = nowMs
  // A limit of 0 lets nothing through.
  const room = bucket.perSecond === 0 ? 0 : Math.max(1, bucket.perSecond)
  if (passedMs > 0)
    bucket.tokens = Math.min(room, bucket.tokens + (Math.min(passedMs, 1000) * bucket.perSecond) / 1000)
  else bucket.tokens = Math.min(room, bucket.tokens)
}
