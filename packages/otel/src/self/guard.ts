// Our code must never fail the user's call. Whatever goes wrong inside us ends here: counted, said once, gone.
// Tests require the count to be 0.
import { say } from './log.ts'

let count = 0

export function swallow(where: string, error: unknown): void {
  count++
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  say('error', 'ORG_OTEL_INTERNAL', `${where}: ${text}; the application is not affected, please report this`)
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

export function swallowedCount(): number {
  return count
}
