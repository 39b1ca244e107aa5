import { SAMPLED } from '../span.ts'
import { alwaysOff, alwaysOn } from './fixed.ts'
import type { Decision, HeadSampler, Question } from './sampler.ts'

export interface ParentBasedOptions {
  root: HeadSampler
  remoteParentSampled?: HeadSampler | undefined
  remoteParentNotSampled?: HeadSampler | undefined
  localParentSampled?: HeadSampler | undefined
  localParentNotSampled?: HeadSampler | undefined
}

/** Does as the parent did; asks `root` when there is none. */
export class ParentBasedSampler implements HeadSampler {
  private readonly root: HeadSampler
  private readonly remoteSampled: HeadSampler
  private readonly remoteNotSampled: HeadSampler
  private readonly localSampled: HeadSampler
  private readonly localNotSampled: HeadSampler

  readonly readsDetails: boolean

  constructor(options: ParentBasedOptions) {
    this.root = options.root
    this.remoteSampled = options.remoteParentSampled ?? alwaysOn
    this.remoteNotSampled = options.remoteParentNotSampled ?? alwaysOff
    this.localSampled = options.localParentSampled ?? alwaysOn
    this.localNotSampled = options.localParentNotSampled ?? alwaysOff
    this.readsDetails = Object.values(options).some(sampler => sampler?.readsDetails === true)
  }

  decide(question: Question): Decision {
    const { parent } = question
    if (parent === undefined) return this.root.decide(question)
    const sampled = (parent.flags & SAMPLED) !== 0
    if (parent.remote) return (sampled ? this.remoteSampled : this.remoteNotSampled).decide(question)
    return (sampled ? this.localSampled : this.localNotSampled).decide(question)
  }

  toString(): string {
    return `ParentBased{root=${this.root}, remoteParentSampled=${this.remoteSampled}, remoteParentNotSampled=${this.remoteNotSampled}, localParentSampled=${this.localSampled}, localParentNotSampled=${this.localNotSampled}}`
  }
}
