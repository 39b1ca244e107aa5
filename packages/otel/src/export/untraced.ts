// Our own requests must not be seen as the application's: not traced, not part of a request's context, not counted.
import { AsyncLocalStorage } from 'node:async_hooks'
import { context, ROOT_CONTEXT } from '@opentelemetry/api'

/** Set to `true` on the options (and the ClientRequest) of requests that instrumentations must ignore. */
export const untraced = Symbol.for('org.otel.untraced')

// Upstream's own key, reached by name: `@opentelemetry/core` would be loaded for this one symbol.
const suppressed = ROOT_CONTEXT.setValue(Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING'), true)

// Taken when the process begins: running in it leaves every AsyncLocalStorage of the application, not only ours.
const outside = AsyncLocalStorage.snapshot()

/** Runs `fn` outside of whatever request is being handled. */
export function runOutside<T>(fn: () => T): T {
  return outside(fn)
}

/** As `runOutside`, with tracing suppressed for whatever `fn` starts. */
export function runUntraced<T>(fn: () => T): T {
  return outside(() => context.with(suppressed, fn))
}
