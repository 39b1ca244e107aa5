// The API's LoggerProvider over the log sink: a record is given its trace context and its limits, encoded, forgotten.
import type {
  Attributes,
  Context,
  Logger,
  LoggerOptions,
  LoggerProvider,
  LogRecord,
} from '@opentelemetry/api'
import type { LogRecordData, LogSink } from '../export/log-encoder.ts'
import { swallow } from '../self/guard.ts'
import { toEpochMs } from '../tracing/clock.ts'
import { active, isSuppressed, spanOf } from '../tracing/context.ts'
import type { Scope } from '../tracing/ended-span.ts'
import { exceptionAttributes } from './exception.ts'
import { type LogLimits, limitAttributes, limitValue } from './limits.ts'

export interface LoggerProviderOptions {
  sink: LogSink
  limits: LogLimits
  /** Milliseconds since the epoch. */
  now(): number
}

export class LeanLoggerProvider implements LoggerProvider {
  private readonly options: LoggerProviderOptions
  private readonly loggers = new Map<string, Logger>()

  constructor(options: LoggerProviderOptions) {
    this.options = options
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

  enabled(options?: { context?: Context }): boolean {
    return !isSuppressed(options?.context ?? active())
  }

  emit(record: LogRecord): void {
    try {
      const data = this.describe(record)
      if (data !== undefined) this.options.sink.add(data)
    } catch (error) {
      swallow('log record', error)
    }
  }

  private describe(record: LogRecord): LogRecordData | undefined {
    const ctx = record.context ?? active()
    // The exporter's own log lines must not feed the exporter.
    if (isSuppressed(ctx)) return undefined
    const { limits, now } = this.options
    const span = spanOf(ctx)?.spanContext()
    // Attributes the application set win over those taken from the exception.
    const wanted: Attributes =
      record.exception === undefined
        ? (record.attributes ?? {})
        : { ...exceptionAttributes(record.exception), ...record.attributes }
    const { attributes, dropped } = limitAttributes(wanted, limits)
    const observedMs = record.observedTimestamp === undefined ? now() : toEpochMs(record.observedTimestamp)
    return {
      scope: this.scope,
      timeMs: record.timestamp === undefined ? undefined : toEpochMs(record.timestamp),
      observedMs,
      severityNumber: record.severityNumber,
      severityText: record.severityText,
      body: limitValue(record.body, limits),
      attributes,
      droppedAttributes: dropped,
      eventName: record.eventName,
      traceId: span?.traceId,
      spanId: span?.spanId,
      traceFlags: span?.traceFlags,
    }
  }
}
