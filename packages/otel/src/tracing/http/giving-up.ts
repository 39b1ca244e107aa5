// A request that its own caller gave up on: because nobody wants the answer any more, which is not a failure, or because
// it took too long, which is one. Client libraries pass neither on reliably: an own time-out of theirs often reaches us as
// a plain `destroy()` or `abort()`. Read when a request was given up, never on the way of one that is answered.
import { AsyncResource, executionAsyncResource } from 'node:async_hooks'

/** On the span of a request that its own caller cancelled. */
export const CANCELLED = 'org.otel.http.cancelled'

/** What the span says of a time-out whose error nobody gave us. */
export const timedOut = { name: 'TimeoutError', message: 'the caller stopped waiting for the answer' }

const cancellationNames = new Set(['AbortError', 'CanceledError', 'CancelledError', 'CancelError', 'Cancel'])
const cancellationCodes = new Set(['ABORT_ERR', 'ERR_ABORTED', 'ERR_CANCELED', 'UND_ERR_ABORTED'])
const timeoutCodes = new Set(['ETIMEDOUT', 'ESOCKETTIMEDOUT', 'ECONNABORTED'])
// What a timer's callback looks like that gives up: `AbortSignal.timeout` of Node and ky make a TimeoutError in it,
// superagent calls `_timeoutError`, node-fetch 2 makes an error of the type `request-timeout`.
const givesUp = /timeout_?error|\b(?:request|body)-timeout\b|\bETIMEDOUT\b/i
// What is on the stack while a signal is aborted, the body of a fetch is cancelled, or undici is told at the start of a
// request that it was aborted before.
const aborting = /node:internal\/abort_controller|\bFetch\.abort\b|\bonConnect\b|\bonRequestStart\b/
// The same for the timer of `AbortSignal.timeout`.
const timing = /\bTimeout\.\S+ \(node:internal\/abort_controller/

interface Reason {
  readonly name?: unknown
  readonly code?: unknown
  readonly cause?: unknown
}
const toReason = (error: unknown): Reason => (typeof error === 'object' && error !== null ? error : {})

function isTimeout(error: unknown): boolean {
  const { name, code } = toReason(error)
  return name === 'TimeoutError' || timeoutCodes.has(code as string)
}

function isCancellation(error: unknown): boolean {
  const { name, code } = toReason(error)
  return cancellationNames.has(name as string) || cancellationCodes.has(code as string)
}

/**
 * What failed when the caller gave up; null when nothing did.
 *
 * @example
 * findFailure(undefined) // null: `request.destroy()`
 * findFailure(new Error('too large')) // the error: the caller says that it failed
 * findFailure(new DOMException('', 'AbortError')) // null
 */
export function findFailure(error: unknown): unknown {
  if (error !== undefined && error !== null && !isCancellation(error)) return error
  const { cause } = toReason(error)
  if (isTimeout(cause)) return cause
  return isInTimeout() ? timedOut : null
}

/** The same for an error of undici, whose signals pass on the very reason they were aborted with: it may be anything. */
export function findUndiciFailure(error: unknown): unknown {
  const failure = findFailure(error)
  if (failure === null || failure === timedOut || isTimeout(error) || isOfTheNetwork(error)) return failure
  return aborting.test(captureStack()) ? null : failure
}

function isOfTheNetwork(error: unknown): boolean {
  const { code, syscall } = toReason(error) as { code?: unknown; syscall?: unknown }
  return typeof syscall === 'string' || (typeof code === 'string' && code.startsWith('UND_ERR_'))
}

/** Whether what runs is a timer that gives up. */
function isInTimeout(): boolean {
  const resource = executionAsyncResource() as { _onTimeout?: unknown }
  const { _onTimeout: callback } = resource
  if (typeof callback === 'function') return givesUp.test(Function.prototype.toString.call(callback))
  // Streams bind their callbacks (Node 24): what they are called by is further down.
  return resource instanceof AsyncResource && timing.test(captureStack())
}

function captureStack(): string {
  const { stackTraceLimit } = Error
  const holder: { stack?: unknown } = {}
  try {
    Error.stackTraceLimit = 50
    Error.captureStackTrace(holder)
    return String(holder.stack)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}
