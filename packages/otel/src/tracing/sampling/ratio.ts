// A share of the traces, by trace id. Two algorithms, because two kinds of peers have to agree with us:
// - Ids known to be random (ours, those whose caller set W3C level 2's flag, and those that come with a threshold, which
//   somebody has compared them with already) are compared as the specification's probability sampling says: the last 56 bits
//   against a threshold, which then travels as `tracestate: ot=th:...`, so that Collectors and other services can sample
//   further and count right. https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
// - All other ids, and `traceidratio` without a parent-based sampler around it, are decided exactly as upstream's
//   TraceIdRatioBasedSampler does, bit for bit: services that decide each for themselves keep the same traces.
import type { TraceState } from '@opentelemetry/api'
import { isHex } from '../ids.ts'
import { LeanTraceState } from '../propagation/trace-state.ts'
import { type Decision, DROP, type HeadSampler, type Question, RECORD_AND_SAMPLE } from './sampler.ts'

// Digits of the threshold after its leading f's: what the Collector's sampler prints, too.
const precision = 4

export class RatioSampler implements HeadSampler {
  readonly readsDetails = false
  /** Decide by threshold where the id allows it. */
  readonly consistent: boolean
  private ratio = 0
  /** Upstream's bound over the exclusive or of the id's words. */
  private bound = 0
  /** The threshold's upper 24 and lower 32 bits, and its text. */
  private high = 0
  private low = 0
  private th = ''
  private rootState: TraceState | undefined

  constructor(ratio: number, consistent: boolean) {
    this.consistent = consistent
    this.setRatio(ratio)
  }

  getRatio(): number {
    return this.ratio
  }

  /** 0 to 1; may be called while the process runs. */
  setRatio(ratio: number): void {
    this.ratio = ratio >= 1 ? 1 : Math.max(ratio, 0)
    this.bound = this.ratio === 1 ? 4294967296 : Math.floor(this.ratio * 4294967295)
    const { threshold, text } = thresholdOf(this.ratio)
    this.high = Number(threshold >> 32n)
    this.low = Number(threshold & 0xffffffffn)
    this.th = text
    // At 1 there is nothing to correct for, and no header worth sending.
    this.rootState = this.ratio < 1 ? new LeanTraceState([['ot', `th:${text}`]]) : undefined
  }

  decide(question: Question): Decision {
    if (this.consistent) {
      const state = question.traceState
      if (state === undefined) {
        if (question.random) return this.decideRoot(question)
      } else {
        const ot = readOt(state)
        if (ot.hasThreshold || ot.randomness !== undefined || question.random)
          return this.decideConsistent(question, state, ot)
      }
    }
    const word = (question.t0 ^ question.t1 ^ question.t2 ^ question.t3) >>> 0
    return word < this.bound ? RECORD_AND_SAMPLE : DROP
  }

  private decideRoot(question: Question): Decision {
    if (!this.isAbove(question.t2 & 0xffffff, question.t3 >>> 0)) return DROP
    question.traceState = this.rootState
    return RECORD_AND_SAMPLE
  }

  private decideConsistent(question: Question, state: TraceState, ot: OtMember): Decision {
    const random = ot.randomness
    const sampled =
      random === undefined
        ? this.isAbove(question.t2 & 0xffffff, question.t3 >>> 0)
        : this.isAbove(Number.parseInt(random.slice(0, 6), 16), Number.parseInt(random.slice(6), 16))
    // A threshold that came in describes somebody else's decision: it is replaced, or goes when nothing is sampled.
    const mine = sampled && this.ratio < 1 ? [`th:${this.th}`, ...ot.others] : ot.others
    question.traceState = mine.length > 0 ? state.set('ot', mine.join(';')) : state.unset('ot')
    return sampled ? RECORD_AND_SAMPLE : DROP
  }

  private isAbove(high: number, low: number): boolean {
    return this.ratio > 0 && (high > this.high || (high === this.high && low >= this.low))
  }

  toString(): string {
    return `TraceIdRatioBased{${this.ratio}}`
  }
}

/** Values of 56 bits at or above the threshold are sampled; its text has no trailing zeros. */
function thresholdOf(ratio: number): { threshold: bigint; text: string } {
  const exact = BigInt(Math.round((1 - ratio) * 2 ** 56))
  const leading = /^f*/.exec(exact.toString(16).padStart(14, '0'))?.[0].length ?? 0
  const cut = BigInt(Math.max(0, 14 - leading - precision) * 4)
  const half = cut === 0n ? 0n : 1n << (cut - 1n)
  const rounded = ((exact + half) >> cut) << cut
  const threshold = rounded >= 1n << 56n ? exact : rounded
  return { threshold, text: threshold.toString(16).padStart(14, '0').slice(0, 14).replace(/0+$/, '') || '0' }
}

interface OtMember {
  /** `rv`: 14 hex digits that stand in for the trace id's randomness. */
  randomness: string | undefined
  hasThreshold: boolean
  /** All of the member but `th`. */
  others: string[]
}

function readOt(state: TraceState): OtMember {
  const parts = (state.get('ot') ?? '').split(';').filter(part => part !== '')
  const rv = parts.find(part => part.startsWith('rv:'))?.slice(3)
  const others = parts.filter(part => !part.startsWith('th:'))
  return {
    randomness: isHex(rv, 14) ? rv : undefined,
    hasThreshold: others.length < parts.length,
    others,
  }
}
