import type { Problem } from '../self/problem.ts'
import type { SamplerConfig } from './config.ts'
import { renderText } from './parse.ts'
import type { Origins } from './resolve.ts'
import type { SamplerName, Values } from './settings.ts'

const byName: Readonly<Record<SamplerName, (ratio: number) => SamplerConfig>> = {
  always_on: () => ({ type: 'always_on' }),
  always_off: () => ({ type: 'always_off' }),
  traceidratio: ratio => ({ type: 'ratio', ratio }),
  parentbased_always_on: () => ({ type: 'parent_based', root: { type: 'always_on' } }),
  parentbased_always_off: () => ({ type: 'parent_based', root: { type: 'always_off' } }),
  parentbased_traceidratio: ratio => ({ type: 'parent_based', root: { type: 'ratio', ratio } }),
}

export function resolveSampler(v: Values, origins: Origins, problems: Problem[]): SamplerConfig {
  const sampler = v['traces.sampler']
  if (typeof sampler !== 'string') return sampler
  const arg = origins['traces.samplerArg']
  // The commonest mistake of all: a ratio, and a sampler that does not look at it.
  if (arg.from !== 'default' && !sampler.includes('ratio')) {
    problems.push({
      code: 'ORG_OTEL_CONFIG_CONFLICT',
      subject: `${arg.name}${arg.text === undefined ? '' : `=${renderText(arg.text, false)}`} (${arg.from})`,
      message: `has no effect on the sampler ${sampler}; set OTEL_TRACES_SAMPLER=parentbased_traceidratio to use it`,
    })
  }
  return byName[sampler](v['traces.samplerArg'])
}
