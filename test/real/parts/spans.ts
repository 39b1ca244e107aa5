import type { Span } from '@org/otel-devtools'
import type { App } from '@org/otel-devtools/testing'

/**
 * The spans of that name that arrived, by start. Each once: a batch whose answer came too late on a busy machine is
 * sent again, as OTLP allows.
 */
export function findSpans(app: App, name: string): Span[] {
  const byId = new Map<string, Span>()
  for (const span of app.receiver.store.spans()) if (span.name === name) byId.set(span.spanId, span)
  return [...byId.values()].sort((a, b) => (a.startNano < b.startNano ? -1 : 1))
}
