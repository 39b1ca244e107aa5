// Where lines go besides the logger's own destination: as log records to a LoggerProvider, their errors to the active span.
// Off unless asked for; each half works without the other.
import {
  type Context,
  context,
  type Logger,
  type LoggerProvider,
  type LogRecord,
  type Span,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { errorSeverity } from './severity.ts'

export interface OutletOptions {
  /** Gets a log record for every line; absent: nothing is sent. */
  loggerProvider?: LoggerProvider
  /** Errors logged at error level or above are recorded on the active span; `status` also marks the span as failed. */
  recordErrors?: 'off' | 'event' | 'status'
  /** A logger whose lines the application already ships to OpenTelemetry: they are not sent a second time. */
  onShippedElsewhere?(library: string, transport: string): void
  /** Something of ours failed; the line itself was written. */
  onFailure?(where: string, error: unknown): void
}

/** What a library tells about one line; `attributes` may hold anything, the exporter knows how to write it. */
export interface Line extends Omit<LogRecord, 'attributes' | 'body'> {
  body?: unknown
  attributes?: Record<string, unknown>
}

export class LineOutlet {
  readonly library: string
  private readonly options: OutletOptions
  private readonly logger: Logger | undefined
  /** Errors already recorded, per span: the object, or its stack where the library keeps only a copy. */
  private readonly recorded = new WeakMap<Span, Set<unknown>>()
  private readonly elsewhere = new WeakSet<object>()

  constructor(library: string, version: string | undefined, options: OutletOptions) {
    this.library = library
    this.options = options
    this.logger = options.loggerProvider?.getLogger(library, version)
  }

  get isSending(): boolean {
    return this.logger !== undefined
  }

  /** Whether a record of this severity would be kept; asked before it is put together. */
  accepts(severityNumber: number, ctx: Context = context.active()): boolean {
    return this.logger?.enabled({ severityNumber, context: ctx }) === true
  }

  emit(line: Line): void {
    this.logger?.emit(line as LogRecord)
  }

  /** True when `transport` is the name of one that sends to OpenTelemetry; said once per logger. */
  isElsewhere(logger: object, transport: string | undefined): boolean {
    if (transport === undefined) return false
    if (!this.elsewhere.has(logger)) {
      this.elsewhere.add(logger)
      this.options.onShippedElsewhere?.(this.library, transport)
    }
    return true
  }

  recordError(error: unknown, severityNumber: number, ctx: Context = context.active()): void {
    const { recordErrors = 'off' } = this.options
    if (recordErrors === 'off' || severityNumber < errorSeverity) return
    const span = trace.getSpan(ctx)
    if (span === undefined || !span.isRecording()) return
    if (typeof error !== 'object' || error === null) return
    const key = error instanceof Error ? error : ((error as { stack?: unknown }).stack ?? error)
    let seen = this.recorded.get(span)
    if (seen === undefined) this.recorded.set(span, (seen = new Set()))
    if (seen.has(key)) return
    seen.add(key)
    span.recordException(error as Error)
    if (recordErrors === 'status')
      span.setStatus({ code: SpanStatusCode.ERROR, message: String((error as Error).message ?? '') })
  }

  get wantsErrors(): boolean {
    return this.options.recordErrors === 'event' || this.options.recordErrors === 'status'
  }

  fail(error: unknown): void {
    this.options.onFailure?.(`log record of ${this.library}`, error)
  }
}
