import { DROP, type HeadSampler, RECORD_AND_SAMPLE } from './sampler.ts'

export const alwaysOn: HeadSampler = {
  decide: () => RECORD_AND_SAMPLE,
  toString: () => 'AlwaysOnSampler',
}

export const alwaysOff: HeadSampler = {
  decide: () => DROP,
  toString: () => 'AlwaysOffSampler',
}
