// What was decided about traces -> the tracer provider and the propagator. Touches no globals.
import type { Config } from '../config/config.ts'
import type { UserOptions } from '../config/user-options.ts'
import type { Redactor } from '../redact/redactor.ts'
import type { SpanSink } from '../tracing/ended-span.ts'
import { buildPropagator, type LeanPropagator } from '../tracing/propagation/propagator.ts'
import { LeanTracerProvider } from '../tracing/provider.ts'
import { buildSampling } from '../tracing/sampling/build-sampling.ts'
import type { RatioFile } from '../tracing/sampling/ratio-file.ts'

export interface Tracing {
  readonly provider: LeanTracerProvider
  readonly propagator: LeanPropagator
  /** The watched sampling ratio, to be started and stopped with the run. */
  readonly ratioFile: RatioFile | undefined
}

export interface TracingParts {
  readonly config: Config
  /** Objects that only code can give: a sampler, processors, a propagator, an id generator. */
  readonly user: Pick<UserOptions, 'sampler' | 'spanProcessors' | 'propagator' | 'idGenerator'>
  readonly sink: SpanSink
  /** Undefined: nothing is hidden. */
  readonly redactor: Redactor | undefined
  flush(): Promise<void>
}

export function buildTracing({ config, user, sink, redactor, flush }: TracingParts): Tracing {
  const { sampler, limits, extras, randomFlag } = config.traces
  const ownSampler = typeof user.sampler === 'object' ? user.sampler : undefined
  const sampling = buildSampling(sampler, extras, ownSampler)
  const provider = new LeanTracerProvider({
    sink,
    sampler: sampling.sampler,
    limits,
    maxSpanNames: config.traces.maxSpanNames,
    randomFlag,
    resource: config.resource,
    ...(redactor !== undefined && { redactor }),
    flush,
    ...(sampling.keepErrors !== undefined && { keepErrors: sampling.keepErrors }),
    ...(user.idGenerator !== undefined && { idGenerator: user.idGenerator }),
    ...(user.spanProcessors !== undefined && { processors: user.spanProcessors }),
  })
  // The application's own propagator takes the place of the configured ones, guarded like them.
  const propagator =
    user.propagator === undefined
      ? buildPropagator(config.propagators)
      : buildPropagator([], [user.propagator])
  return { provider, propagator, ratioFile: sampling.ratioFile }
}
