// An inbound request id is passed on as it came, in the header it came in (issue 5): never made up, never the trace id.
import type { Context } from '@opentelemetry/api'
import { REQUEST_ID_KEY } from './hooks.ts'

/** The id of the request this context serves; undefined outside of one, or when it brought none. */
export function readRequestId(context: Context): string | undefined {
  const id = context.getValue(REQUEST_ID_KEY)
  return typeof id === 'string' ? id : undefined
}

/** Whether a header block, as Node's client has it, names `header` (lower case) already. */
export function hasHeader(
  headers: Record<string, unknown> | unknown[] | null | undefined,
  header: string,
): boolean {
  if (headers == null) return false
  const isIt = (key: unknown): boolean => typeof key === 'string' && key.toLowerCase() === header
  if (!Array.isArray(headers)) return header in headers || Object.keys(headers).some(isIt)
  // Pairs, or names and values in turn.
  return headers.some((item, i) => (Array.isArray(item) ? isIt(item[0]) : i % 2 === 0 && isIt(item)))
}
