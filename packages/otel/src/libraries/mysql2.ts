// mysql2 1.4.2 to 3: a span per query, prepared ones and streams too. Names are upstream's; docs/libraries.md lists what
// differs. Patched and not subscribed: the library's own channels speak when a connection is free, in the context of whoever
// released it, and add listeners that change how a failed stream behaves.
//
//   pool.getConnection ─ the callback runs in the caller's context, however long it waited
//   connection.addCommand ─ so do the callback and the listeners of everything that waits for the connection
//   a new connection ─ its socket belongs to nobody: what arrives later is not part of the request that opened it
import { type Context, context, ROOT_CONTEXT, type Span } from '@opentelemetry/api'
import { InstrumentationBase } from '../loader/instrumentation-base.ts'
import type { LibraryHooks, ModulePatch } from '../loader/library.ts'
import { Statements } from '../redact/sql-text.ts'
import { swallow } from '../self/guard.ts'
import { replaceMethod } from '../tracing/http/replace-method.ts'
import { type ConnectionConfig, type MysqlOptions, MysqlQuery, startQuery } from './mysql-query.ts'
import { patchOnce } from './patch-once.ts'
import { openSocket } from './set-up.ts'
import { appendComment } from './sql-comment.ts'

export interface Mysql2Options extends MysqlOptions {
  readonly addSqlCommenterCommentToQueries?: boolean
}

type Callback = (this: unknown, ...args: unknown[]) => unknown

interface Connection {
  readonly config?: ConnectionConfig
}

interface Pool {
  readonly config?: { readonly connectionLimit?: number; readonly connectionConfig?: StreamConfig }
  readonly _freeConnections?: { readonly length: number }
  readonly _allConnections?: { readonly length: number }
}

interface StreamConfig {
  /** The application's own way to the server. */
  readonly stream?: unknown
}

/** What a connection's queue holds. */
interface Command {
  onResult?: unknown
  readonly statement?: { readonly query?: unknown }
  [WATCHED]?: Watched
}

/** Whose command it is, and the query whose answer it brings. */
interface Watched {
  readonly active: Context
  readonly asked: MysqlQuery | undefined
  firstResult?: unknown
}

const WATCHED = Symbol('org.otel.mysql2.watched')
/** On a callback that waits in a pool: the context it runs in. */
const OWNER = Symbol('org.otel.mysql2.owner')

type Undo = () => void

function bind(active: Context, callback: Callback): Callback {
  return Object.assign(
    function (this: unknown, ...args: unknown[]): unknown {
      return context.with(active, callback, this, ...args)
    },
    { [OWNER]: active },
  )
}

/** The prototype in the chain of `Class` that has the method: it moved to a base class. */
function ownerOf(Class: any, method: string): any {
  let prototype = Class?.prototype
  while (prototype != null && !Object.hasOwn(prototype, method)) prototype = Object.getPrototypeOf(prototype)
  return prototype
}

class Scope extends InstrumentationBase {
  readonly options: Mysql2Options
  readonly statements = new Statements('mysql')
  /** Who opens the connection that is being constructed. */
  opening: Context | undefined
  /** The query whose commands are being queued. */
  starting: { readonly connection: Connection; readonly asked: MysqlQuery } | undefined
  private readonly open = new WeakMap<Connection, Set<MysqlQuery>>()

  constructor(options: Mysql2Options) {
    super('@opentelemetry/instrumentation-mysql2', '0.70.0', {})
    this.options = options
  }

  begin(connection: Connection, sql: string, active: Context): MysqlQuery {
    const asked = new MysqlQuery(this, connection.config, sql, active)
    let open = this.open.get(connection)
    if (open === undefined) this.open.set(connection, (open = new Set()))
    open.add(asked)
    asked.onFinish = () => open.delete(asked)
    return asked
  }

  /** Queries without a callback do not learn that their connection is gone. */
  finishAll(connection: Connection, error: unknown): void {
    for (const asked of this.open.get(connection) ?? []) asked.finish(error)
  }

  /** Runs what opens a connection: the socket is nobody's, the handshake its opener's. */
  openConnection<T>(active: Context, config: StreamConfig | undefined, open: () => T): T {
    const outer = this.opening
    this.opening = active
    try {
      return typeof config?.stream === 'function' ? open() : openSocket(active, open)
    } finally {
      this.opening = outer
    }
  }
}

function wrapQuery(original: any, scope: Scope, isPrepared: boolean) {
  return function query(this: Connection, ...args: any[]): unknown {
    const sql = typeof args[0] === 'object' && args[0] !== null ? args[0].sql : args[0]
    // The exception is the caller's.
    if (typeof sql !== 'string') return original.apply(this, args)
    const active = context.active()
    let asked: MysqlQuery
    try {
      asked = scope.begin(this, sql, active)
      if (!isPrepared && scope.options.addSqlCommenterCommentToQueries) addComment(args, asked.span)
    } catch (problem) {
      swallow('mysql2 query', problem)
      return original.apply(this, args)
    }
    return startQuery(scope, { connection: this, asked }, asked, () => original.apply(this, args))
  }
}

/** A query object is the driver's own and nobody else's; an options object is the caller's. */
function addComment(args: any[], span: Span): void {
  const given = args[0]
  if (typeof given === 'string') args[0] = appendComment(given, span)
  else if (typeof given.on === 'function') given.sql = appendComment(given.sql, span)
  else
    args[0] = Object.assign(Object.create(Object.getPrototypeOf(given)), given, {
      sql: appendComment(given.sql, span),
    })
}

function watch(connection: Connection, command: Command, scope: Scope): void {
  if (command[WATCHED] !== undefined) return
  let asked = scope.starting?.connection === connection ? scope.starting.asked : undefined
  // The first of two: what it brings is the statement, or the reason why there is none.
  const isPreparation = 'parameterDefinitions' in command
  if (asked !== undefined && !isPreparation) scope.starting = undefined
  if (asked === undefined && 'parameters' in command && typeof command.statement?.query === 'string')
    asked = scope.begin(connection, command.statement.query, context.active())
  const active = asked?.active ?? scope.opening ?? context.active()
  Object.defineProperty(command, WATCHED, { value: { active, asked: isPreparation ? undefined : asked } })
  const { onResult } = command
  if (typeof onResult !== 'function') return
  command.onResult = function (this: unknown, error: unknown, ...rest: unknown[]) {
    if (error || !isPreparation) asked?.finish(error, rest[0])
    return context.with(active, onResult as Callback, this, error, ...rest)
  }
}

function wrapAddCommand(original: any, scope: Scope) {
  return function addCommand(this: Connection, command: Command): unknown {
    try {
      watch(this, command, scope)
    } catch (problem) {
      swallow('mysql2 command', problem)
    }
    return original.call(this, command)
  }
}

/** A closed connection takes no commands; to those without a callback it does not say so. */
function wrapRefusal(original: any, scope: Scope) {
  const refuse = wrapAddCommand(original, scope)
  return function _addCommandClosedState(this: Connection, command: Command): unknown {
    try {
      return refuse.call(this, command)
    } finally {
      command?.[WATCHED]?.asked?.finish(new Error('The connection is closed'))
    }
  }
}

function wrapEmit(original: any) {
  return function emit(this: Command, name: unknown, ...args: unknown[]): unknown {
    const watched = this[WATCHED]
    if (watched === undefined) return original.call(this, name, ...args)
    const { active, asked } = watched
    if (asked !== undefined) {
      if (name === 'result') watched.firstResult ??= args[0]
      else if (name === 'error') asked.finish(args[0])
      // With a callback, its call is the end: results come a tick later than this.
      else if (name === 'end' && typeof this.onResult !== 'function')
        asked.finish(undefined, watched.firstResult)
    }
    return context.with(active, original, this, name, ...args)
  }
}

function isFull({ _freeConnections, _allConnections, config }: Pool): boolean {
  const limit = config?.connectionLimit
  return _freeConnections?.length !== 0 || (limit !== 0 && (_allConnections?.length ?? 0) >= (limit ?? 0))
}

function wrapGetConnection(original: any, scope: Scope) {
  return function getConnection(this: Pool, callback?: any): unknown {
    if (typeof callback !== 'function') return original.call(this, callback)
    // One that waited is asked for again when its connection was lost.
    const owner: Context | undefined = callback[OWNER]
    const active = owner ?? context.active()
    const given = owner === undefined ? bind(active, callback) : callback
    if (!isFull(this))
      return scope.openConnection(active, this.config?.connectionConfig, () => original.call(this, given))
    return owner === undefined
      ? original.call(this, given)
      : context.with(active, () => original.call(this, given))
  }
}

function wrapConnect(original: any, scope: Scope) {
  return function connect(this: Connection, callback?: any): unknown {
    const active = scope.opening ?? context.active()
    return original.call(this, typeof callback === 'function' ? bind(active, callback) : callback)
  }
}

function wrapNotifyError(original: any, scope: Scope) {
  return function _notifyError(this: Connection, error: unknown): unknown {
    try {
      return original.call(this, error)
    } finally {
      scope.finishAll(this, error)
    }
  }
}

function wrapClose(original: any, scope: Scope) {
  return function close(this: Connection, ...args: unknown[]): unknown {
    try {
      return original.apply(this, args)
    } finally {
      // Its own user gave up.
      scope.finishAll(this, undefined)
    }
  }
}

/**
 * @example
 * mysql2Hooks({ addSqlCommenterCommentToQueries: true })
 */
export function mysql2Hooks(options: Mysql2Options = {}): LibraryHooks {
  const scope = new Scope(options)
  const undo: Undo[] = []
  const versions = ['>=1.4.2 <4']
  const creators = new WeakSet<object>()

  function replace(prototype: any, method: string, wrap: (original: any) => any): void {
    if (typeof prototype[method] === 'function')
      undo.push(replaceMethod(prototype, method, wrap(prototype[method])))
  }

  /** `createConnection` and everything that goes by its name. */
  function wrapCreate(original: any): any {
    if (typeof original !== 'function' || creators.has(original)) return original
    const createConnection = function (this: unknown, ...args: any[]): unknown {
      return scope.openConnection(context.active(), args[0], () => original.apply(this, args))
    }
    const holder = { createConnection: original }
    replaceMethod(holder, 'createConnection', createConnection)
    creators.add(createConnection)
    return createConnection
  }

  const file = (path: string, patch: (exports: any) => any): ModulePatch => ({
    name: 'mysql2',
    file: path,
    versions,
    patch: exports => patch(exports) ?? exports,
  })
  return {
    modules: [
      {
        name: 'mysql2',
        versions,
        patch(exports) {
          const main = exports.default ?? exports
          const { createConnection } = main
          const wrapped = wrapCreate(createConnection)
          if (wrapped === createConnection) return exports
          for (const name of ['createConnection', 'connect']) {
            if (main[name] !== createConnection) continue
            undo.push(replaceMethod(main, name, wrapped))
          }
          return exports
        },
      },
      file('lib/create_connection.js', wrapCreate),
      file('lib/connection.js', Class => {
        const prototype = ownerOf(Class, 'addCommand')
        patchOnce('mysql2', prototype, undo, () => {
          replace(prototype, 'addCommand', original => wrapAddCommand(original, scope))
          replace(prototype, '_addCommandClosedState', original => wrapRefusal(original, scope))
          replace(prototype, 'query', original => wrapQuery(original, scope, false))
          replace(prototype, 'execute', original => wrapQuery(original, scope, true))
          replace(prototype, 'connect', original => wrapConnect(original, scope))
          replace(prototype, '_notifyError', original => wrapNotifyError(original, scope))
          replace(prototype, 'close', original => wrapClose(original, scope))
        })
      }),
      file('lib/pool.js', Class => {
        const prototype = ownerOf(Class, 'getConnection')
        patchOnce('mysql2', prototype, undo, () => {
          replace(prototype, 'getConnection', original => wrapGetConnection(original, scope))
          // Its timer goes on for as long as the pool does.
          replace(
            prototype,
            '_removeIdleTimeoutConnections',
            original =>
              function (this: unknown) {
                return context.with(ROOT_CONTEXT, original, this)
              },
          )
        })
      }),
      file('lib/commands/command.js', ({ prototype }) => {
        patchOnce('mysql2', prototype, undo, () => {
          replace(prototype, 'emit', wrapEmit)
        })
      }),
    ],
    stop() {
      for (const one of undo.splice(0).reverse()) one()
    },
  }
}
