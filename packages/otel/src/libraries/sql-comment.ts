// The trace in a statement, where the logs and the statistics of a database show it.
import type { Span } from '@opentelemetry/api'

/** The span as a comment at the end of the statement (sqlcommenter), unless it has a comment already. */
export function appendComment(sql: string, span: Span): string {
  if (sql === '' || sql.includes('--') || sql.includes('/*')) return sql
  const traceparent = printTraceparent(span)
  if (traceparent === undefined) return sql
  const state = span.spanContext().traceState?.serialize()
  const tags = [`traceparent='${traceparent}'`, ...(state ? [`tracestate='${encode(state)}'`] : [])]
  return `${sql} /*${tags.join(',')}*/`
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

export function printTraceparent(span: Span): string | undefined {
  const { traceId, spanId, traceFlags } = span.spanContext()
  if (/^0*$/.test(traceId)) return undefined
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
}
