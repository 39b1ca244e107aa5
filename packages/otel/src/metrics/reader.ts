// One reader for pushing and pulling: collects the SDK's instruments, adds the hot path's histograms, hands it on.
import {
  AggregationType,
  InstrumentType,
  MetricReader,
  type MetricReaderOptions,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import type { Config } from '../config/config.ts'
import { runOutside, runUntraced } from '../export/untraced.ts'
import { messageOf } from '../self/error-text.ts'
import { say } from '../self/log.ts'
import { mergeScopes, type SourceReader, type Sources } from './source-data.ts'
import { selectTemporality } from './temporality.ts'

export interface ReaderOptions {
  readonly config: Config['metrics']
  readonly temporality: Config['metrics']['temporality']
  readonly sources: Sources
  /** `otel.component.type` of the reader. */
  readonly component: string
}

export class SourcesReader extends MetricReader {
  private readonly sourceReader: SourceReader

  constructor(options: ReaderOptions) {
    const { config, temporality } = options
    super({
      otelComponentType: options.component,
      aggregationTemporalitySelector: instrument => selectTemporality(temporality, instrument),
      aggregationSelector: instrument => ({
        type:
          instrument === InstrumentType.HISTOGRAM &&
          config.histogramAggregation === 'base2_exponential_bucket_histogram'
            ? AggregationType.EXPONENTIAL_HISTOGRAM
            : AggregationType.DEFAULT,
      }),
    } as MetricReaderOptions)
    this.sourceReader = options.sources.openReader(selectTemporality(temporality, InstrumentType.HISTOGRAM))
  }

  /** Everything measured so far. A callback that fails or is slower than `timeoutMs` costs its own metric only. */
  async gather(timeoutMs: number): Promise<ResourceMetrics> {
    const { resourceMetrics, errors } = await this.collect({ timeoutMillis: timeoutMs })
    for (const error of errors) {
      const text = messageOf(error)
      say('warn', 'ORG_OTEL_METRICS_CALLBACK', `a metric callback failed: ${text}; its metric is left out`)
    }
    const scopes = mergeScopes(resourceMetrics.scopeMetrics, this.sourceReader.collect(Date.now()))
    return { resource: resourceMetrics.resource, scopeMetrics: scopes }
  }

  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** Collects every `intervalMs` and hands over; never two at a time, never keeps the process alive. */
export class PeriodicReader extends SourcesReader {
  private readonly config: Config['metrics']
  private readonly handOver: (metrics: ResourceMetrics) => Promise<void>
  private timer: NodeJS.Timeout | undefined
  private running: Promise<void> | undefined

  constructor(options: ReaderOptions, handOver: (metrics: ResourceMetrics) => Promise<void>) {
    super(options)
    this.config = options.config
    this.handOver = handOver
  }

  start(): void {
    // Outside of whatever request loads us, or every later collection would belong to it.
    runOutside(() => {
      this.timer = setInterval(() => void this.run(), this.config.intervalMs)
      this.timer.unref()
    })
  }

  stop(): void {
    clearInterval(this.timer)
  }

  /** What was measured until now is handed over when this resolves. Never rejects. */
  async flush(): Promise<void> {
    // One that is under way may have collected before the newest measurement.
    await this.running
    await this.run()
  }

  private run(): Promise<void> {
    this.running ??= runUntraced(() => this.runOnce()).finally(() => {
      this.running = undefined
    })
    return this.running
  }

  private async runOnce(): Promise<void> {
    try {
      const metrics = await this.gather(this.config.timeoutMs)
      if (metrics.scopeMetrics.length > 0) await within(this.handOver(metrics), this.config.timeoutMs)
    } catch (error) {
      const text = messageOf(error)
      say('warn', 'ORG_OTEL_METRICS_EXPORT', `metrics of one interval were not sent: ${text}`)
    }
  }
}

function within<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    timer.unref()
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
