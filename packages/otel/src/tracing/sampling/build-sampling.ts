// From what was decided to the sampler the tracer asks. Extras that are off leave no trace in the result.
import type { SamplerConfig, SamplingExtras } from '../../config/config.ts'
import { monotonicMs } from '../clock.ts'
import { alwaysOff, alwaysOn } from './fixed.ts'
import { KeepErrors } from './keep-errors.ts'
import { ParentBasedSampler } from './parent-based.ts'
import { CappedSampler, TokenBucket } from './rate-cap.ts'
import { RatioSampler } from './ratio.ts'
import { RatioFile } from './ratio-file.ts'
import { RulesSampler } from './rules.ts'
import type { HeadSampler } from './sampler.ts'
import { adaptSampler, type UserSampler } from './user-sampler.ts'

export interface Sampling {
  readonly sampler: HeadSampler
  readonly keepErrors: KeepErrors | undefined
  /** To be started and stopped with the process's run. */
  readonly ratioFile: RatioFile | undefined
}

/**
 * The application's own sampler, when there is one, stands in for the configured one; the extras apply to it as well.
 *
 *     const { sampler, keepErrors, ratioFile } = buildSampling(config.traces.sampler, config.traces.extras)
 *     ratioFile?.start()
 */
export function buildSampling(config: SamplerConfig, extras: SamplingExtras, user?: UserSampler): Sampling {
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

/** `watched`, when given, takes the place of the sampler that decides new traces. */
export function buildSampler(
  config: SamplerConfig,
  watched?: RatioSampler,
  parentBased = false,
): HeadSampler {
  if (watched !== undefined && config.type !== 'parent_based') return watched
  switch (config.type) {
    case 'always_on':
      return alwaysOn
    case 'always_off':
      return alwaysOff
    case 'ratio':
      return new RatioSampler(config.ratio, parentBased)
    case 'parent_based':
      return new ParentBasedSampler({
        root: buildSampler(config.root, watched, true),
        remoteParentSampled: optional(config.remoteParentSampled),
        remoteParentNotSampled: optional(config.remoteParentNotSampled),
        localParentSampled: optional(config.localParentSampled),
        localParentNotSampled: optional(config.localParentNotSampled),
      })
  }
}

function optional(config: SamplerConfig | undefined): HeadSampler | undefined {
  return config === undefined ? undefined : buildSampler(config, undefined, true)
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
