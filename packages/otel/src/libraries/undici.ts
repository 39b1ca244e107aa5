// The npm package undici up to 8.11: requests that wait in a pool, are repeated or redirected are dispatched by whoever
// made room for them. Its spans come from its channels (tracing/http/undici.ts), which fire at that moment, so the caller's
// context has to be there. Node's own classes are reached there as well.
import type { Context } from '@opentelemetry/api'
import type { LibraryHooks, ModulePatch } from '../loader/library.ts'
import { active, storage } from '../tracing/context.ts'
import { replaceMethod } from '../tracing/http/replace-method.ts'
import { type Released, watchDispatch, watchQueue } from '../tracing/http/undici-queue.ts'
import { carryTo } from './carry-context.ts'

/** Whoever listened last: code that reads a body runs in the context it was read in. */
const LISTENER = Symbol('org.otel.undici.listener')
interface Body {
  [LISTENER]?: Context
}

/** `lib/dispatcher/...` and, in undici 5, `lib/...`. */
const folders = ['lib/dispatcher', 'lib', 'lib/node']

export function undiciHooks(): LibraryHooks {
  const undo: (() => void)[] = []

  const copies = new Map<string, Released>()
  function releasedIn(baseDir: string): Released {
    let released = copies.get(baseDir)
    if (released === undefined) copies.set(baseDir, (released = { item: undefined }))
    return released
  }

  const queue: ModulePatch['patch'] = (FixedQueue, { baseDir }) => {
    undo.push(...watchQueue(FixedQueue.prototype, releasedIn(baseDir)))
    return FixedQueue
  }

  const dispatcher: ModulePatch['patch'] = (DispatcherBase, { baseDir }) => {
    undo.push(...watchDispatch(DispatcherBase.prototype, releasedIn(baseDir)))
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
