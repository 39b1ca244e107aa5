// Context with fixed slots for what every request carries, and the AsyncLocalStorage that makes it follow the code.
// Keys are upstream's: an application with its own copy of the API (any 1.x) reads and writes the same values.
import { AsyncLocalStorage } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import type { Context, ContextManager, Span } from '@opentelemetry/api'

export const SPAN_KEY = Symbol.for('OpenTelemetry Context Key SPAN')
export const BAGGAGE_KEY = Symbol.for('OpenTelemetry Baggage Key')
export const RPC_METADATA_KEY = Symbol.for('OpenTelemetry SDK Context Key RPC_METADATA')
export const SUPPRESS_TRACING_KEY = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

type More = ReadonlyMap<symbol, unknown>

/** An immutable context: setting the span or the rpc metadata costs one small object, other keys a copied map. */
export class LeanContext implements Context {
  readonly span: Span | undefined
  /** What upstream's `setRPCMetadata` stores: `{ type: 'http', span, route }`. */
  readonly rpc: unknown
  readonly more: More | null

  constructor(span: Span | undefined, rpc: unknown, more: More | null) {
    this.span = span
    this.rpc = rpc
    this.more = more
  }

  getValue(key: symbol): unknown {
    if (key === SPAN_KEY) return this.span
    if (key === RPC_METADATA_KEY) return this.rpc
    return this.more === null ? undefined : this.more.get(key)
  }

  setValue(key: symbol, value: unknown): LeanContext {
    if (key === SPAN_KEY) return new LeanContext(value as Span | undefined, this.rpc, this.more)
    if (key === RPC_METADATA_KEY) return new LeanContext(this.span, value, this.more)
    const more = new Map(this.more)
    more.set(key, value)
    return new LeanContext(this.span, this.rpc, more)
  }

  deleteValue(key: symbol): LeanContext {
    if (key === SPAN_KEY) return new LeanContext(undefined, this.rpc, this.more)
    if (key === RPC_METADATA_KEY) return new LeanContext(this.span, undefined, this.more)
    if (this.more === null || !this.more.has(key)) return this
    const more = new Map(this.more)
    more.delete(key)
    return new LeanContext(this.span, this.rpc, more.size === 0 ? null : more)
  }
}

export const ROOT = new LeanContext(undefined, undefined, null)

/** For our own requests: nothing that runs in it is traced. */
export const SUPPRESSED = new LeanContext(undefined, undefined, new Map([[SUPPRESS_TRACING_KEY, true]]))

/** The one store of active contexts. It may hold contexts of other implementations. */
export const storage = new AsyncLocalStorage<Context>()

/** The context of the running code; ROOT outside of any. */
export function active(): Context {
  return storage.getStore() ?? ROOT
}

/** Runs `fn` with `ctx` active and returns what it returns. */
export function withContext<A extends unknown[], R>(
  ctx: Context,
  fn: (...args: A) => R,
  thisArg?: unknown,
  ...args: A
): R {
  let returned = false
  try {
    const result =
      thisArg == null ? storage.run(ctx, fn, ...args) : storage.run(ctx, () => fn.apply(thisArg, args))
    returned = true
    return result
  } finally {
    if (!returned) noteThrow(ctx)
  }
}

let left: Context | undefined

/**
 * To be called where an error leaves a context, from a `finally`: to catch and throw again would move the place that Node
 * prints.
 */
export function noteThrow(ctx: Context): void {
  if (left !== undefined) return
  left = ctx
  // Somebody may catch it. What nobody catches is told to `uncaughtExceptionMonitor` before the first microtask.
  queueMicrotask(takeThrow)
}

/** The innermost context that an error has left just now. */
export function takeThrow(): Context | undefined {
  const ctx = left
  left = undefined
  return ctx
}

export function spanOf(ctx: Context): Span | undefined {
  return ctx instanceof LeanContext ? ctx.span : ((ctx.getValue(SPAN_KEY) as Span | undefined) ?? undefined)
}

export function withSpan(ctx: Context, span: Span): Context {
  return ctx instanceof LeanContext ? new LeanContext(span, ctx.rpc, ctx.more) : ctx.setValue(SPAN_KEY, span)
}

/** True inside `suppressTracing(...)`: no spans, no propagation. */
export function isSuppressed(ctx: Context): boolean {
  if (ctx instanceof LeanContext) return ctx.more !== null && ctx.more.get(SUPPRESS_TRACING_KEY) === true
  return ctx.getValue(SUPPRESS_TRACING_KEY) === true
}

type Listener = (...args: any[]) => unknown
type EmitterMethod = (this: EventEmitter, event: string | symbol, listener: Listener) => EventEmitter
/** Wrapped listeners by event, so that the original function still removes its listener. */
type Wrapped = Map<string | symbol, WeakMap<Listener, Listener>>

const adders = ['addListener', 'on', 'once', 'prependListener', 'prependOnceListener'] as const
const removers = ['removeListener', 'off'] as const
const bound = new WeakMap<EventEmitter, Wrapped>()
// `once` adds its own wrapper through `on`: wrapping that again would hide it from `removeListener`.
let adding = false

/** The API's ContextManager on our storage. Any object with the Context methods may be made active. */
export class LeanContextManager implements ContextManager {
  active(): Context {
    return active()
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    ctx: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return thisArg == null
      ? withContext(ctx, fn as (...args: A) => ReturnType<F>, undefined, ...args)
      : withContext(ctx, () => Reflect.apply(fn, thisArg, args) as ReturnType<F>)
  }

  /** A function comes back wrapped; an EventEmitter comes back itself, its later listeners running in `ctx`. */
  bind<T>(ctx: Context, target: T): T {
    if (target instanceof EventEmitter) return bindEmitter(ctx, target)
    if (typeof target === 'function') return bindFunction(ctx, target as unknown as Listener) as unknown as T
    return target
  }

  /** Makes `ctx` active for the rest of this asynchronous execution, until disposed. */
  attach(ctx: Context): { dispose(): void } {
    const before = storage.getStore()
    storage.enterWith(ctx)
    let disposed = false
    return {
      dispose() {
        if (disposed) return
        disposed = true
        storage.enterWith(before ?? ROOT)
      },
    }
  }

  enable(): this {
    return this
  }

  disable(): this {
    storage.disable()
    return this
  }
}

function bindFunction(ctx: Context, fn: Listener): Listener {
  const wrapped = function (this: unknown, ...args: unknown[]): unknown {
    return withContext(ctx, () => fn.apply(this, args))
  }
  Object.defineProperty(wrapped, 'length', { configurable: true, value: fn.length })
  return wrapped
}

function bindEmitter<T extends EventEmitter>(ctx: Context, emitter: T): T {
  if (bound.has(emitter)) return emitter
  bound.set(emitter, new Map())
  const methods = emitter as unknown as Record<string, EmitterMethod | undefined>
  for (const name of adders) {
    const original = methods[name]
    if (typeof original === 'function') methods[name] = addInContext(ctx, original)
  }
  for (const name of removers) {
    const original = methods[name]
    if (typeof original === 'function') {
      methods[name] = function (event, listener) {
        return original.call(this, event, bound.get(this)?.get(event)?.get(listener) ?? listener)
      }
    }
  }
  const removeAll = emitter.removeAllListeners
  emitter.removeAllListeners = function (this: T, ...args: [event?: string | symbol]) {
    if (args.length === 0) bound.get(this)?.clear()
    else bound.get(this)?.delete(args[0] as string | symbol)
    return removeAll.apply(this, args) as T
  }
  return emitter
}

function addInContext(ctx: Context, original: EmitterMethod): EmitterMethod {
  return function (event, listener) {
    const events = bound.get(this)
    if (adding || events === undefined || typeof listener !== 'function') {
      return original.call(this, event, listener)
    }
    let listeners = events.get(event)
    if (listeners === undefined) events.set(event, (listeners = new WeakMap()))
    const wrapped = bindFunction(ctx, listener)
    listeners.set(listener, wrapped)
    adding = true
    try {
      return original.call(this, event, wrapped)
    } finally {
      adding = false
    }
  }
}
