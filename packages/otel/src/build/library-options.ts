// What was decided, in the words of the libraries that the loader hands it to (by chunk name).
import type { LoggerProvider } from '@opentelemetry/api'
import type { Config } from '../config/config.ts'
import { printCommand } from '../redact/redis-text.ts'
import { swallow } from '../self/guard.ts'
import { say } from '../self/log.ts'

/** Chunks of what talks to databases. */
const databases = [
  'pg',
  'mysql',
  'mysql2',
  'mongodb',
  'mongoose',
  'ioredis',
  'redis',
  'knex',
  'tedious',
  'oracledb',
  'cassandra-driver',
  'memcached',
]

/** Those that hide the literals of a statement themselves. */
const hidesLiterals = new Set(['pg', 'mysql', 'mysql2'])

/** `loggerProvider`: where the lines of loggers are sent; undefined when they are not. */
export function buildLibraryOptions(
  config: Config,
  loggerProvider?: LoggerProvider,
): Record<string, Readonly<Record<string, unknown>>> {
  const { metrics, logs } = config
  const requestId = logs.requestIdHeader?.toLowerCase()
  return {
    ...(requestId !== undefined && {
      grpc: { metadataToSpanAttributes: { server: { requestMetadata: [requestId] } } },
    }),
    ...Object.fromEntries(databases.map(chunk => [chunk, buildDatabaseOptions(chunk, config)])),
    logging: buildLoggingOptions(config, loggerProvider),
    kafka: { semconvOptIn: config.semconvOptIn.join(',') },
    exemplars: {
      enabled: metrics.exemplarFilter !== 'always_off' && metrics.exemplars?.promClient !== false,
      intervalMs: metrics.exemplars?.minIntervalMs,
      onSkipped: (reason: string) => say('warn', 'ORG_OTEL_EXEMPLARS_OFF', reason),
    },
  }
}

function buildDatabaseOptions(chunk: string, config: Config): Record<string, unknown> {
  const { kinds } = config.redaction
  return {
    ...(config.semconvOptIn.includes('database/dup') && { semconv: 'dup' }),
    ...(hidesLiterals.has(chunk) && !kinds.includes('statement') && { keepLiterals: true }),
    // Upstream's own shows every argument of what begins with EVAL, S or Z.
    ...(chunk === 'redis' && kinds.includes('argument') && { dbStatementSerializer: printCommand }),
  }
}

function buildLoggingOptions(
  { logs, resource }: Config,
  loggerProvider: LoggerProvider | undefined,
): Record<string, unknown> {
  const { 'service.name': name, 'service.version': version } = resource.attributes
  return {
    correlation: logs.correlation,
    console: logs.console,
    preset: logs.preset,
    fields: logs.fields,
    baggageKeys: logs.baggageKeys,
    ...(logs.nested !== undefined && { nested: logs.nested }),
    ...(logs.gcpProject !== undefined && { gcpProject: logs.gcpProject }),
    ...(logs.requestIdHeader !== undefined && { requestIdField: 'request_id' }),
    ...(logs.serviceFields && {
      service: { name: String(name), ...(version !== undefined && { version: String(version) }) },
    }),
    ...(loggerProvider !== undefined && { loggerProvider }),
    recordErrors: logs.recordErrorsOnSpan ? (logs.recordErrorsAsStatus ? 'status' : 'event') : 'off',
    onShippedElsewhere: (library: string, transport: string) =>
      say(
        'info',
        'ORG_OTEL_LOG_ELSEWHERE',
        `${library}: ${transport} sends the lines of a logger already; we do not`,
      ),
    onFailure: swallow,
  }
}
