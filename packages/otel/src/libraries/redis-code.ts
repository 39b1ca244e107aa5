// What a failed command of Redis says of itself.
import type { Span } from '@opentelemetry/api'

/** An answer of the server begins with its code: `WRONGTYPE Operation against a key ...`. */
export function recordCode(span: Span, error: unknown): void {
  const { name, code, message } = error as { name?: unknown; code?: unknown; message?: unknown }
  const answered = /^[A-Z]{3,}(?= |$)/.exec(String(message))?.[0]
  if (answered !== undefined) span.setAttribute('db.response.status_code', answered)
  span.setAttribute('error.type', answered ?? String(code ?? name ?? '_OTHER'))
}
