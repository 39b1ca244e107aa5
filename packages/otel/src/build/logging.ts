// The log pipeline: a LoggerProvider over the exporter, with the redaction of spans and a limit per severity.
import type { Config } from '../config/config.ts'
import type { LogSink } from '../export/log-encoder.ts'
import { LeanLoggerProvider } from '../logs/logger-provider.ts'
import { RateLimit } from '../logs/rate-limit.ts'
import { buildLogRedactor } from '../logs/redact.ts'
import { say } from '../self/log.ts'
import { buildQueryRedactor } from '../tracing/http/redact.ts'

/** For who asked for sending. */
export function buildLogging({ logs, http }: Config, sink: LogSink): LeanLoggerProvider {
  return new LeanLoggerProvider({
    sink,
    limits: logs,
    now: Date.now,
    redactor: buildLogRedactor(buildQueryRedactor(http.redactQueryKeys).redactQuery),
    rateLimit: new RateLimit({
      rates: logs.maxPerSecond ?? {},
      say: (severity, perSecond, dropped) =>
        say(
          'warn',
          'ORG_OTEL_LOG_RATE',
          `more than ${perSecond} ${severity} records in a second: ${dropped === 1 ? 'the others are' : `${dropped} were`} not sent; ORG_OTEL_LOG_MAX_PER_SECOND sets the limit`,
        ),
    }),
  })
}
