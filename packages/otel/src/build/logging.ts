// The log pipeline: a LoggerProvider over the exporter, with the redaction of spans and a limit per severity.
import type { Config } from '../config/config.ts'
import type { LogSink } from '../export/log-encoder.ts'
import { LeanLoggerProvider } from '../logs/logger-provider.ts'
import { RateLimit } from '../logs/rate-limit.ts'
import type { Redactor } from '../redact/redactor.ts'
import { say } from '../self/log.ts'

/** For who asked for sending. */
export function buildLogging(
  { logs }: Config,
  sink: LogSink,
  redactor: Redactor | undefined,
): LeanLoggerProvider {
  return new LeanLoggerProvider({
    sink,
    limits: logs,
    now: Date.now,
    ...(redactor !== undefined && { redactor }),
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
