// Per-route rules on top of any sampler; the first that matches decides. `drop` concerns every span; `always` and a ratio
// concern local roots only: inside a trace they would tear it apart.
import type { SamplingRule } from '../../config/config.ts'
import { RatioSampler } from './ratio.ts'
import { type Decision, DROP, type HeadSampler, type Question, RECORD_AND_SAMPLE } from './sampler.ts'

interface Rule {
  readonly pattern: string
  readonly action: 'drop' | 'always' | RatioSampler
}

export class RulesSampler implements HeadSampler {
  readonly readsDetails = true
  private readonly rules: readonly Rule[]
  /** Decides what no rule matches, and what a rule's ratio keeps. */
  private readonly rest: HeadSampler
  /** Asked once a rule's ratio has said yes: the rate cap. */
  private readonly cap: ((question: Question) => boolean) | undefined

  constructor(
    rules: readonly SamplingRule[],
    rest: HeadSampler,
    cap: ((question: Question) => boolean) | undefined,
  ) {
    this.rules = rules.map(({ match, action }) => ({
      pattern: match,
      action: typeof action === 'string' ? action : new RatioSampler(action.ratio, true),
    }))
    this.rest = rest
    this.cap = cap
  }

  decide(question: Question): Decision {
    const rule = this.find(question)
    if (rule === undefined) return this.rest.decide(question)
    const { action } = rule
    if (action === 'drop') {
      question.final = true
      return DROP
    }
    const { parent } = question
    if (parent !== undefined && !parent.remote) return this.rest.decide(question)
    if (action === 'always') return RECORD_AND_SAMPLE
    // A ratio is for new traces: who called us has decided already.
    if (parent !== undefined) return this.rest.decide(question)
    const decision = action.decide(question)
    if (decision === RECORD_AND_SAMPLE && this.cap !== undefined && !this.cap(question)) return DROP
    return decision
  }

  private find(question: Question): Rule | undefined {
    const { attributes, name } = question
    let route: unknown
    let path: unknown
    for (let i = 0; i < attributes.length; i += 2) {
      if (attributes[i] === 'http.route') route = attributes[i + 1]
      else if (attributes[i] === 'url.path') path = attributes[i + 1]
    }
    for (const rule of this.rules) {
      if (matchesGlob(rule.pattern, name)) return rule
      if (typeof path === 'string' && matchesGlob(rule.pattern, path)) return rule
      if (typeof route === 'string' && matchesGlob(rule.pattern, route)) return rule
    }
    return undefined
  }

  toString(): string {
    return `Rules{${this.rules.map(rule => rule.pattern).join(', ')}; ${this.rest}}`
  }
}

/** `*` is any run of characters, `?` any one. Linear in text times stars, whatever the text. */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let mark = 0
  while (t < text.length) {
    const wanted = pattern[p]
    if (wanted === '*') {
      star = p++
      mark = t
    } else if (p < pattern.length && (wanted === '?' || wanted === text[t])) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++mark
    } else {
      return false
    }
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
