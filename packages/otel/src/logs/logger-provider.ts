// The API's LoggerProvider over the log sink: a record is given its trace context and its limits, encoded, forgotten.
import type {
  Attributes,
  Context,
  Logger,
  LoggerOptions,
  LoggerProvider,
  LogRecord,
  TimeInput,
} from '@opentelemetry/api'
import type { LogRecordData, LogSink } from '../export/log-encoder.ts'
import type { Redactor } from '../redact/redactor.ts'
import { swallow } from '../self/guard.ts'
import { clockOrigin, monotonicMs, toEpochMs } from '../tracing/clock.ts'
import { active, isSuppressed, spanOf } from '../tracing/context.ts'
import type { Scope } from '../tracing/ended-span.ts'
import { exceptionAttributes } from './exception.ts'
import { type LogLimits, limitAttributes, limitValue } from './limits.ts'
import type { RateLimit } from './rate-limit.ts'

export interface LoggerProviderOptions {
  sink: LogSink
  limits: LogLimits
  /** Milliseconds since the epoch. */
  now(): number
  readonly redactor?: Redactor
  readonly rateLimit?: RateLimit
}

export class LeanLoggerProvider implements LoggerProvider {
  private readonly options: LoggerProviderOptions
  private readonly loggers = new Map<string, Logger>()

  constructor(options: LoggerProviderOptions) {
    this.options = options
  }

  /** Records that were not sent because of the limit of their severity, since the start. */
  get rateLimited(): number {
    return this.options.rateLimit?.refused ?? 0
  }

  getLogger(name: string, version?: string, options?: LoggerOptions): Logger {
    const key = `${name}@${version ?? ''}:${options?.schemaUrl ?? ''}`
    let logger = this.loggers.get(key)
    if (logger === undefined) {
      logger = new LeanLogger(this.options, { name, version, schemaUrl: options?.schemaUrl })
      this.loggers.set(key, logger)
    }
    return logger
  }
}

class LeanLogger implements Logger {
  private readonly options: LoggerProviderOptions
  private readonly scope: Scope

  constructor(options: LoggerProviderOptions, scope: Scope) {
    this.options = options
    this.scope = scope
  }

  enabled(options?: { context?: Context; severityNumber?: number }): boolean {
    if (isSuppressed(options?.context ?? active())) return false
    const { rateLimit, now } = this.options
    return rateLimit === undefined || rateLimit.isOpen(options?.severityNumber, now())
  }

  emit(record: LogRecord): void {
    try {
      // The exporter's own log lines must not feed the exporter.
      if (isSuppressed(record.context ?? active())) return
      const { rateLimit, now, sink } = this.options
      if (rateLimit?.take(record.severityNumber, now()) === false) return
      sink.add(this.describe(record))
    } catch (error) {
      swallow('log record', error)
    }
  }

  private describe(record: LogRecord): LogRecordData {
    const ctx = record.context ?? active()
    const { limits, now, redactor } = this.options
    const span = spanOf(ctx)?.spanContext()
    // Attributes the application set win over those taken from the exception.
    const wanted: Attributes =
      record.exception === undefined
        ? (record.attributes ?? {})
        : { ...exceptionAttributes(record.exception), ...record.attributes }
    // Redacted before it is cut: half a URL does not show that it begins with a password.
    const { attributes, dropped } = limitAttributes(wanted, limits, redactor?.redactAttribute)
    const body = limitValue(redactor === undefined ? record.body : redactor.redactBody(record.body), limits)
    return {
      scope: this.scope,
      timeMs: record.timestamp === undefined ? undefined : readTime(record.timestamp),
      observedMs: record.observedTimestamp === undefined ? now() : readTime(record.observedTimestamp),
      severityNumber: record.severityNumber,
      severityText: record.severityText,
      body,
      attributes,
      droppedAttributes: dropped,
      eventName: record.eventName,
      traceId: span?.traceId,
      spanId: span?.spanId,
      traceFlags: span?.traceFlags,
    }
  }
}

function readTime(time: TimeInput): number {
  return toEpochMs(time, clockOrigin(monotonicMs()))
}
