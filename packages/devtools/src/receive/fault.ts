// Faults on purpose, so that a test can be a collector that is down, slow, full or rude.
import type { Signal } from './schema.ts'

export interface Fault {
  /**
   * `refuse`: nothing listens (ECONNREFUSED). `hang`: accepts the request and never answers.
   * `reset`: closes the connection instead of answering. `status`: answers with `status` (and `retryAfter`).
   * `partial`: accepts the request but says that `rejected` items were refused.
   * `slow`: answers correctly after `delayMs`.
   */
  readonly mode: 'refuse' | 'hang' | 'reset' | 'status' | 'partial' | 'slow'
  /** HTTP status; gRPC answers with the matching code. Default 503. */
  readonly status?: number
  /** Exact gRPC code, when the matching one is not wanted. */
  readonly grpcStatus?: number
  /** Seconds; `Retry-After` over HTTP, `RetryInfo` over gRPC. */
  readonly retryAfter?: number
  /** Number of items a `partial` answer refuses. Default 1. */
  readonly rejected?: number
  readonly delayMs?: number
  /** How many requests are affected. Default: all, until `heal()`. Not for `refuse`. */
  readonly times?: number
  /** Only this signal. Default: all. Not for `refuse`. */
  readonly signal?: Signal
}

// The table of the OTLP specification ("Failures"), read backwards.
const grpcByHttp: Record<number, number> = {
  400: 3,
  401: 16,
  403: 7,
  404: 12,
  408: 4,
  413: 8,
  429: 8,
  500: 13,
  501: 12,
  502: 14,
  503: 14,
  504: 4,
}

export function grpcStatusOf(fault: Fault): number {
  return fault.grpcStatus ?? grpcByHttp[fault.status ?? 503] ?? 2
}

export class Faults {
  private current: Fault | undefined
  private left = 0

  set(fault: Fault | undefined): void {
    this.current = fault
    this.left = fault?.times ?? Number.POSITIVE_INFINITY
  }

  /** The last fault set, used up or not. */
  get last(): Fault | undefined {
    return this.current
  }

  /** The fault for this request, if there is one; counts it. */
  next(signal: Signal): Fault | undefined {
    const fault = this.left > 0 ? this.current : undefined
    if (fault === undefined || (fault.signal !== undefined && fault.signal !== signal)) return undefined
    this.left--
    return fault
  }
}
