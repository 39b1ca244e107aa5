// What came of one attempt to send, in one vocabulary for HTTP and gRPC, and the tables that lead there.
// Sources: OTLP specification 1.x, "OTLP/HTTP Response", "OTLP/gRPC Response".

import { clean } from './refusal-text.ts'

export type Outcome =
  /** Taken. `rejected` items of it were refused for the reason given (partial success). */
  | { readonly kind: 'accepted'; readonly rejected: number; readonly message: string }
  /** Try again later; `afterMs` when the collector said how much later. */
  | {
      readonly kind: 'retry'
      /** Goes to metrics as `error.type`, so it is a code and never a sentence. */
      readonly code: string
      readonly says: string
      readonly afterMs?: number | undefined
      /** Nothing answered at all: said to the user as "unreachable". */
      readonly unreachable: boolean
    }
  /** Fewer items may pass. */
  | { readonly kind: 'too_large'; readonly code: string; readonly says: string }
  /** Will never be accepted. */
  | { readonly kind: 'refused'; readonly code: string; readonly says: string }

export const maxRetryAfterMs = 300_000

const retryableStatus = new Set([429, 502, 503, 504])

/** Likely causes by status, in the words of somebody who can fix them. */
const httpHints: Record<number, string> = {
  400: 'the endpoint did not understand the request; is this an OTLP endpoint?',
  401: 'credentials are missing or wrong; check OTEL_EXPORTER_OTLP_HEADERS',
  403: 'the credentials have no permission; check OTEL_EXPORTER_OTLP_HEADERS',
  404: 'no such path; OTLP over HTTP posts to /v1/traces, /v1/metrics and /v1/logs',
  405: 'the endpoint takes no POST; is this an OTLP endpoint?',
  415: 'the endpoint does not take this encoding; check OTEL_EXPORTER_OTLP_PROTOCOL',
}

export function outcomeOfStatus(status: number, retryAfter: string | undefined, nowMs: number): Outcome {
  if (status >= 200 && status < 300) return { kind: 'accepted', rejected: 0, message: '' }
  const code = String(status)
  if (status === 413) return { kind: 'too_large', code, says: 'HTTP 413, the request is too large' }
  if (retryableStatus.has(status)) {
    return {
      kind: 'retry',
      code,
      says: `HTTP ${status}`,
      afterMs: parseRetryAfter(retryAfter, nowMs),
      unreachable: false,
    }
  }
  if (status >= 300 && status < 400) {
    return {
      kind: 'refused',
      code,
      says: `HTTP ${status}, a redirect, which is never followed; set the final URL`,
    }
  }
  const hint = httpHints[status]
  return { kind: 'refused', code, says: `HTTP ${status}${hint === undefined ? '' : `; ${hint}`}` }
}

/** Seconds or an HTTP date, as milliseconds from now; capped; `undefined` when absent or nonsense. */
export function parseRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  const trimmed = text.trim()
  if (/^\d+$/.test(trimmed)) return Math.min(Number(trimmed) * 1000, maxRetryAfterMs)
  if (!/^[A-Za-z]{3}/.test(trimmed)) return undefined
  const date = Date.parse(trimmed)
  return Number.isNaN(date) ? undefined : Math.min(Math.max(date - nowMs, 0), maxRetryAfterMs)
}

const grpcNames = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]
const retryableNames = new Set([
  'CANCELLED',
  'DEADLINE_EXCEEDED',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNAVAILABLE',
  'DATA_LOSS',
])
const grpcHints: Record<string, string> = {
  UNAUTHENTICATED: 'credentials are missing or wrong; check OTEL_EXPORTER_OTLP_HEADERS',
  PERMISSION_DENIED: 'the credentials have no permission; check OTEL_EXPORTER_OTLP_HEADERS',
  UNIMPLEMENTED: 'the endpoint does not offer this OTLP service',
}

/**
 * `retryInfoMs`: the delay of google.rpc.RetryInfo, which alone makes RESOURCE_EXHAUSTED retryable. `secrets`: what we sent
 * and the message may quote.
 */
export function outcomeOfGrpc(
  status: number,
  message: string,
  retryInfoMs: number | undefined,
  secrets: readonly string[] = [],
): Outcome {
  if (status === 0) return { kind: 'accepted', rejected: 0, message: '' }
  const code = grpcNames[status] ?? String(status)
  const said = clean(message, secrets)
  const says = said === '' ? `gRPC ${code}` : `gRPC ${code} (${said})`
  const afterMs = retryInfoMs === undefined ? undefined : Math.min(retryInfoMs, maxRetryAfterMs)
  if (retryableNames.has(code) || (code === 'RESOURCE_EXHAUSTED' && afterMs !== undefined)) {
    return { kind: 'retry', code, says, afterMs, unreachable: false }
  }
  if (code === 'RESOURCE_EXHAUSTED' && /larger than|too large|exceeds? .*size|size .*exceed/i.test(message)) {
    return { kind: 'too_large', code, says }
  }
  const hint = grpcHints[code]
  return { kind: 'refused', code, says: hint === undefined ? says : `${says}; ${hint}` }
}

/** HTTP status of an answer that is not gRPC at all, as gRPC maps it (grpc/doc/http-grpc-status-mapping.md). */
export function grpcOfHttpStatus(status: number): number {
  const known: Record<number, number> = {
    400: 13,
    401: 16,
    403: 7,
    404: 12,
    429: 14,
    502: 14,
    503: 14,
    504: 14,
  }
  return known[status] ?? 2
}
