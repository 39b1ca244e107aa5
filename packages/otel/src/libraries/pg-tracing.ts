// What the files of node-postgres share: its options, and what a span says of the server.
import type { Span, Tracer } from '@opentelemetry/api'
import type { Statements } from '../redact/sql-text.ts'
import type { FlatAttributes } from '../tracing/attributes.ts'
import type { Semconv } from './old-names.ts'
import type { PgMetrics } from './pg-metrics.ts'

type Hook = (span: Span, info: any) => void

export interface PgOptions {
  /** `true`: a span for every checkout, as upstream; `false`: none; absent: `pg-pool.connect` only for those that wait. */
  readonly connectSpans?: boolean
  /** Literals stay in `db.query.text`. */
  readonly keepLiterals?: boolean
  readonly semconv?: Semconv
  // Upstream's.
  readonly ignoreConnectSpans?: boolean
  readonly requireParentSpan?: boolean
  readonly enhancedDatabaseReporting?: boolean
  readonly addSqlCommenterCommentToQueries?: boolean
  readonly enableTraceContextPropagation?: boolean
  readonly requestHook?: Hook
  readonly responseHook?: Hook
  readonly connectionHook?: Hook
}

/** What a query needs of its instrumentation. */
export interface PgTracing {
  readonly options: PgOptions
  readonly tracer: Tracer
  readonly metrics: PgMetrics
  readonly statements: Statements
}

/** What every span of ours says of its server. */
export function describeServer(database: unknown, host: unknown, port: unknown): FlatAttributes {
  const attributes: FlatAttributes = ['db.system.name', 'postgresql']
  if (typeof database === 'string') attributes.push('db.namespace', database)
  if (typeof host === 'string') attributes.push('server.address', host)
  if (Number.isInteger(port)) attributes.push('server.port', port as number)
  return attributes
}
