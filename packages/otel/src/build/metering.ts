// The meter provider published at start, and the metrics SDK behind it, which is loaded after the first tick.
import type { MeterProvider } from '@opentelemetry/api'
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { Config } from '../config/config.ts'
import { loadChunk } from '../loader/chunk.ts'
import type { HistogramSource } from '../metrics/histogram-source.ts'
import { LazyMeterProvider } from '../metrics/lazy-meter-provider.ts'
import type { Metrics, MetricsOptions } from '../metrics/metrics.chunk.ts'
import type { SelfMetricsInput } from '../metrics/self-metrics.ts'
import { swallow } from '../self/guard.ts'

export interface Metering {
  readonly provider: MeterProvider
  /** Loads the metrics SDK and begins to collect, if anything is to be exported. */
  begin(): void
  /** Hands over what was measured so far; nothing when the SDK was never needed. */
  flush(): Promise<void>
  stop(): Promise<void>
}

export interface MeteringParts {
  readonly config: Config
  /** Read when the SDK is loaded: the hot path's histograms. */
  sources(): readonly HistogramSource[]
  readonly self: SelfMetricsInput
  /** Health checks answered so far, which are neither traced nor measured. */
  probes(): number
  exportMetrics(metrics: ResourceMetrics): Promise<void>
}

const noMeterProvider: MeterProvider = { getMeter: () => undefined as never }

export function buildMetering({
  config,
  sources,
  self,
  probes,
  exportMetrics,
}: MeteringParts): Metering | undefined {
  if (config.metrics.exporters.length === 0) return undefined
  let running: Metrics | undefined
  const provider = new LazyMeterProvider(() => {
    try {
      const options: MetricsOptions = {
        config: config.metrics,
        resource: config.resource,
        sources: sources(),
        probes,
        exportMetrics,
        ...(config.selfMetrics && { self }),
      }
      running = (loadChunk('metrics') as typeof import('../metrics/metrics.chunk.ts')).startMetrics(options)
      return running.provider
    } catch (error) {
      swallow('metrics', error)
      return noMeterProvider
    }
  })
  return {
    provider,
    begin: () => void provider.load(),
    flush: async () => running?.flush(),
    stop: async () => running?.stop(),
  }
}
