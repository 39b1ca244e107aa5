// One query of node-postgres, from the call to its answer, whichever way the answer comes: promise, callback, events of a
// query object, or the protocol messages of a cursor or stream.
import { type Context, context, type Span, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { swallow } from '../self/guard.ts'
import { monotonicMs } from '../tracing/clock.ts'
import { callHook } from '../tracing/http/instrumentation-options.ts'
import { describeServer, type PgTracing } from './pg-tracing.ts'
import { startSpan } from './start-span.ts'

export interface Client {
  readonly database?: string
  readonly connectionParameters: { database?: string; host?: string; port?: number; user?: string }
}

type Callback = (this: unknown, ...args: unknown[]) => unknown

/** What may be given as the first argument, besides a text; with `submit` it is the query itself. */
export interface QueryConfig {
  text?: unknown
  name?: unknown
  values?: unknown
  callback?: unknown
  submit?: unknown
  /** pg-query-stream */
  cursor?: { text?: unknown; values?: unknown }
  handleReadyForQuery?: Callback
  handleError?: Callback
}

interface Facts {
  text: string | undefined
  name: string | undefined
  values: readonly unknown[] | undefined
}

function readFacts(args: readonly unknown[]): Facts {
  const positional = Array.isArray(args[1]) ? args[1] : undefined
  if (typeof args[0] === 'string') return { text: args[0], name: undefined, values: positional }
  const config = args[0] as QueryConfig
  const text = config.text ?? config.cursor?.text
  const values = config.values ?? config.cursor?.values ?? positional
  return {
    text: typeof text === 'string' ? text : undefined,
    name: typeof config.name === 'string' ? config.name : undefined,
    values: Array.isArray(values) ? values : undefined,
  }
}

export class PgQuery {
  readonly span: Span
  private readonly tracing: PgTracing
  private readonly client: Client
  private readonly active: Context
  private readonly operation: string | undefined
  private readonly startMs: number
  private isFinished = false

  constructor(tracing: PgTracing, client: Client, args: readonly unknown[], active: Context) {
    this.tracing = tracing
    this.client = client
    this.active = active
    this.startMs = monotonicMs()
    const { options, tracer, statements } = tracing
    const { database, host, port, user } = client.connectionParameters
    const { text, name, values } = readFacts(args)
    const attributes = describeServer(database, host, port)
    let spanName = 'pg.query'
    if (text !== undefined) {
      const statement = statements.find(text)
      this.operation = statement.operation
      spanName = name ? `pg.query:${name}${database ? ` ${database}` : ''}` : statement.nameIn(database)
      const isKept = options.keepLiterals === true || options.enhancedDatabaseReporting === true
      if (text !== '') attributes.push('db.query.text', isKept ? statement.text : statement.redacted)
      if (options.enhancedDatabaseReporting === true && values !== undefined)
        attributes.push('db.postgresql.values', values.map(printValue))
      if (name !== undefined) attributes.push('db.postgresql.plan', name)
    } else {
      this.operation = undefined
    }
    this.span = startSpan(tracer, spanName, SpanKind.CLIENT, attributes, active)
    if (options.requestHook !== undefined && text !== undefined)
      callHook('requestHook', options.requestHook, this.span, {
        connection: { database, host, port, user },
        query: { text, values, name },
      })
  }

  /** Puts ourselves between the query and its callback, in `args` and never in an object of the caller's but the query. */
  watch(args: any[]): void {
    const config: QueryConfig = args[0]
    const last = args.length - 1
    const isQuery = typeof config === 'object' && typeof config.submit === 'function'
    if (isQuery && typeof config.callback === 'function')
      config.callback = this.wrap(config.callback as Callback)
    else if (last > 0 && typeof args[last] === 'function') args[last] = this.wrap(args[last])
    else if (isQuery) this.watchMessages(config)
    else if (typeof config === 'object' && typeof config.callback === 'function') {
      const value = this.wrap(config.callback as Callback)
      args[0] = Object.create(config, {
        callback: { value, writable: true, configurable: true, enumerable: true },
      })
    }
  }

  private wrap(callback: Callback): Callback {
    const asked = this
    return function (error, ...rest) {
      asked.finish(error, rest[0])
      return context.with(asked.active, callback as Callback, this as any, error, ...rest)
    }
  }

  /** The driver tells a query object that has no callback of its end by these methods. */
  private watchMessages(query: QueryConfig): void {
    const asked = this
    const { handleReadyForQuery, handleError } = query
    if (typeof handleReadyForQuery !== 'function' || typeof handleError !== 'function') {
      this.finish(undefined)
      return
    }
    query.handleReadyForQuery = function (...args) {
      asked.finish(undefined)
      return handleReadyForQuery.apply(this, args)
    }
    query.handleError = function (...args) {
      asked.finish(args[0])
      return handleError.apply(this, args)
    }
  }

  /** The answer is there. A second call does nothing. */
  finish(error: unknown, result?: unknown): void {
    if (this.isFinished) return
    this.isFinished = true
    try {
      const { span, tracing, client, operation } = this
      const { responseHook } = tracing.options
      let code: string | undefined
      if (error) code = recordFailure(span, error)
      else if (responseHook !== undefined) callHook('responseHook', responseHook, span, { data: result })
      const { host, port } = client.connectionParameters
      tracing.metrics.recordDuration(
        (monotonicMs() - this.startMs) / 1e3,
        { database: client.database, host, port, operation, errorType: code },
        this.active,
      )
      span.end()
    } catch (problem) {
      swallow('pg answer', problem)
    }
  }

  /** The driver threw: nothing was sent. */
  abandon(error: unknown): void {
    if (this.isFinished) return
    this.isFinished = true
    try {
      recordFailure(this.span, error)
      this.span.end()
    } catch (problem) {
      swallow('pg query', problem)
    }
  }
}

/**
 * Returns the SQLSTATE or system error code. Messages of data exceptions (class 22) quote the data:
 * `invalid input syntax for type integer: "s3cret"`; theirs is replaced.
 */
export function recordFailure(span: Span, error: unknown): string | undefined {
  const { name, code, message } = error as { name?: string; code?: unknown; message?: unknown }
  const sanitised = `PostgreSQL error of type '${name ?? 'PostgreSQLError'}' occurred (code: ${code ?? 'UNKNOWN'})`
  if (error instanceof Error) span.recordException(sanitised)
  const hasData = typeof code === 'string' && /^22...$/.test(code)
  span.setStatus({
    code: SpanStatusCode.ERROR,
    ...(typeof message === 'string' && { message: hasData ? sanitised : message }),
  })
  if (typeof code !== 'string') return undefined
  span.setAttribute('error.type', code)
  if (/^[0-9A-Z]{5}$/.test(code)) span.setAttribute('db.response.status_code', code)
  return code
}

/** The span as a comment at the end of the statement (sqlcommenter), unless it has a comment already. */
export function addComment(args: any[], span: Span): void {
  const config: QueryConfig | string = args[0]
  if (typeof config === 'string') args[0] = comment(config, span)
  else if (
    typeof config.text === 'string' &&
    config.name === undefined &&
    typeof config.submit !== 'function'
  ) {
    const value = comment(config.text, span)
    args[0] = Object.create(config, { text: { value, writable: true, configurable: true, enumerable: true } })
  }
}

function comment(sql: string, span: Span): string {
  if (sql === '' || sql.includes('--') || sql.includes('/*')) return sql
  const traceparent = printTraceparent(span)
  if (traceparent === undefined) return sql
  const state = span.spanContext().traceState?.serialize()
  const tags = [`traceparent='${traceparent}'`, ...(state ? [`tracestate='${encode(state)}'`] : [])]
  return `${sql} /*${tags.join(',')}*/`
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

export function printTraceparent(span: Span): string | undefined {
  const { traceId, spanId, traceFlags } = span.spanContext()
  if (/^0*$/.test(traceId)) return undefined
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
}

function printValue(value: any): string {
  if (value == null) return 'null'
  if (value instanceof Buffer) return value.toString()
  if (typeof value !== 'object') return String(value)
  return typeof value.toPostgres === 'function' ? String(value.toPostgres()) : JSON.stringify(value)
}
