// ioredis 2 to 6: a span per command, also of pipelines and transactions, and one for a connection that is opened inside a
// trace. Names and attributes are upstream's; values are hidden as upstream hides them.
import { type Context, context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { InstrumentationBase } from '../loader/instrumentation-base.ts'
import type { LibraryHooks } from '../loader/library.ts'
import { printCommand } from '../redact/redis-text.ts'
import { swallow } from '../self/guard.ts'
import type { FlatAttributes } from '../tracing/attributes.ts'
import { callHook } from '../tracing/http/instrumentation-options.ts'
import { replaceMethod } from '../tracing/http/replace-method.ts'
import { callerOf, carryTo, keepCaller, runForNobody } from './carry-context.ts'
import { type Semconv, withOldNames } from './old-names.ts'
import { recordCode } from './redis-code.ts'
import { startSpan } from './start-span.ts'

export interface IoredisOptions {
  /** Default true: nothing outside of a trace. */
  readonly requireParentSpan?: boolean
  readonly semconv?: Semconv
  readonly dbStatementSerializer?: (name: string, args: any[]) => string
  readonly requestHook?: (
    span: Span,
    info: { moduleVersion: string; cmdName: string; cmdArgs: unknown[] },
  ) => void
  readonly responseHook?: (span: Span, name: string, args: unknown[], response: unknown) => void
}

interface Command {
  readonly name: string
  readonly args: unknown[]
  readonly inTransaction?: boolean
  readonly pipelineIndex?: number
  resolve(result: unknown): void
  reject(error: unknown): void
  [SEEN]?: true
}

interface Pipeline {
  readonly redis?: { readonly _autoPipelines?: ReadonlyMap<string, unknown> }
}

interface Redis {
  readonly options: { readonly host?: string; readonly port?: number }
}

/** A command that waited for the connection is sent a second time. */
const SEEN = Symbol('org.otel.ioredis.seen')
const patched = Symbol.for('org.otel.ioredis.patched')

function endSpan(span: Span, error: unknown): void {
  try {
    if (error) {
      span.recordException(error as Error)
      const { message } = error as { message?: unknown }
      span.setStatus({
        code: SpanStatusCode.ERROR,
        ...(typeof message === 'string' && { message }),
      })
      recordCode(span, error)
    }
    span.end()
  } catch (problem) {
    swallow('ioredis answer', problem)
  }
}

/** A transaction is answered as a whole, and may contain commands that failed: their own answer was `QUEUED`. */
function findFailure({ name }: Command, result: unknown): unknown {
  return name === 'exec' && Array.isArray(result) ? result.find(one => one instanceof Error) : undefined
}

function describe({ options: { host, port } }: Redis, text: string): FlatAttributes {
  const attributes: FlatAttributes = ['db.system.name', 'redis', 'db.query.text', text]
  if (typeof host === 'string') attributes.push('server.address', host)
  if (typeof port === 'number') attributes.push('server.port', port)
  return attributes
}

function readOperation({ name, inTransaction, pipelineIndex }: Command): string {
  if (name === 'multi' || name === 'exec') return name
  if (inTransaction) return `MULTI ${name}`
  return pipelineIndex != null ? `PIPELINE ${name}` : name
}

/**
 * @example
 * ioredisHooks({ requireParentSpan: false })
 */
export function ioredisHooks(options: IoredisOptions = {}): LibraryHooks {
  const { requireParentSpan = true, dbStatementSerializer, requestHook, responseHook } = options
  const scope = new InstrumentationBase('@opentelemetry/instrumentation-ioredis', '0.72.0', {})
  const undo: (() => void)[] = []

  function isSkipped(active: Context): boolean {
    return requireParentSpan && trace.getSpan(active) === undefined
  }

  function print({ name, args }: Command): string {
    if (dbStatementSerializer === undefined) return printCommand(name, args)
    return String(callHook('dbStatementSerializer', dbStatementSerializer, name, args) ?? name)
  }

  function begin(redis: Redis, command: Command, active: Context, moduleVersion: string): Span {
    const attributes = describe(redis, print(command))
    attributes.push('db.operation.name', readOperation(command))
    withOldNames(options.semconv, attributes)
    const span = startSpan(scope.tracer, command.name, SpanKind.CLIENT, attributes, active)
    if (requestHook !== undefined)
      callHook('requestHook', requestHook, span, {
        moduleVersion,
        cmdName: command.name,
        cmdArgs: command.args,
      })
    // Before it is sent: a closed connection refuses it at once.
    const { resolve, reject } = command
    command.resolve = result => {
      if (responseHook !== undefined)
        callHook('responseHook', responseHook, span, command.name, command.args, result)
      endSpan(span, findFailure(command, result))
      resolve(result)
    }
    command.reject = error => {
      endSpan(span, error)
      reject(error)
    }
    return span
  }

  function wrapSendCommand(original: any, moduleVersion: string) {
    return function sendCommand(this: Redis, command: Command, ...rest: unknown[]): unknown {
      if (typeof command !== 'object' || command === null || command[SEEN] === true)
        return original.call(this, command, ...rest)
      const active = callerOf(command) ?? context.active()
      if (isSkipped(active)) return original.call(this, command, ...rest)
      let span: Span
      try {
        span = begin(this, command, active, moduleVersion)
        command[SEEN] = true
      } catch (problem) {
        swallow('ioredis command', problem)
        return original.call(this, command, ...rest)
      }
      try {
        return original.call(this, command, ...rest)
      } catch (error) {
        endSpan(span, error)
        throw error
      }
    }
  }

  function wrapConnect(original: any) {
    return function connect(this: Redis, ...args: unknown[]): any {
      const active = context.active()
      // A connection serves everybody: its messages, errors and next attempts are not those of the request that opened it.
      const carried = args.map(one => (typeof one === 'function' ? carryTo(one as never, active) : one))
      const open = () => runForNobody(() => original.apply(this, carried))
      if (isSkipped(active)) return open()
      const span = startSpan(
        scope.tracer,
        'connect',
        SpanKind.CLIENT,
        withOldNames(options.semconv, describe(this, 'connect')),
        active,
      )
      let result: any
      try {
        result = open()
      } catch (error) {
        endSpan(span, error)
        throw error
      }
      if (typeof result?.then !== 'function') {
        endSpan(span, undefined)
        return result
      }
      return result.then(
        (value: unknown) => {
          endSpan(span, undefined)
          return value
        },
        (error: unknown) => {
          endSpan(span, error)
          throw error
        },
      )
    }
  }

  /** A cluster gives a command to one of its connections when it knows which: that of a node, opened by the cluster. */
  function patchCluster(prototype: any): void {
    const { sendCommand, connect, delayUntilReady } = prototype
    undo.push(
      replaceMethod(prototype, 'sendCommand', function (this: unknown, command: Command, ...rest: unknown[]) {
        if (typeof command === 'object' && command !== null) keepCaller(command)
        return sendCommand.call(this, command, ...rest)
      }),
      replaceMethod(prototype, 'connect', function (this: unknown, ...args: unknown[]) {
        return runForNobody(() => connect.apply(this, args))
      }),
    )
    if (typeof delayUntilReady === 'function')
      undo.push(
        replaceMethod(prototype, 'delayUntilReady', function (this: unknown, callback: any) {
          return delayUntilReady.call(this, typeof callback === 'function' ? carryTo(callback) : callback)
        }),
      )
  }

  /** Commands that are put into one pipeline by themselves come from many; one that was asked for is its caller's. */
  function patchPipeline(prototype: any): void {
    const { sendCommand } = prototype
    undo.push(
      replaceMethod(
        prototype,
        'sendCommand',
        function (this: Pipeline, command: Command, ...rest: unknown[]) {
          const automatic = this.redis?._autoPipelines
          if (automatic !== undefined && automatic.size > 0)
            for (const one of automatic.values()) if (one === this) keepCaller(command)
          return sendCommand.call(this, command, ...rest)
        },
      ),
    )
  }

  return {
    modules: [
      {
        name: 'ioredis',
        versions: ['>=2.0.0 <7'],
        patch(exports, { version }) {
          const { prototype } = exports.default ?? exports
          if (Object.hasOwn(prototype, patched)) return exports
          Object.defineProperty(prototype, patched, { value: true, configurable: true })
          undo.push(() => void delete prototype[patched])
          undo.push(
            replaceMethod(prototype, 'sendCommand', wrapSendCommand(prototype.sendCommand, version) as never),
          )
          undo.push(replaceMethod(prototype, 'connect', wrapConnect(prototype.connect) as never))
          if (typeof exports.Cluster?.prototype?.sendCommand === 'function')
            patchCluster(exports.Cluster.prototype)
          if (typeof exports.Pipeline?.prototype?.sendCommand === 'function')
            patchPipeline(exports.Pipeline.prototype)
          return exports
        },
      },
    ],
    stop() {
      for (const one of undo.splice(0).reverse()) one()
    },
  }
}
