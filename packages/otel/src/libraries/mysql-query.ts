// What mysql and mysql2 share: one query from the call to its answer, and what a span says of a MySQL server.
import { type Context, type Span, SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api'
import type { Statements } from '../redact/sql-text.ts'
import { swallow } from '../self/guard.ts'
import type { FlatAttributes } from '../tracing/attributes.ts'
import { callHook } from '../tracing/http/instrumentation-options.ts'
import { type Semconv, withOldNames } from './old-names.ts'
import { startSpan } from './start-span.ts'

export interface MysqlOptions {
  /** Literals stay in `db.query.text`. */
  readonly keepLiterals?: boolean
  readonly semconv?: Semconv
  // Upstream's.
  readonly maskStatement?: boolean
  readonly maskStatementHook?: (sql: string) => string
  readonly responseHook?: (span: Span, info: { queryResults: unknown }) => void
}

/** What a query needs of its instrumentation. */
export interface MysqlTracing {
  readonly options: MysqlOptions
  readonly tracer: Tracer
  readonly statements: Statements
}

export interface ConnectionConfig {
  readonly host?: unknown
  readonly port?: unknown
  readonly database?: unknown
  readonly user?: unknown
}

export class MysqlQuery {
  readonly span: Span
  /** The caller's, for its callbacks and listeners. */
  readonly active: Context
  private readonly tracing: MysqlTracing
  private isFinished = false
  /** Called when the query is over. */
  onFinish: (() => void) | undefined

  constructor(
    tracing: MysqlTracing,
    config: ConnectionConfig | undefined,
    sql: string,
    active: Context,
    more: FlatAttributes = [],
  ) {
    this.tracing = tracing
    this.active = active
    const { options, statements, tracer } = tracing
    const statement = statements.find(sql)
    const attributes: FlatAttributes = ['db.system.name', 'mysql']
    const { host, port, database, user } = config ?? {}
    if (typeof database === 'string') attributes.push('db.namespace', database)
    if (typeof host === 'string') attributes.push('server.address', host)
    const portNumber = Number.parseInt(String(port), 10)
    if (!Number.isNaN(portNumber)) attributes.push('server.port', portNumber)
    attributes.push('db.query.text', printStatement(options, statement))
    attributes.push(...more)
    this.span = startSpan(
      tracer,
      statement.verb || 'SQL',
      SpanKind.CLIENT,
      withOldNames(options.semconv, attributes, user),
      active,
    )
  }

  /** The answer is there. A second call does nothing. */
  finish(error: unknown, result?: unknown): void {
    if (this.isFinished) return
    this.isFinished = true
    try {
      const { responseHook } = this.tracing.options
      if (error) recordFailure(this.span, error)
      else if (responseHook !== undefined)
        callHook('responseHook', responseHook, this.span, { queryResults: result })
      this.span.end()
      this.onFinish?.()
    } catch (problem) {
      swallow('mysql answer', problem)
    }
  }
}

function printStatement(
  { keepLiterals, maskStatement, maskStatementHook }: MysqlOptions,
  statement: { text: string; redacted: string },
): string {
  if (maskStatement && maskStatementHook !== undefined)
    return String(callHook('maskStatementHook', maskStatementHook, statement.text) ?? statement.redacted)
  return keepLiterals === true ? statement.text : statement.redacted
}

/** Errors whose messages quote names and nothing else: unknown databases, tables and columns, missing rights and defaults. */
const nameErrors = new Set([
  1044, 1045, 1046, 1048, 1049, 1050, 1051, 1054, 1060, 1061, 1068, 1091, 1109, 1142, 1143, 1146, 1305, 1364,
])

export function recordFailure(span: Span, error: unknown): void {
  const { code, errno, sqlState, message } = error as {
    code?: unknown
    errno?: unknown
    sqlState?: unknown
    message?: unknown
  }
  // The operating system's errors have a negative errno and no SQLSTATE.
  const isAnswer = typeof errno === 'number' && errno > 0 && (sqlState !== undefined || isMysqlCode(code))
  span.setStatus({
    code: SpanStatusCode.ERROR,
    ...(typeof message === 'string' && {
      message: isAnswer && !nameErrors.has(errno) ? redactQuoted(message) : message,
    }),
  })
  if (isAnswer) {
    span.setAttribute('error.type', String(errno))
    span.setAttribute('db.response.status_code', String(errno))
  } else {
    const name = (error as { name?: unknown }).name
    span.setAttribute(
      'error.type',
      typeof code === 'string' ? code : typeof name === 'string' ? name : '_OTHER',
    )
  }
}

function isMysqlCode(code: unknown): boolean {
  return typeof code === 'string' && /^(?:ER|WARN)_/.test(code)
}

/** `Duplicate entry 'a@b.example' for key 'mail'` quotes the row, a syntax error the statement; nothing is escaped in it. */
function redactQuoted(message: string): string {
  const first = message.indexOf("'")
  if (first === -1) return message
  const isCut = message.split("'").length % 2 === 0
  return `${message.slice(0, first)}?${isCut ? '' : message.slice(message.lastIndexOf("'") + 1)}`
}

/**
 * Calls the driver while `starting` says whose query it is about to put into its queue. What it throws at once is the
 * failure of the query, and goes on to the caller.
 */
export function startQuery<S>(
  scope: { starting: S | undefined },
  starting: S,
  asked: MysqlQuery,
  call: () => unknown,
): unknown {
  const outer = scope.starting
  scope.starting = starting
  try {
    return call()
  } catch (error) {
    asked.finish(error)
    throw error
  } finally {
    scope.starting = outer
  }
}
