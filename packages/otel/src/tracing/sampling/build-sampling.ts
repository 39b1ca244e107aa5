// From what was decided to the sampler the tracer asks. Extras that are off leave no trace in the result.
import type { SamplerConfig, SamplingExtras } from '../../config/config.ts'
import { buildExtendedSampling } from './extended-sampling.ts'
import { alwaysOff, alwaysOn } from './fixed.ts'
import type { KeepErrors } from './keep-errors.ts'
import { ParentBasedSampler } from './parent-based.ts'
import { RatioSampler } from './ratio.ts'
import type { RatioFile } from './ratio-file.ts'
import type { HeadSampler } from './sampler.ts'
import type { UserSampler } from './user-sampler.ts'

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
  const plain =
    user === undefined &&
    !extras.keepErrors &&
    extras.maxPerSecond === Number.POSITIVE_INFINITY &&
    extras.rules.length === 0 &&
    extras.ratioFile === undefined
  if (!plain) return buildExtendedSampling(config, extras, user)
  return { sampler: buildSampler(config), keepErrors: undefined, ratioFile: undefined }
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
