// What the hooks of this room share: everything decided before the first request, so that a request decides nothing twice.

import type { QueryRedactor } from '../../redact/url.ts'
import type { LeanPropagator } from '../propagation/propagator.ts'
import type { LeanTracer } from '../tracer.ts'
import type { CapturedHeader } from './captured-headers.ts'
import type { RequestDurations } from './durations.ts'
import type { HttpInstrumentationOptions, UndiciInstrumentationOptions } from './instrumentation-options.ts'
import type { OldNames } from './old-names.ts'
import type { ProbeFilter } from './probes.ts'

/** Counted here, read by the self metrics. */
export interface HttpCounters {
  /** Requests of health checks: answered, neither traced nor measured. `org.otel.http.server.probes`. */
  probes: number
}

export interface CapturedHeaders {
  readonly request: readonly CapturedHeader[]
  readonly response: readonly CapturedHeader[]
}

export interface HttpHooks {
  readonly tracer: LeanTracer
  readonly undiciTracer: LeanTracer
  readonly propagator: LeanPropagator
  /** null: nobody asked for the metric. */
  readonly serverDurations: RequestDurations | null
  readonly clientDurations: RequestDurations | null
  readonly undiciDurations: RequestDurations | null
  readonly serverRedactor: QueryRedactor
  readonly clientRedactor: QueryRedactor
  readonly undiciRedactor: QueryRedactor
  readonly probes: ProbeFilter
  readonly counters: HttpCounters
  readonly serverHeaders: CapturedHeaders
  readonly clientHeaders: CapturedHeaders
  readonly undiciHeaders: CapturedHeaders
  /** The application's functions and switches; empty for nearly everybody. */
  readonly http: HttpInstrumentationOptions
  readonly undici: UndiciInstrumentationOptions
  /** Lower case; undefined: off. */
  readonly requestIdHeader: string | undefined
  /** undefined: the stable names alone. */
  readonly oldNames: OldNames | undefined
}

/** On a server, an agent's request or its options: leave it alone. Set on what we open ourselves. */
export const UNTRACED = Symbol.for('org.otel.untraced')

/** Context key of the inbound request id, for log lines. */
export const REQUEST_ID_KEY = Symbol.for('org.otel.request-id')

// Log lines carry it: bounded, and no control characters.
const legalRequestId = /^[\x21-\x7e]{1,200}$/

export function parseRequestId(value: string | string[] | undefined): string | undefined {
  const text = typeof value === 'string' ? value : value?.[0]
  return text !== undefined && legalRequestId.test(text) ? text : undefined
}
