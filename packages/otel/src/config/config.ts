// What was decided. `resolve` produces one frozen Config; nobody asks the environment again after that.
import type { Attributes } from '@opentelemetry/api'
import type { RedactionKind } from '../redact/tally.ts'

export type Protocol = 'grpc' | 'http/protobuf' | 'http/json'
export type Signal = 'traces' | 'metrics' | 'logs'
export type LogLevel = 'none' | 'error' | 'warn' | 'info' | 'debug'

/** Where one signal goes by OTLP, and how. */
export interface OtlpTarget {
  protocol: Protocol
  /** Full URL for HTTP (path included), scheme://host:port for gRPC. */
  endpoint: string
  /** Sent with every request. Values are secret: never printed. */
  headers: Readonly<Record<string, string>>
  timeoutMs: number
  compression: 'gzip' | 'none'
  tls: { insecure: boolean; caFile?: string; clientCertFile?: string; clientKeyFile?: string }
}

export interface BatchLimits {
  maxQueueSize: number
  maxExportBatchSize: number
  scheduleDelayMs: number
  exportTimeoutMs: number
}

export interface SpanLimits {
  attributeCount: number
  /** Characters; Infinity when unset. */
  attributeValueLength: number
  eventCount: number
  linkCount: number
  attributePerEventCount: number
  attributePerLinkCount: number
}

/** Sampler tree, as OTEL_TRACES_SAMPLER or the configuration file describes it. */
export type SamplerConfig =
  | { type: 'always_on' }
  | { type: 'always_off' }
  | { type: 'ratio'; ratio: number }
  | {
      type: 'parent_based'
      root: SamplerConfig
      remoteParentSampled?: SamplerConfig
      remoteParentNotSampled?: SamplerConfig
      localParentSampled?: SamplerConfig
      localParentNotSampled?: SamplerConfig
    }

/** ORG_OTEL_SAMPLING and friends: what we add on top of the specified samplers. */
export interface SamplingExtras {
  /** Keep every local root that ends in an error or runs longer than `slowMs`. */
  keepErrors: boolean
  slowMs: number
  /** Sampled local roots per second; Infinity when unset. */
  maxPerSecond: number
  rules: readonly SamplingRule[]
  /** Watched file whose content (`ratio=0.5` or JSON) replaces the ratio while the process runs. */
  ratioFile?: string
  /** Spans of unsampled traces held back at most, over all traces. */
  maxHeldSpans: number
}
export interface SamplingRule {
  /** Glob over `http.route`/`url.path` (HTTP) or the span name. */
  match: string
  action: 'drop' | 'always' | { ratio: number }
}

export type ExporterName = 'otlp' | 'console' | 'zipkin' | 'prometheus' | 'none'
export type PropagatorName =
  | 'tracecontext'
  | 'baggage'
  | 'b3'
  | 'b3multi'
  | 'jaeger'
  | 'xray'
  | 'ottrace'
  | 'none'

/** A view of the configuration file, as data; the metrics room makes the SDK's object of it. */
export interface MetricView {
  selector: {
    instrumentName?: string
    instrumentType?: MetricInstrument
    unit?: string
    meterName?: string
    meterVersion?: string
    meterSchemaUrl?: string
  }
  stream: {
    name?: string
    description?: string
    aggregation?:
      | { type: 'default' | 'drop' | 'last_value' | 'sum' }
      | { type: 'explicit_bucket_histogram'; boundaries?: readonly number[]; recordMinMax: boolean }
      | {
          type: 'base2_exponential_bucket_histogram'
          maxSize?: number
          maxScale?: number
          recordMinMax: boolean
        }
    cardinalityLimit?: number
    attributeKeys?: { included?: readonly string[]; excluded?: readonly string[] }
  }
}
export type MetricInstrument =
  | 'counter'
  | 'gauge'
  | 'histogram'
  | 'observable_counter'
  | 'observable_gauge'
  | 'observable_up_down_counter'
  | 'up_down_counter'

export interface LogFields {
  traceId: string
  spanId: string
  traceFlags: string
}

/** Per second, by the bands of the log data model. */
export interface SeverityRates {
  readonly trace?: number
  readonly debug?: number
  readonly info?: number
  readonly warn?: number
  readonly error?: number
  readonly fatal?: number
}

export interface Config {
  readonly enabled: boolean
  readonly logLevel: LogLevel
  readonly startupLine: boolean
  /** Resource, complete but for what has to be looked up over the network. */
  readonly resource: {
    readonly attributes: Attributes
    readonly schemaUrl?: string
    readonly detectors: readonly string[]
  }
  readonly propagators: readonly PropagatorName[]
  readonly traces: {
    readonly exporters: readonly ExporterName[]
    readonly otlp: OtlpTarget
    readonly sampler: SamplerConfig
    readonly randomFlag: boolean
    readonly extras: SamplingExtras
    /** Different names that the spans of one scope may have. */
    readonly maxSpanNames: number
    readonly limits: SpanLimits
    readonly batch: BatchLimits
    readonly zipkinEndpoint: string
  }
  readonly metrics: {
    readonly exporters: readonly ExporterName[]
    readonly otlp: OtlpTarget
    readonly intervalMs: number
    readonly timeoutMs: number
    readonly temporality: 'cumulative' | 'delta' | 'lowmemory'
    readonly histogramAggregation: 'explicit_bucket_histogram' | 'base2_exponential_bucket_histogram'
    readonly exemplarFilter: 'trace_based' | 'always_on' | 'always_off'
    readonly prometheus: { readonly host: string; readonly port: number }
    readonly runtime: boolean
    readonly spanMetrics: { readonly enabled: boolean; readonly maxSeries: number }
    /** Exemplars of the application's own prom-client metrics, and how long a bucket keeps one. */
    readonly exemplars?: { readonly promClient: boolean; readonly minIntervalMs: number }
    /** From the configuration file only. */
    readonly views?: readonly MetricView[]
    /** Prometheus exporter details from the configuration file; absent: both are written. */
    readonly prometheusInfo?: { readonly scope: boolean; readonly target: boolean }
  }
  readonly logs: {
    /** Correlation (trace_id on log lines) is on by default; sending is opt-in. */
    readonly correlation: boolean
    readonly sending: boolean
    readonly exporters: readonly ExporterName[]
    readonly otlp: OtlpTarget
    readonly batch: BatchLimits
    readonly attributeCount: number
    readonly attributeValueLength: number
    readonly preset: 'default' | 'ecs' | 'datadog' | 'gcp' | 'dotted'
    readonly fields: LogFields
    readonly nested?: string
    /** For the preset `gcp`. */
    readonly gcpProject?: string
    readonly baggageKeys: readonly string[]
    readonly requestIdHeader?: string
    readonly console: 'off' | 'append' | 'structured'
    readonly recordErrorsOnSpan: boolean
    /** With `recordErrorsOnSpan`: such an error also sets the status of the span. */
    readonly recordErrorsAsStatus?: boolean
    /** `service.name` and `service.version` on every line. */
    readonly serviceFields?: boolean
    /** Records sent per second at most; a severity that is absent has no limit. */
    readonly maxPerSecond?: SeverityRates
  }
  readonly instrumentations: {
    /** undefined: all that are on by default. */
    readonly enabled?: ReadonlySet<string>
    readonly disabled: ReadonlySet<string>
    /** Options per instrumentation key, handed over as they are. */
    readonly options: Readonly<Record<string, Readonly<Record<string, unknown>>>>
    readonly eager: boolean
    readonly workers: boolean
  }
  readonly http: {
    /** Path globs and user-agent substrings that are counted but not traced. */
    readonly probePaths: readonly string[]
    readonly probeUserAgents: readonly string[]
    readonly captureRequestHeaders: readonly string[]
    readonly captureResponseHeaders: readonly string[]
    /** Exactly these instead of the rules of `redaction`. */
    readonly redactQueryKeys?: readonly string[]
    /** Methods reported by name; absent: those of the semantic conventions. */
    readonly knownMethods?: readonly string[]
  }
  /** Replaced whole when it changes. */
  readonly redaction: {
    /** What is hidden; none: nothing is looked at. */
    readonly kinds: readonly RedactionKind[]
    readonly hiddenKeys: readonly string[]
    readonly shownKeys: readonly string[]
    readonly patterns: readonly RegExp[]
  }
  readonly semconvOptIn: readonly string[]
  readonly exit: { readonly deadlineMs: number; readonly lastWordsMs: number }
  /** Bytes of compressed requests kept while the collector is away, over all signals. */
  readonly export: { readonly bufferBytes: number }
  readonly selfMetrics: boolean
}
