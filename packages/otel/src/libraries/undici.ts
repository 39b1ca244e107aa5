// The npm package undici up to 8.11: requests that wait in a pool, are repeated or redirected are dispatched by whoever
// made room for them. Its spans come from its channels (tracing/http/undici.ts), which fire at that moment, so the caller's
// context has to be there. Node's own fetch waits in no pool unless it is given a dispatcher of the package.
// Only what is queued pays: a pool that has room for a request never gets here.
import type { Context } from '@opentelemetry/api'
import type { LibraryHooks, ModulePatch } from '../loader/library.ts'
import { active, storage } from '../tracing/context.ts'
import { replaceMethod } from '../tracing/http/replace-method.ts'
import { callerOf, carryTo, keepCaller } from './carry-context.ts'

/** What waits in a pool. */
interface Item {
  readonly opts: unknown
  readonly handler: unknown
  /** undici 8.12 and later: it keeps the caller's context itself. */
  readonly runInAsyncScope?: unknown
}

/** Whoever listened last: code that reads a body runs in the context it was read in. */
const LISTENER = Symbol('org.otel.undici.listener')
interface Body {
  [LISTENER]?: Context
}

type Dispatch = (this: unknown, opts: unknown, handler: unknown) => unknown

/** `lib/dispatcher/...` and, in undici 5, `lib/...`. */
const folders = ['lib/dispatcher', 'lib', 'lib/node']

export function undiciHooks(): LibraryHooks {
  const undo: (() => void)[] = []

  /** One copy of undici: the item that its queue gave out last and that nobody dispatched yet. */
  const released = new Map<string, { item: Item | undefined }>()
  function releasedIn(baseDir: string): { item: Item | undefined } {
    let holder = released.get(baseDir)
    if (holder === undefined) released.set(baseDir, (holder = { item: undefined }))
    return holder
  }

  // The pool shifts an item and dispatches what is in it in one breath: the two are told to belong together by identity.
  const queue: ModulePatch['patch'] = (FixedQueue, { baseDir }) => {
    const holder = releasedIn(baseDir)
    const { prototype } = FixedQueue
    const { push, shift } = prototype
    undo.push(
      replaceMethod(prototype, 'push', function (this: unknown, item: Item) {
        if (item !== null && typeof item === 'object' && item.runInAsyncScope === undefined) keepCaller(item)
        return push.call(this, item)
      }),
      replaceMethod(prototype, 'shift', function (this: unknown) {
        const item = shift.call(this) as Item | null | undefined
        holder.item = item ?? undefined
        return item
      }),
    )
    return FixedQueue
  }

  const dispatcher: ModulePatch['patch'] = (DispatcherBase, { baseDir }) => {
    const holder = releasedIn(baseDir)
    const { prototype } = DispatcherBase
    const original: Dispatch = prototype.dispatch
    undo.push(
      replaceMethod(prototype, 'dispatch', function dispatch(this: unknown, opts: unknown, handler: unknown) {
        const { item } = holder
        if (item === undefined) return original.call(this, opts, handler)
        holder.item = undefined
        const caller = item.opts === opts && item.handler === handler ? callerOf(item) : undefined
        if (caller === undefined) return original.call(this, opts, handler)
        return storage.run(caller, () => original.call(this, opts, handler))
      }),
    )
    return DispatcherBase
  }

  /** RetryHandler and RedirectHandler: each is made in the call and dispatches again from a callback or a timer. */
  const repeater: ModulePatch['patch'] = Handler => {
    const Repeating = class extends Handler {
      constructor(...args: unknown[]) {
        super(...args)
        if (typeof this.dispatch === 'function') this.dispatch = carryTo(this.dispatch)
      }
    }
    Object.defineProperty(Repeating, 'name', { value: Handler.name, configurable: true })
    Object.defineProperty(Repeating, 'length', { value: Handler.length, configurable: true })
    return Repeating
  }

  /** The body of a response: its chunks come from a socket that another request may have opened. */
  const body: ModulePatch['patch'] = exports => {
    const { prototype } = exports.Readable ?? exports
    const { on, emit } = prototype
    undo.push(
      replaceMethod(prototype, 'on', function (this: Body, ...args: unknown[]) {
        this[LISTENER] = active()
        return on.apply(this, args)
      }),
      replaceMethod(prototype, 'emit', function (this: Body, ...args: unknown[]) {
        const caller = this[LISTENER]
        if (caller === undefined || caller === active()) return emit.apply(this, args)
        return storage.run(caller, () => emit.apply(this, args))
      }),
    )
    return exports
  }

  const patch = (file: string, change: ModulePatch['patch']): ModulePatch => ({
    name: 'undici',
    file,
    patch: change,
  })
  return {
    modules: [
      ...folders.flatMap(folder => [
        patch(`${folder}/fixed-queue.js`, queue),
        patch(`${folder}/dispatcher-base.js`, dispatcher),
      ]),
      ...['retry-handler', 'redirect-handler', 'RetryHandler', 'RedirectHandler'].map(name =>
        patch(`lib/handler/${name}.js`, repeater),
      ),
      patch('lib/api/readable.js', body),
    ],
    stop() {
      for (const one of undo.splice(0).reverse()) one()
    },
  }
}
