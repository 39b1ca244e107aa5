// The one arrow from the hot path to export: a span that has ended, in the shape the encoder reads.
// Plain fields, no getters, so that encoding stays monomorphic.
import type { AttributeValue, TraceState } from '@opentelemetry/api'

export interface Scope {
  readonly name: string
  readonly version: string | undefined
  readonly schemaUrl: string | undefined
  /** Of spans: bounds their names. */
  readonly names?: { bound(name: string): string }
}

export interface SpanEvent {
  name: string
  /** Milliseconds since the epoch. */
  timeMs: number
  attributes: Record<string, AttributeValue> | undefined
  droppedAttributes: number
}

export interface SpanLink {
  /** Trace id as four, span id as two signed int32, big-endian order. */
  t0: number
  t1: number
  t2: number
  t3: number
  s0: number
  s1: number
  traceFlags: number
  traceState: TraceState | undefined
  isRemote: boolean | undefined
  attributes: Record<string, AttributeValue> | undefined
  droppedAttributes: number
}

/** Attributes that many spans have: what repeats on every request of a connection is encoded for the first of them. */
export interface CommonAttributes {
  /** key, value, key, value, ...; text and numbers within the limits. Never changed. */
  readonly attributes: readonly (string | number)[]
  /** The same as KeyValue fields with tag 9: made and kept by the encoder. */
  encoded: Uint8Array | null
}

export interface EndedSpan {
  readonly scope: Scope
  readonly name: string
  /** api.SpanKind: 0 internal .. 4 consumer (OTLP adds one). */
  readonly kind: number
  /** Trace id as four, span id and parent id as two signed int32, big-endian order. */
  readonly t0: number
  readonly t1: number
  readonly t2: number
  readonly t3: number
  readonly s0: number
  readonly s1: number
  readonly p0: number
  readonly p1: number
  readonly hasParent: boolean
  readonly parentIsRemote: boolean
  /** W3C flags: bit 0 sampled, bit 1 random. */
  readonly flags: number
  readonly traceState: TraceState | undefined
  /** Milliseconds since the epoch, with the fraction the clock gave. */
  readonly startMs: number
  readonly endMs: number
  /** key, value, key, value, ...; values already cleaned and truncated to the limits. */
  readonly attributes: readonly (string | AttributeValue)[]
  /** Come before `attributes`, which has none of their keys. */
  readonly common: CommonAttributes | null
  readonly droppedAttributes: number
  readonly events: readonly SpanEvent[] | null
  readonly droppedEvents: number
  readonly links: readonly SpanLink[] | null
  readonly droppedLinks: number
  /** The process ended, or telemetry stopped, before the span did. */
  readonly unfinished: boolean
  /** api.SpanStatusCode. */
  readonly statusCode: number
  readonly statusMessage: string
  /** Whether its URLs may be those of the application and not what our own instrumentation put together. */
  readonly touched?: boolean
}

/** Where ended, sampled spans go. `add` is synchronous, keeps no reference to the span and never throws. */
export interface SpanSink {
  add(span: EndedSpan): void
}
