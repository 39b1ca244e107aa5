// Our code must never fail the user's call. Whatever goes wrong inside us ends here: counted, said once, gone.
// Tests require the count to be 0.
import { printError } from './error-text.ts'
import { say } from './log.ts'

let count = 0

export function swallow(where: string, error: unknown): void {
  count++
  say(
    'error',
    'ORG_OTEL_INTERNAL',
    `${where}: ${printError(error)}; the application is not affected, please report this`,
  )
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
