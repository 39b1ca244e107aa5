// OpenMetrics 1.0, "Exemplars": names and values together at most 128 characters. trace_id and span_id take 63.
import type { SpanContext } from '@opentelemetry/api'

const maxCharacters = 128

/** Labels that do not fit, or are no labels at all, are left out; nothing ever throws. */
export function exemplarLabels(
  context: SpanContext,
  more?: () => Readonly<Record<string, string>>,
): Record<string, string> {
  const labels: Record<string, string> = { trace_id: context.traceId, span_id: context.spanId }
  if (more === undefined) return labels
  let used = 63
  try {
    for (const [name, value] of Object.entries(more())) {
      const size = [...name].length + [...String(value)].length
      if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) || name in labels || used + size > maxCharacters) continue
      labels[name] = String(value)
      used += size
    }
  } catch {
    // The user's function failed: the exemplar still leads to the trace.
  }
  return labels
}
