// Our code must never fail the user's call: whatever goes wrong inside us is counted, said once, and gone.
import { diag } from '@opentelemetry/api'

const maxRemembered = 200
const said = new Set<string>()
let failures = 0

/** Counts one failure of our own code and says it once through OpenTelemetry's `diag`. */
export function swallow(where: string, error: unknown): void {
  failures++
  let text = 'unknown error'
  try {
    text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  } catch {
    // An error whose own toString throws.
  }
  sayOnce('error', `ORG_OTEL_KAFKA_INTERNAL ${where}: ${text}; the application is not affected`)
}

/** Runs our own code; a failure is swallowed and `undefined` returned. */
export function guard<T>(where: string, fn: () => T): T | undefined {
  try {
    return fn()
  } catch (error) {
    swallow(where, error)
    return undefined
  }
}

export function sayOnce(level: 'error' | 'warn', text: string): void {
  if (said.has(text)) return
  if (said.size >= maxRemembered) said.clear()
  said.add(text)
  try {
    diag[level](text)
  } catch {
    // The application's diagnostics logger failed: there is nobody to tell.
  }
}

/** Failures swallowed by this copy so far. Tests require 0 unless they injected one. */
export function failureCount(): number {
  return failures
}
