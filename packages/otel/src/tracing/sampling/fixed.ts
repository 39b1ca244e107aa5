import { DROP, type HeadSampler, RECORD_AND_SAMPLE } from './sampler.ts'

export const alwaysOn: HeadSampler = {
  decide: () => RECORD_AND_SAMPLE,
  readsDetails: false,
  toString: () => 'AlwaysOnSampler',
}

export const alwaysOff: HeadSampler = {
  decide: () => DROP,
  readsDetails: false,
  toString: () => 'AlwaysOffSampler',
}
