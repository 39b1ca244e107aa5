// How a library's instrumentation starts a span: without an options object on our own tracer, through the API on another.
import type { Attributes, Context, Span, SpanKind, Tracer } from '@opentelemetry/api'
import type { FlatAttributes } from '../tracing/attributes.ts'
import { isSuppressed, spanOf } from '../tracing/context.ts'
import { INVALID_SPAN, toLeanSpan } from '../tracing/span.ts'
import { LeanTracer } from '../tracing/tracer.ts'

/** `attributes`: a fresh list of valid values; the span keeps it. */
export function startSpan(
  tracer: Tracer,
  name: string,
  kind: SpanKind,
  attributes: FlatAttributes,
  parent: Context,
): Span {
  if (tracer instanceof LeanTracer) {
    if (isSuppressed(parent)) return INVALID_SPAN
    return tracer.make(name, kind, toLeanSpan(spanOf(parent)), attributes, parent)
  }
  const object: Attributes = {}
  for (let i = 0; i < attributes.length; i += 2) object[attributes[i] as string] = attributes[i + 1]
  return tracer.startSpan(name, { kind, attributes: object }, parent)
}
