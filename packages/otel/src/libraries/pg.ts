// node-postgres 8 and its pool: a span per query, `pg.connect` for a connection that is opened, and `pg-pool.connect` when
// there was no idle one to be had at once. Names and attributes are upstream's; docs/libraries.md lists what differs.
import { type Context, context, type Span, SpanKind, trace } from '@opentelemetry/api'
import { InstrumentationBase } from '../loader/instrumentation-base.ts'
import type { LibraryHooks, ModulePatch } from '../loader/library.ts'
import { Statements } from '../redact/sql-text.ts'
import { swallow } from '../self/guard.ts'
import type { FlatAttributes } from '../tracing/attributes.ts'
import { callHook } from '../tracing/http/instrumentation-options.ts'
import { replaceMethod } from '../tracing/http/replace-method.ts'
import { PgMetrics, type Pool } from './pg-metrics.ts'
import {
  addComment,
  type Client,
  PgQuery,
  printTraceparent,
  type QueryConfig,
  recordFailure,
} from './pg-query.ts'
import { describeServer, type PgOptions } from './pg-tracing.ts'
import { startSpan } from './start-span.ts'

const patched = Symbol.for('org.otel.pg.patched')
/** Marks the statements we send ourselves. */
const OWN = Symbol('org.otel.pg.own')

class Scope extends InstrumentationBase {
  readonly options: PgOptions
  readonly statements = new Statements('postgresql')
  readonly metrics = new PgMetrics(() => this.meter)

  constructor(options: PgOptions) {
    super('@opentelemetry/instrumentation-pg', '0.77.0', {})
    this.options = options
  }

  isSkipped(active: Context): boolean {
    return this.options.requireParentSpan === true && trace.getSpan(active) === undefined
  }
}

function patchOnce(prototype: any, undo: (() => void)[], patch: () => void): void {
  if (typeof prototype !== 'object' || prototype === null || Object.hasOwn(prototype, patched)) return
  Object.defineProperty(prototype, patched, { value: true, configurable: true })
  undo.push(() => void delete prototype[patched])
  patch()
}

function wrapQuery(original: any, scope: Scope) {
  return function query(this: Client, ...args: any[]): unknown {
    const config: QueryConfig | string | null | undefined = args[0]
    // Nothing is asked without a statement: the exception is the caller's.
    if (config === null || config === undefined || (config as any)[OWN] === true)
      return original.apply(this, args)
    const active = context.active()
    if (scope.isSkipped(active)) return original.apply(this, args)
    let asked: PgQuery
    try {
      asked = new PgQuery(scope, this, args, active)
      if (scope.options.addSqlCommenterCommentToQueries) addComment(args, asked.span)
      if (scope.options.enableTraceContextPropagation) announce(this, original, asked.span)
      asked.watch(args)
    } catch (problem) {
      swallow('pg query', problem)
      return original.apply(this, args)
    }
    let result: any
    try {
      result = original.apply(this, args)
    } catch (error) {
      asked.abandon(error)
      throw error
    }
    // A query object is its own answer; everything else that can be awaited is a promise of the driver.
    if (result === config || typeof result?.then !== 'function') return result
    return result.then(
      (value: unknown) => {
        asked.finish(undefined, value)
        return value
      },
      (error: unknown) => {
        asked.finish(error)
        throw error
      },
    )
  }
}

/** Tells the server which trace the connection works for, one round trip ahead of the query. */
function announce(client: Client, query: any, span: Span): void {
  const traceparent = printTraceparent(span)
  if (traceparent === undefined) return
  const sent = query.call(client, { text: `SET application_name = '${traceparent}'`, [OWN]: true })
  sent?.catch?.((problem: unknown) => swallow('pg SET application_name', problem))
}

/** Runs `connect` in a span of its own. `callback`: the caller's, if it gave one. */
function connectIn(
  span: Span,
  active: Context,
  callback: ((...args: any[]) => unknown) | undefined,
  connect: (callback: ((...args: any[]) => unknown) | undefined) => any,
): any {
  const hasCallback = typeof callback === 'function'
  const given = hasCallback
    ? function (this: unknown, ...args: unknown[]): unknown {
        endConnect(span, args[0])
        return context.with(active, callback as any, this as any, ...args)
      }
    : callback
  let result: any
  try {
    result = context.with(trace.setSpan(active, span), connect, undefined, given)
  } catch (error) {
    endConnect(span, error)
    throw error
  }
  if (hasCallback) return result
  if (typeof result?.then !== 'function') {
    span.end()
    return result
  }
  return result.then(
    (value: unknown) => {
      endConnect(span, undefined)
      return value
    },
    (error: unknown) => {
      endConnect(span, error)
      throw error
    },
  )
}

function endConnect(span: Span, error: unknown): void {
  try {
    if (error) recordFailure(span, error)
    span.end()
  } catch (problem) {
    swallow('pg connect', problem)
  }
}

function wrapConnect(original: any, scope: Scope) {
  const { connectSpans, ignoreConnectSpans, connectionHook } = scope.options
  const isSilent = connectSpans === false || (connectSpans === undefined && ignoreConnectSpans === true)
  return function connect(this: Client, callback?: any): unknown {
    const active = context.active()
    if (isSilent || scope.isSkipped(active)) return original.call(this, callback)
    const { database, host, port, user } = this.connectionParameters
    const attributes = describeServer(database, host, port)
    const span = startSpan(scope.tracer, 'pg.connect', SpanKind.CLIENT, attributes, active)
    if (connectionHook)
      callHook('connectionHook', connectionHook, span, { connection: { database, host, port, user } })
    return connectIn(span, active, callback, given => original.call(this, given))
  }
}

function wrapPoolConnect(original: any, scope: Scope) {
  const { connectSpans, ignoreConnectSpans, connectionHook } = scope.options
  const isSilent = connectSpans === false || (connectSpans === undefined && ignoreConnectSpans === true)
  return function connect(this: Pool, callback?: any): unknown {
    const active = context.active()
    if (scope.isSkipped(active)) return original.call(this, callback)
    scope.metrics.addPool(this)
    const isImmediate = this.idleCount > this.waitingCount
    if (isSilent || (isImmediate && connectSpans !== true)) {
      // The pool hands out clients in whatever context one was released.
      if (typeof callback !== 'function') return original.call(this, callback)
      return original.call(this, function (this: unknown, error: unknown, client: unknown, done: unknown) {
        return context.with(active, callback, this as any, error, client, done)
      })
    }
    const { options } = this
    const { database, host, port, user } = parseTarget(options)
    const attributes: FlatAttributes = []
    if (typeof options.idleTimeoutMillis === 'number')
      attributes.push('db.postgresql.idle.timeout.millis', options.idleTimeoutMillis)
    if (typeof options.maxClient === 'number') attributes.push('db.postgresql.max.client', options.maxClient)
    attributes.push(...describeServer(database, host, port))
    const span = startSpan(scope.tracer, 'pg-pool.connect', SpanKind.CLIENT, attributes, active)
    if (connectionHook)
      callHook('connectionHook', connectionHook, span, { connection: { database, host, port, user } })
    return connectIn(span, active, callback, given => original.call(this, given))
  }
}

interface Target {
  database?: string | undefined
  host?: string | undefined
  port?: number | undefined
  user?: string | undefined
}

/** Where a pool connects to; its connection string says it over its options. */
function parseTarget(options: Pool['options']): Target {
  const { connectionString, database, host, port, user } = options
  const given = { database, host, port: Number.isInteger(port) ? (port as number) : undefined, user }
  if (!connectionString || !URL.canParse(connectionString)) return given
  const url = new URL(connectionString)
  return {
    database: url.pathname.slice(1),
    host: url.hostname,
    port: Number(url.port) || given.port,
    user: decodeURIComponent(url.username) || user,
  }
}

/**
 * @example
 * pgHooks({ requireParentSpan: true, connectSpans: false })
 */
export function pgHooks(options: PgOptions = {}): LibraryHooks {
  const scope = new Scope(options)
  const undo: (() => void)[] = []

  function patchClient(Client: any): void {
    const prototype = Client?.prototype
    patchOnce(prototype, undo, () => {
      undo.push(replaceMethod(prototype, 'query', wrapQuery(prototype.query, scope)))
      undo.push(replaceMethod(prototype, 'connect', wrapConnect(prototype.connect, scope)))
    })
  }
  function patchPool(Pool: any): void {
    const prototype = Pool?.prototype
    patchOnce(prototype, undo, () => {
      undo.push(replaceMethod(prototype, 'connect', wrapPoolConnect(prototype.connect, scope)))
      const { end } = prototype
      undo.push(
        replaceMethod(prototype, 'end', function (this: Pool, ...args: unknown[]) {
          try {
            return end.apply(this, args)
          } finally {
            if (this.ending) scope.metrics.removePool(this)
          }
        }),
      )
    })
  }
  const versions = ['>=8.0.3 <9']
  const file = (path: string): ModulePatch => ({
    name: 'pg',
    file: path,
    versions,
    patch(exports) {
      patchClient(exports)
      return exports
    },
  })
  return {
    modules: [
      {
        name: 'pg',
        versions,
        patch(exports) {
          patchClient((exports.default ?? exports).Client)
          return exports
        },
      },
      file('lib/client.js'),
      file('lib/native/client.js'),
      {
        name: 'pg-pool',
        versions: ['>=2.0.0 <4'],
        patch(exports) {
          patchPool(exports.default ?? exports)
          return exports
        },
      },
    ],
    stop() {
      for (const one of undo.splice(0).reverse()) one()
    },
  }
}
