// The metrics of one process, from what was decided to what leaves: provider, readers, and what we measure ourselves.
import type { MeterProvider as ApiMeterProvider, Attributes } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, type MetricReader, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { patchSdkMetrics } from '@org/otel-exemplars/sdk-metrics'
import type { Config } from '../config/config.ts'
import { guard } from '../self/guard.ts'
import { say } from '../self/log.ts'
import { version } from '../self/version.ts'
import { printMetrics } from './console-metrics.ts'
import type { HistogramSource } from './histogram-source.ts'
import { PrometheusExporter } from './prometheus.ts'
import { PeriodicReader, SourcesReader } from './reader.ts'
import { runtimeScope, startRuntimeMetrics } from './runtime.ts'
import { observeSelf, type SelfMetricsInput } from './self-metrics.ts'
import { Sources } from './source-data.ts'
import { buildView } from './views.ts'

export interface MetricsOptions {
  readonly config: Config['metrics']
  readonly resource: { readonly attributes: Attributes; readonly schemaUrl?: string }
  /** Histograms counted on the hot path: request durations, span metrics, export durations. */
  readonly sources: readonly HistogramSource[]
  /** Present when self-observability was asked for. */
  readonly self?: SelfMetricsInput
  /** Health checks answered so far: what is not traced is at least counted. */
  readonly probes?: () => number
  /** Hands collected metrics to the OTLP exporter; resolves once they are buffered there. */
  exportMetrics(metrics: ResourceMetrics): Promise<void>
}

export interface Metrics {
  readonly provider: ApiMeterProvider
  /** Resolves when everything measured so far was handed over. Never rejects. */
  flush(): Promise<void>
  /** As `flush`, and nothing is collected after that. Never rejects. */
  stop(): Promise<void>
}

/** Never throws. Timers and servers it starts do not keep the process alive. */
export function startMetrics(options: MetricsOptions): Metrics {
  const { config } = options
  const filter = config.exemplarFilter
  if (filter !== 'always_off') guard('exemplars', () => addExemplars(filter))
  const sources = new Sources(options.sources)
  const periodic = config.exporters.flatMap(exporter => {
    if (exporter === 'otlp') return [pushTo(options, sources, config.temporality, options.exportMetrics)]
    return exporter === 'console' ? [pushTo(options, sources, 'cumulative', printMetrics)] : []
  })
  const pulled = config.exporters.includes('prometheus') ? startPrometheus(options, sources) : undefined
  const readers: MetricReader[] = [...periodic, ...(pulled ? [pulled.reader] : [])]
  const provider = new MeterProvider({
    resource: resourceFromAttributes(options.resource.attributes, options.resource),
    readers,
    views: (config.views ?? []).map(buildView),
    sdkMetricsEnabled: options.self !== undefined,
  } as ConstructorParameters<typeof MeterProvider>[0])
  for (const reader of periodic) reader.start()
  const stopRuntime =
    config.runtime && readers.length > 0
      ? guard('runtime metrics', () =>
          startRuntimeMetrics(provider.getMeter(runtimeScope.name, runtimeScope.version)),
        )
      : undefined
  if (options.self !== undefined) observeSelf(provider.getMeter('@org/otel', version), options.self)

  if (options.probes !== undefined) observeProbes(provider, options.probes)

  const flush = async () => {
    await Promise.all(periodic.map(reader => reader.flush()))
  }
  return {
    provider,
    flush,
    async stop() {
      for (const reader of periodic) reader.stop()
      stopRuntime?.()
      await flush()
      pulled?.exporter.stop()
      await provider.shutdown().catch(() => {})
    },
  }
}

function observeProbes(provider: MeterProvider, probes: () => number): void {
  provider
    .getMeter('@org/otel', version)
    .createObservableCounter('org.otel.http.server.probes', {
      unit: '{request}',
      description: 'Requests of health checks, which are neither traced nor in http.server.request.duration',
    })
    .addCallback(result => {
      const count = probes()
      if (count > 0) result.observe(count)
    })
}

function pushTo(
  { config }: MetricsOptions,
  sources: Sources,
  temporality: Config['metrics']['temporality'],
  handOver: (metrics: ResourceMetrics) => Promise<void>,
): PeriodicReader {
  return new PeriodicReader({ config, temporality, sources, component: 'periodic_metric_reader' }, handOver)
}

function startPrometheus({ config }: MetricsOptions, sources: Sources) {
  const component = 'prometheus_http_text_metric_exporter'
  // A scrape wants totals, and buckets it can show: whatever the settings for OTLP say.
  const asPrometheus = { ...config, histogramAggregation: 'explicit_bucket_histogram' as const }
  const reader = new SourcesReader({ config: asPrometheus, temporality: 'cumulative', sources, component })
  const exporter = new PrometheusExporter({
    ...config.prometheus,
    info: config.prometheusInfo ?? { scope: true, target: true },
    gather: () => reader.gather(config.timeoutMs),
  })
  exporter.start()
  return { reader, exporter }
}

function addExemplars(filter: 'trace_based' | 'always_on'): void {
  const reason = patchSdkMetrics({ MeterProvider }, { filter })
  if (reason !== undefined)
    say('warn', 'ORG_OTEL_EXEMPLARS_OFF', `OTLP metrics carry no exemplars: ${reason}`)
}
