// What was in flight when the process ended, or telemetry stopped: every open span is ended here, in its owner's place.
//
//   all of them          org.otel.span.unfinished = true, and the time of the end
//   the one that threw   status ERROR and the exception, too
//   logs are sent        one FATAL record with the exception and the ids of that span
//
// Loaded at the end, and only when something is open.
import { type Context, SpanStatusCode } from '@opentelemetry/api'
import { describeError, printError } from '../self/error-text.ts'
import { swallow } from '../self/guard.ts'
import { ROOT, spanOf, withSpan } from '../tracing/context.ts'
import { errorTypeOf } from '../tracing/error-type.ts'
import { type SpanOwner, spanOfHeld } from '../tracing/open-spans.ts'
import type { LeanTracerProvider } from '../tracing/provider.ts'
import { HeldSpan, LeanSpan, type SpanRecord, toLeanSpan } from '../tracing/span.ts'
import type { Uncaught } from '../tracing/uncaught.ts'

/** Roughly what goes into the last requests; beyond it the oldest are left out. */
const maxBytes = 4 << 20
/** Of a span without attributes, and of each attribute, event or link beside its texts. */
const spanBytes = 200
const partBytes = 16

/** Takes one log record; what the logger of the API does with it. */
export type EmitLog = (record: {
  severityNumber: number
  severityText: string
  body: string
  exception: unknown
  context: Context
}) => void

export interface InFlight {
  readonly provider: LeanTracerProvider
  /** Errors nobody caught, of the last seconds. */
  readonly uncaught: readonly Uncaught[]
  /** Given when logs are sent and the process ends because of the last of `uncaught`. */
  readonly emitFatal: EmitLog | undefined
}

/** Ends the open spans, newest kept when they are too many bytes. Never throws. */
export function endInFlight({ provider, uncaught, emitFatal }: InFlight): void {
  const open = provider.open.list()
  const failed = new Map<LeanSpan, unknown>()
  let fatal: LeanSpan | undefined
  for (const { error, context } of uncaught) {
    fatal = findThrower(context, open.map(spanOfHeld))
    if (fatal !== undefined) failed.set(fatal, error)
  }
  const last = uncaught.at(-1)
  if (emitFatal !== undefined && last !== undefined) emitRecord(emitFatal, last, fatal)
  // The verdict on its local trace comes first: the others of it may end before.
  for (const span of failed.keys()) if (span instanceof HeldSpan) span.local.keepNow()
  for (const one of chooseNewest(open, failed)) {
    try {
      const span = spanOfHeld(one)
      // A processor of the application may have ended it meanwhile.
      if (span.record === null || span.record.ended) continue
      if (one !== span) (one as SpanOwner).describeUnfinished()
      end(span, span.record, failed)
    } catch (error) {
      swallow('span in flight', error)
    }
  }
}

function end(span: LeanSpan, record: SpanRecord, failed: ReadonlyMap<LeanSpan, unknown>): void {
  record.unfinished = true
  // Past the limit of attributes: without it the span would lie.
  record.set('org.otel.span.unfinished', true)
  if (failed.has(span)) fail(span, record, failed.get(span))
  LeanSpan.prototype.end.call(span)
}

function fail(span: LeanSpan, record: SpanRecord, error: unknown): void {
  try {
    span.recordException(error as Error)
    record.set('error.type', errorTypeOf(error))
    // An OK that was set before is over.
    record.statusCode = SpanStatusCode.UNSET
    span.setStatus({ code: SpanStatusCode.ERROR, message: describeError(error).message })
  } catch {
    // An error whose properties throw.
    record.set('error.type', '_OTHER')
    record.statusCode = SpanStatusCode.ERROR
  }
}

/**
 * The open span the error belongs to: the active one, or, when that has ended already, the only local root of its trace.
 * undefined rather than a guess.
 */
function findThrower(context: Context | undefined, spans: readonly LeanSpan[]): LeanSpan | undefined {
  const active = context === undefined ? undefined : toLeanSpan(spanOf(context))
  if (active === undefined) return undefined
  const trace = spans.filter(
    ({ t0, t1, t2, t3 }) => t0 === active.t0 && t1 === active.t1 && t2 === active.t2 && t3 === active.t3,
  )
  const same = trace.find(({ s0, s1 }) => s0 === active.s0 && s1 === active.s1)
  if (same !== undefined) return same
  const roots = trace.filter(({ record }) => record !== null && (!record.hasParent || record.parentIsRemote))
  return roots.length === 1 ? roots[0] : undefined
}

function emitRecord(emit: EmitLog, { error, context = ROOT }: Uncaught, span: LeanSpan | undefined): void {
  try {
    emit({
      severityNumber: 21,
      severityText: 'FATAL',
      body: `uncaught ${printError(error)}`,
      exception: error,
      context: span === undefined ? context : withSpan(context, span),
    })
  } catch (problem) {
    swallow('fatal record', problem)
  }
}

/** Oldest first, without those for which there is no room; what failed always has. */
function chooseNewest(
  open: readonly (LeanSpan | SpanOwner)[],
  failed: ReadonlyMap<LeanSpan, unknown>,
): (LeanSpan | SpanOwner)[] {
  const chosen: (LeanSpan | SpanOwner)[] = []
  let room = maxBytes
  for (const one of [...open].reverse()) {
    const span = spanOfHeld(one)
    const bytes = estimateBytes(span.record)
    if (bytes > room && !failed.has(span)) continue
    room -= bytes
    chosen.push(one)
  }
  return chosen.reverse()
}

function estimateBytes(record: SpanRecord | null): number {
  if (record === null) return 0
  let bytes = spanBytes + record.name.length + sizeOf(record.attributes)
  for (const event of record.events ?? []) bytes += sizeOf(event.attributes)
  for (const link of record.links ?? []) bytes += sizeOf(link.attributes)
  return bytes
}

/** Of values that have been cleaned: plain, without circles, not deep. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return partBytes + value.length
  if (typeof value !== 'object' || value === null) return partBytes
  if (value instanceof Uint8Array) return partBytes + value.length
  let bytes = partBytes
  if (Array.isArray(value)) for (const item of value) bytes += sizeOf(item)
  else for (const [key, item] of Object.entries(value)) bytes += key.length + sizeOf(item)
  return bytes
}
