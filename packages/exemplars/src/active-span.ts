// The span an observation belongs to. Ended spans count: `finish` handlers observe after the server span is done.
import { type Context, context, type Span, type SpanContext, TraceFlags, trace } from '@opentelemetry/api'
import { noticeHiddenSdk } from './api-copy.ts'

// Contexts do not change, and one request asks again and again with the same: a comparison instead of a look-up.
let lastContext: Context | undefined
let lastSpan: Span | undefined

export function activeSpan(): Span | undefined {
  const active = context.active()
  if (active !== lastContext) {
    lastContext = active
    lastSpan = trace.getSpan(active)
  }
  if (lastSpan === undefined) noticeHiddenSdk()
  return lastSpan
}

/** The span's context when it was sampled, so that the link does not lead to a trace nobody kept. */
export function sampledContext(span: Span): SpanContext | undefined {
  const spanContext = span.spanContext()
  if ((spanContext.traceFlags & TraceFlags.SAMPLED) === 0) return undefined
  return isHex(spanContext.traceId, 32) && isHex(spanContext.spanId, 16) ? spanContext : undefined
}

function isHex(id: string, length: number): boolean {
  return typeof id === 'string' && id.length === length && id !== '0'.repeat(length)
}

/** SDK spans carry their status; a span that does not say is not an error. */
export function hasFailed(span: Span): boolean {
  return (span as { status?: { code?: unknown } }).status?.code === 2
}
