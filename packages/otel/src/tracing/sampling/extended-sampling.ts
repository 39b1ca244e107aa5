// What goes beyond a sampler: a rate cap, rules, a watched ratio, errors that are kept, a sampler from code. Loaded only
// when one of them was asked for.
import type { SamplerConfig, SamplingExtras } from '../../config/config.ts'
import { monotonicMs } from '../clock.ts'
import { buildSampler, type Sampling } from './build-sampling.ts'
import { KeepErrors } from './keep-errors.ts'
import { CappedSampler, TokenBucket } from './rate-cap.ts'
import { RatioSampler } from './ratio.ts'
import { RatioFile } from './ratio-file.ts'
import { RulesSampler } from './rules.ts'
import { adaptSampler, type UserSampler } from './user-sampler.ts'

export function buildExtendedSampling(
  config: SamplerConfig,
  extras: SamplingExtras,
  user?: UserSampler,
): Sampling {
  const watched = extras.ratioFile === undefined || user !== undefined ? undefined : watchedRatio(config)
  let sampler = user === undefined ? buildSampler(config, watched) : adaptSampler(user)
  const capped = Number.isFinite(extras.maxPerSecond)
    ? new CappedSampler(new TokenBucket(extras.maxPerSecond, monotonicMs), sampler)
    : undefined
  if (capped !== undefined) sampler = capped
  if (extras.rules.length > 0) {
    sampler = new RulesSampler(extras.rules, sampler, capped && (question => capped.admits(question)))
  }
  return {
    sampler,
    keepErrors: extras.keepErrors ? new KeepErrors(extras) : undefined,
    ratioFile:
      watched && extras.ratioFile !== undefined
        ? new RatioFile(extras.ratioFile, watched.getRatio(), ratio => watched.setRatio(ratio))
        : undefined,
  }
}

/** The ratio the file replaces: that of the root sampler, where always on is 1 and always off is 0. */
function watchedRatio(config: SamplerConfig, parentBased = false): RatioSampler {
  switch (config.type) {
    case 'always_on':
      return new RatioSampler(1, parentBased)
    case 'always_off':
      return new RatioSampler(0, parentBased)
    case 'ratio':
      return new RatioSampler(config.ratio, parentBased)
    case 'parent_based':
      return watchedRatio(config.root, true)
  }
}
