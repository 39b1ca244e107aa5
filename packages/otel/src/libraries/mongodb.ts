// Upstream's mongodb instrumentation, with what it gets wrong in a busy pool and in failures: connections and heartbeats
// belong to nobody, writes that the server refused are errors although the command was `ok`, messages do not quote documents.
import { context, ROOT_CONTEXT, type Span, SpanStatusCode } from '@opentelemetry/api'
import { MongoDBInstrumentation as Upstream } from '@opentelemetry/instrumentation-mongodb'
import {
  InstrumentationNodeModuleDefinition,
  InstrumentationNodeModuleFile,
} from '../loader/instrumentation-base.ts'
import { swallow } from '../self/guard.ts'

type AnyFunction = (this: unknown, ...args: any[]) => any

// The methods are private, but only in upstream's types.
const Base: any = Upstream

export class MongoDBInstrumentation extends Base {
  init(): unknown {
    const monitor = (exports: any) => {
      this._wrap(exports.Monitor.prototype, 'connect', inRoot)
      return exports
    }
    const forgetMonitor = (exports: any) => this._unwrap(exports.Monitor.prototype, 'connect')
    const { v4PatchConnectionPool, v4UnpatchConnectionPool } = this._getV4ConnectionPoolPatches()
    const file = InstrumentationNodeModuleFile
    return [
      ...super.init(),
      // Who waits for a connection is called back by the one who checks it in.
      new InstrumentationNodeModuleDefinition('mongodb', [], undefined, undefined, [
        new file(
          'mongodb/lib/cmap/connection_pool.js',
          ['>=3.3.0 <4'],
          v4PatchConnectionPool,
          v4UnpatchConnectionPool,
        ),
        new file('mongodb/lib/sdam/monitor.js', ['>=4.0.0 <8'], monitor, forgetMonitor),
      ]),
    ]
  }

  /** Opens a connection: for whoever happened to ask first, for as long as it lives, for everybody. */
  _getV4ConnectCommand(): (original: AnyFunction) => AnyFunction {
    const wrap = super._getV4ConnectCommand()
    return original => inRoot(wrap(original))
  }

  _patchEnd(span: Span | undefined, ...rest: unknown[]): AnyFunction {
    const hand = super._patchEnd(undefined, ...rest)
    let isEnded = span === undefined
    const end = (error: unknown, result: unknown) => this.#end(span!, error, result)
    return function (...args) {
      if (!isEnded) {
        isEnded = true
        try {
          end(args[0], args[1])
        } catch (problem) {
          swallow('mongodb answer', problem)
        }
      }
      return hand.apply(this, args)
    }
  }

  #end(span: Span, error: unknown, result: unknown): void {
    const failure: Failure | undefined = error instanceof Error ? error : readWriteError(result)
    if (failure === undefined) this._handleExecutionResult(span, result)
    else {
      const { code, message, name } = failure
      const isAnswer = typeof code === 'number'
      span.setStatus({ code: SpanStatusCode.ERROR, message: isAnswer ? withoutData(message) : message })
      span.setAttribute('error.type', isAnswer ? String(code) : name)
      if (isAnswer) span.setAttribute('db.response.status_code', String(code))
    }
    span.end()
  }
}

function inRoot(original: AnyFunction): AnyFunction {
  return function (...args) {
    return context.with(ROOT_CONTEXT, original, this, ...args)
  }
}

interface Failure {
  readonly code?: unknown
  readonly message: string
  readonly name: string
}

/** Of a command that is `ok`: the first of its writes that failed, or that too few servers have. */
function readWriteError(result: any): Failure | undefined {
  if (typeof result !== 'object' || result === null) return undefined
  const has = (key: string) =>
    typeof result.has === 'function' ? result.has(key) : result[key] !== undefined
  if (!has('writeErrors') && !has('writeConcernError') && !has('nErrors')) return undefined
  const answer = typeof result.toObject === 'function' ? result.toObject() : result
  const failed =
    answer.writeErrors?.[0] ??
    answer.writeConcernError ??
    (answer.nErrors > 0 ? (answer.cursor?.firstBatch?.find((one: any) => one.ok === 0) ?? {}) : undefined)
  return failed && { code: failed.code, message: String(failed.errmsg ?? 'write error'), name: 'WriteError' }
}

/** `E11000 duplicate key error collection: shop.users index: mail dup key: { mail: "a@b.example" }` quotes the document. */
function withoutData(message: string): string {
  return message
    .replace(/ dup key: [\s\S]*/, '')
    .replace(/"[^"]*"/g, '?')
    .replace(/'[^']*'/g, '?')
}
