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
import { withOldNames } from './old-names.ts'
import { patchOnce } from './patch-once.ts'
import { PgMetrics, type Pool } from './pg-metrics.ts'
import { addComment, type Client, PgQuery, type QueryConfig, recordFailure } from './pg-query.ts'
import { describeServer, type PgOptions } from './pg-tracing.ts'
import { openSocket } from './set-up.ts'
import { printTraceparent } from './sql-comment.ts'
import { startSpan } from './start-span.ts'

/** Marks the statements we send ourselves. */
const OWN = Symbol('org.otel.pg.own')

class Scope extends InstrumentationBase {
  readonly options: PgOptions
  readonly statements = new Statements('postgresql')
  readonly metrics = new PgMetrics(() => this.meter)
  /** The context of a set-up that is under way. */
  readonly settingUp = new WeakMap<object, Context>()
  /** Who waits in a pool's queue: the context a connection is opened in for him. */
  readonly waiting = new WeakMap<object, Context>()

  constructor(options: PgOptions) {
    super('@opentelemetry/instrumentation-pg', '0.77.0', {})
    this.options = options
  }

  isSkipped(active: Context): boolean {
    return this.options.requireParentSpan === true && trace.getSpan(active) === undefined
  }
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

type Callback = (this: unknown, ...args: any[]) => unknown

/** The caller's callback in the caller's context. */
function bind(active: Context, callback: Callback | undefined): Callback | undefined {
  if (typeof callback !== 'function') return callback
  return function (...args) {
    return context.with(active, callback, this as any, ...args)
  }
}

/** Runs `connect` in a span of its own. `callback`: the caller's, if it gave one. */
function connectIn(
  span: Span,
  active: Context,
  callback: Callback | undefined,
  connect: (inSpan: Context, callback: Callback | undefined) => any,
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
    result = connect(trace.setSpan(active, span), given)
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
    const setUp = (inContext: Context, given: Callback | undefined) => {
      scope.settingUp.set(this, inContext)
      return openSocket(inContext, () => original.call(this, given))
    }
    if (isSilent || scope.isSkipped(active)) return setUp(active, bind(active, callback))
    const { database, host, port, user } = this.connectionParameters
    const attributes = withOldNames(scope.options.semconv, describeServer(database, host, port), user)
    const span = startSpan(scope.tracer, 'pg.connect', SpanKind.CLIENT, attributes, active)
    if (connectionHook)
      callHook('connectionHook', connectionHook, span, { connection: { database, host, port, user } })
    return connectIn(span, active, callback, setUp)
  }
}

/** The application's function that makes the password is called for the one who connects. */
function wrapPassword(original: any, scope: Scope) {
  return function (this: Client, ...args: unknown[]): unknown {
    return context.with(scope.settingUp.get(this) ?? context.active(), original, this, ...args)
  }
}

/** `connect` is the end of the set-up; whatever a connection emits later is nobody's. */
function wrapEmit(original: any, scope: Scope) {
  return function emit(this: Client, name: unknown, ...args: unknown[]): unknown {
    const active = name === 'connect' ? scope.settingUp.get(this) : undefined
    if (active === undefined) return original.call(this, name, ...args)
    scope.settingUp.delete(this)
    return context.with(active, original, this, name, ...args)
  }
}

function wrapPoolConnect(original: any, scope: Scope) {
  const { connectSpans, ignoreConnectSpans, connectionHook } = scope.options
  const isSilent = connectSpans === false || (connectSpans === undefined && ignoreConnectSpans === true)
  return function connect(this: Pool, callback?: any): unknown {
    const active = context.active()
    // The pool hands out clients, and opens them, in whatever context one was released.
    const ask = (inContext: Context, given: Callback | undefined) => {
      const length = this._pendingQueue?.length ?? 0
      const result = context.with(inContext, original, this, given)
      const last = this._pendingQueue?.[length]
      if (last !== undefined) scope.waiting.set(last, inContext)
      return result
    }
    if (scope.isSkipped(active)) return ask(active, bind(active, callback))
    scope.metrics.addPool(this)
    const isImmediate = this.idleCount > this.waitingCount
    if (isSilent || (isImmediate && connectSpans !== true)) return ask(active, bind(active, callback))
    const { options } = this
    const { database, host, port, user } = parseTarget(options)
    const attributes: FlatAttributes = []
    if (typeof options.idleTimeoutMillis === 'number')
      attributes.push('db.postgresql.idle.timeout.millis', options.idleTimeoutMillis)
    if (typeof options.maxClient === 'number') attributes.push('db.postgresql.max.client', options.maxClient)
    attributes.push(...withOldNames(scope.options.semconv, describeServer(database, host, port), user))
    const span = startSpan(scope.tracer, 'pg-pool.connect', SpanKind.CLIENT, attributes, active)
    if (connectionHook)
      callHook('connectionHook', connectionHook, span, { connection: { database, host, port, user } })
    return connectIn(span, active, callback, ask)
  }
}

/** What a pool does for somebody who waited, `at` which argument he stands. */
function wrapForWaiting(original: any, scope: Scope, at: number) {
  return function (this: Pool, ...args: any[]): unknown {
    const active = typeof args[at] === 'object' && args[at] !== null ? scope.waiting.get(args[at]) : undefined
    return active === undefined ? original.apply(this, args) : context.with(active, original, this, ...args)
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
    patchOnce('pg', prototype, undo, () => {
      undo.push(replaceMethod(prototype, 'query', wrapQuery(prototype.query, scope)))
      undo.push(replaceMethod(prototype, 'connect', wrapConnect(prototype.connect, scope)))
      undo.push(replaceMethod(prototype, 'emit', wrapEmit(prototype.emit, scope)))
      // The second is its name before 8.8.
      for (const name of ['_getPassword', '_checkPgPass'])
        if (typeof prototype[name] === 'function')
          undo.push(replaceMethod(prototype, name, wrapPassword(prototype[name], scope)))
    })
  }
  function patchPool(Pool: any): void {
    const prototype = Pool?.prototype
    patchOnce('pg', prototype, undo, () => {
      undo.push(replaceMethod(prototype, 'connect', wrapPoolConnect(prototype.connect, scope)))
      for (const [name, at] of [
        ['newClient', 0],
        ['_acquireClient', 1],
      ] as const)
        if (typeof prototype[name] === 'function')
          undo.push(replaceMethod(prototype, name, wrapForWaiting(prototype[name], scope, at)))
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
