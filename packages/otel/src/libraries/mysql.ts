// mysql 2: a span per query. Names are upstream's; docs/libraries.md lists what differs.
//
//   pool.getConnection ─ the callback runs in the caller's context, however long it waited
//   protocol._enqueue ─ so do the callback and the listeners of everything that waits for the connection
//   connection.connect ─ the socket belongs to nobody: what arrives later is not part of the request that opened it
import { type Context, context } from '@opentelemetry/api'
import { InstrumentationBase } from '../loader/instrumentation-base.ts'
import type { LibraryHooks, ModulePatch } from '../loader/library.ts'
import { Statements } from '../redact/sql-text.ts'
import { swallow } from '../self/guard.ts'
import type { FlatAttributes } from '../tracing/attributes.ts'
import { replaceMethod } from '../tracing/http/replace-method.ts'
import { MysqlMetrics, type Pool } from './mysql-metrics.ts'
import { type ConnectionConfig, type MysqlOptions, MysqlQuery, startQuery } from './mysql-query.ts'
import { patchOnce } from './patch-once.ts'
import { openSocket } from './set-up.ts'

export interface MysqlHooksOptions extends MysqlOptions {
  // Upstream's.
  readonly enhancedDatabaseReporting?: boolean
}

type Callback = (this: unknown, ...args: unknown[]) => unknown

interface Connection {
  readonly config?: ConnectionConfig
}

/** What the protocol's queue holds. */
interface Sequence {
  [WATCHED]?: Watched
}

/** Whose sequence it is, and the query whose answer it brings. */
interface Watched {
  readonly active: Context
  readonly asked: MysqlQuery | undefined
}

const WATCHED = Symbol('org.otel.mysql.watched')
/** On a callback that waits in a pool: the context it runs in. */
const OWNER = Symbol('org.otel.mysql.owner')

class Scope extends InstrumentationBase {
  readonly options: MysqlHooksOptions
  readonly statements = new Statements('mysql')
  readonly metrics = new MysqlMetrics(() => this.meter)
  /** Who opens the connection whose handshake is being queued. */
  opening: Context | undefined
  /** The query whose sequence is being queued. */
  starting: MysqlQuery | undefined

  constructor(options: MysqlHooksOptions) {
    super('@opentelemetry/instrumentation-mysql', '0.70.0', {})
    this.options = options
  }
}

function describeValues(args: readonly any[]): FlatAttributes {
  const values = Array.isArray(args[1]) ? args[1] : args[0]?.values
  return ['db.mysql.values', Array.isArray(values) ? `[${values.toString()}]` : '']
}

function wrapQuery(original: any, scope: Scope) {
  return function query(this: Connection, ...args: any[]): unknown {
    const sql = typeof args[0] === 'object' && args[0] !== null ? args[0].sql : args[0]
    // The exception is the caller's.
    if (typeof sql !== 'string') return original.apply(this, args)
    let asked: MysqlQuery
    try {
      const more = scope.options.enhancedDatabaseReporting === true ? describeValues(args) : undefined
      asked = new MysqlQuery(scope, this.config, sql, context.active(), more)
    } catch (problem) {
      swallow('mysql query', problem)
      return original.apply(this, args)
    }
    return startQuery(scope, asked, asked, () => original.apply(this, args))
  }
}

function wrapEnqueue(original: any, scope: Scope) {
  return function _enqueue(this: unknown, sequence: any): unknown {
    // Queries come here with what was asked; the handshake that the first of them implies comes before.
    const isQuery = typeof sequence?.sql === 'string'
    const asked = isQuery ? scope.starting : undefined
    if (isQuery) scope.starting = undefined
    if (typeof sequence === 'object' && sequence !== null && sequence[WATCHED] === undefined) {
      const active = asked?.active ?? scope.opening ?? context.active()
      Object.defineProperty(sequence, WATCHED, { value: { active, asked } satisfies Watched })
    }
    return original.call(this, sequence)
  }
}

/** Its last act: tells the listeners of an error, the callback, and the listeners of the end. */
function wrapEnd(original: any) {
  return function end(this: Sequence, ...args: unknown[]): unknown {
    const watched = this[WATCHED]
    if (watched === undefined) return original.apply(this, args)
    watched.asked?.finish(args[0])
    return context.with(watched.active, original, this, ...args)
  }
}

function wrapEmit(original: any) {
  return function emit(this: Sequence, ...args: unknown[]): unknown {
    const watched = this[WATCHED]
    return watched === undefined
      ? original.apply(this, args)
      : context.with(watched.active, original, this, ...args)
  }
}

function bind(active: Context, callback: Callback): Callback {
  return Object.assign(
    function (this: unknown, ...args: unknown[]): unknown {
      return context.with(active, callback, this, ...args)
    },
    { [OWNER]: active },
  )
}

function wrapGetConnection(original: any, scope: Scope) {
  return function getConnection(this: Pool, callback?: any): unknown {
    scope.metrics.addPool(this)
    if (typeof callback !== 'function') return original.call(this, callback)
    // One that waited is asked for again when a connection is released.
    const owner: Context | undefined = callback[OWNER]
    if (owner !== undefined) return context.with(owner, original, this, callback)
    return original.call(this, bind(context.active(), callback))
  }
}

function wrapConnect(original: any, scope: Scope) {
  return function connect(this: unknown, ...args: unknown[]): unknown {
    const outer = scope.opening
    const active = context.active()
    scope.opening = active
    try {
      return openSocket(active, () => original.apply(this, args))
    } finally {
      scope.opening = outer
    }
  }
}

/**
 * @example
 * mysqlHooks({ enhancedDatabaseReporting: true })
 */
export function mysqlHooks(options: MysqlHooksOptions = {}): LibraryHooks {
  const scope = new Scope(options)
  const undo: (() => void)[] = []

  const file = (
    path: string,
    methods: Record<string, (original: any, scope: Scope) => any>,
  ): ModulePatch => ({
    name: 'mysql',
    file: path,
    versions: ['>=2.0.0 <3'],
    patch(Class) {
      const { prototype } = Class
      patchOnce('mysql', prototype, undo, () => {
        for (const [method, wrap] of Object.entries(methods))
          if (typeof prototype[method] === 'function')
            undo.push(replaceMethod(prototype, method, wrap(prototype[method], scope)))
      })
      return Class
    },
  })
  return {
    modules: [
      file('lib/Connection.js', { query: wrapQuery, connect: wrapConnect }),
      file('lib/Pool.js', {
        getConnection: wrapGetConnection,
        end: original =>
          function end(this: Pool, ...args: unknown[]) {
            scope.metrics.removePool(this)
            return original.apply(this, args)
          },
      }),
      file('lib/protocol/Protocol.js', { _enqueue: wrapEnqueue }),
      file('lib/protocol/sequences/Sequence.js', { end: wrapEnd, emit: wrapEmit }),
    ],
    stop() {
      for (const one of undo.splice(0).reverse()) one()
    },
  }
}
