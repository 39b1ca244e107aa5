// What the store holds. Ids are lower-case hex, times are kept exact (nanoseconds) and handy (milliseconds).

export type AttributeValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | AttributeValue[]
  | { [key: string]: AttributeValue }

/** Integers outside the safe range of a double are bigint. */
export type Attributes = { [key: string]: AttributeValue }

export type SpanKind = 'unspecified' | 'internal' | 'server' | 'client' | 'producer' | 'consumer'

export interface Resource {
  /** `service.name`, or `unknown_service`. */
  readonly service: string
  readonly attributes: Attributes
}

export interface Scope {
  readonly name: string
  readonly version: string
  readonly attributes: Attributes
}

export interface SpanEvent {
  readonly name: string
  /** Nanoseconds since the epoch. */
  readonly timeNano: bigint
  /** Milliseconds since the epoch, with fraction. */
  readonly timeMs: number
  readonly attributes: Attributes
}

export interface SpanLink {
  readonly traceId: string
  readonly spanId: string
  readonly traceState: string
  readonly attributes: Attributes
}

export interface Span {
  readonly traceId: string
  readonly spanId: string
  /** Undefined for a root. */
  readonly parentSpanId: string | undefined
  readonly traceState: string
  /** W3C flags in the low byte; bit 8 and 9: is the parent remote. */
  readonly flags: number
  readonly name: string
  readonly kind: SpanKind
  readonly service: string
  readonly resource: Resource
  readonly scope: Scope
  readonly startNano: bigint
  readonly endNano: bigint
  readonly startMs: number
  /** Never negative. */
  readonly durationMs: number
  readonly attributes: Attributes
  readonly events: readonly SpanEvent[]
  readonly links: readonly SpanLink[]
  readonly status: { readonly code: 'unset' | 'ok' | 'error'; readonly message: string }
  /** What the sender says it dropped, plus what this store cut. */
  readonly dropped: { readonly attributes: number; readonly events: number; readonly links: number }
}

export interface LogRecord {
  readonly timeNano: bigint
  readonly timeMs: number
  readonly severityNumber: number
  /** The text as sent, or the name of the number: `INFO`. */
  readonly severity: string
  readonly body: AttributeValue
  readonly eventName: string
  readonly attributes: Attributes
  readonly traceId: string | undefined
  readonly spanId: string | undefined
  readonly flags: number
  readonly service: string
  readonly resource: Resource
  readonly scope: Scope
}

export type MetricType = 'gauge' | 'sum' | 'histogram' | 'exponentialHistogram' | 'summary'

export interface Exemplar {
  readonly value: number
  readonly timeMs: number
  readonly traceId: string | undefined
  readonly spanId: string | undefined
  /** The attributes that the view removed from the series. */
  readonly attributes: Attributes
}

export interface Buckets {
  readonly offset: number
  readonly counts: readonly number[]
}

export interface Point {
  readonly startNano: bigint
  readonly timeNano: bigint
  readonly timeMs: number
  /** Gauge and sum. Integers outside the safe range are rounded. */
  readonly value?: number
  /** Histograms and summary. */
  readonly count?: number
  readonly sum?: number
  readonly min?: number
  readonly max?: number
  /** Histogram: `counts` has one more item than `bounds`. */
  readonly bounds?: readonly number[]
  readonly counts?: readonly number[]
  /** Exponential histogram. */
  readonly scale?: number
  readonly zeroCount?: number
  readonly zeroThreshold?: number
  readonly positive?: Buckets
  readonly negative?: Buckets
  /** Summary. */
  readonly quantiles?: readonly { readonly quantile: number; readonly value: number }[]
  readonly exemplars: readonly Exemplar[]
}

/** One point as it arrived, with everything that identifies its series. */
export interface MetricPoint {
  readonly name: string
  readonly unit: string
  readonly description: string
  readonly type: MetricType
  readonly temporality: 'unspecified' | 'delta' | 'cumulative'
  readonly monotonic: boolean
  readonly service: string
  readonly resource: Resource
  readonly scope: Scope
  readonly attributes: Attributes
  readonly point: Point
}
