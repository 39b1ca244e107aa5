// Carries a caller's context through a queue. Whoever releases the work (a connection that became free, an answer to
// somebody else) is active then; what waits belongs to who asked. Nothing of the application's own AsyncLocalStorage
// is touched: only ours is set.
import type { Context } from '@opentelemetry/api'
import { active, ROOT, storage } from '../tracing/context.ts'

type AnyFunction = (this: any, ...args: any[]) => any

/** Where the context of the caller is kept on an object that waits: a command, an item of a queue. */
const CALLER = Symbol('org.otel.caller')
interface Waiting {
  [CALLER]?: Context
}

/** Notes the caller on `item`, an object of the library's own that waits from now on. The first caller counts. */
export function keepCaller(item: object): void {
  ;(item as Waiting)[CALLER] ??= active()
}

/** The caller noted on `item`. */
export function callerOf(item: object): Context | undefined {
  return (item as Waiting)[CALLER]
}

/** `fn`, running in the context in which this is called: for callbacks and listeners that somebody else will call. */
export function carryTo<F extends AnyFunction>(fn: F, caller: Context = active()): F {
  const carried = function (this: unknown, ...args: unknown[]): unknown {
    return storage.run(caller, () => fn.apply(this, args))
  }
  Object.defineProperty(carried, 'name', { value: fn.name, configurable: true })
  Object.defineProperty(carried, 'length', { value: fn.length, configurable: true })
  return carried as F
}

/** Calls `fn` in the context of nobody: connections that are opened in it serve everybody. */
export function runForNobody<T>(fn: () => T): T {
  return storage.run(ROOT, fn)
}
