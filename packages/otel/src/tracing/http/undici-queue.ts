// Requests that wait in a limited pool of undici up to 8.11 are dispatched by whoever made room for them. The caller's context
// is kept on what waits and given back for the dispatch; a pool that has room for a request never gets here.
import type { Context } from '@opentelemetry/api'
import { active, storage } from '../context.ts'
import { replaceMethod } from './replace-method.ts'

const CALLER = Symbol('org.otel.undici.caller')
/** On the prototype of a queue that is watched. */
const WATCHED = Symbol.for('org.otel.undici.watched')

/** What waits in a pool. */
interface Item {
  readonly opts: unknown
  readonly handler: unknown
  /** undici 8.12 and later: it keeps the caller's context itself. */
  readonly runInAsyncScope?: unknown
  [CALLER]?: Context
}

/** One copy of undici: the item that its queue gave out last and that nobody dispatched yet. */
export interface Released {
  item: Item | undefined
}

type Undo = () => void
type Method = (this: unknown, ...args: any[]) => any

// The pool shifts an item and dispatches what is in it in one breath: the two are told to belong together by identity.
export function watchQueue(prototype: any, released: Released): Undo[] {
  const { push, shift }: { push: Method; shift: Method } = prototype
  Object.defineProperty(prototype, WATCHED, { value: true, configurable: true })
  return [
    () => void delete prototype[WATCHED],
    replaceMethod(prototype, 'push', function (this: unknown, item: Item) {
      if (item !== null && typeof item === 'object' && item.runInAsyncScope === undefined)
        item[CALLER] = active()
      return push.call(this, item)
    }),
    replaceMethod(prototype, 'shift', function (this: unknown) {
      const item: Item | null | undefined = shift.call(this)
      released.item = item ?? undefined
      return item
    }),
  ]
}

export function watchDispatch(prototype: any, released: Released): Undo[] {
  const dispatch: Method = prototype.dispatch
  return [
    replaceMethod(prototype, 'dispatch', function (this: unknown, opts: unknown, handler: unknown) {
      const { item } = released
      if (item === undefined) return dispatch.call(this, opts, handler)
      released.item = undefined
      const caller = item.opts === opts && item.handler === handler ? item[CALLER] : undefined
      if (caller === undefined) return dispatch.call(this, opts, handler)
      return storage.run(caller, () => dispatch.call(this, opts, handler))
    }),
  ]
}

function readSymbol(object: any, description: string): any {
  const symbol = Object.getOwnPropertySymbols(object).find(one => one.description === description)
  return symbol === undefined ? undefined : object[symbol]
}

/**
 * For an undici that no module hook sees, Node's own or one in a bundle: from its global dispatcher, an Agent. Its factory
 * makes a pool, which connects to nothing, for the class of its queue.
 */
export function watchGlobalDispatcher(agent: any): Undo[] {
  const factory = readSymbol(agent, 'factory')
  // The application's own factory is not ours to call.
  if (typeof factory !== 'function' || factory.name !== 'defaultFactory') return []
  const queue = readSymbol(factory('http://localhost', { connections: 2 }), 'queue')
  const queues = queue && Object.getPrototypeOf(queue)
  let dispatchers = Object.getPrototypeOf(agent)
  while (dispatchers !== null && !Object.hasOwn(dispatchers, 'dispatch'))
    dispatchers = Object.getPrototypeOf(dispatchers)
  if (typeof queues?.shift !== 'function' || Array.isArray(queue) || dispatchers === null) return []
  // The package of that name was seen loading.
  if (Object.hasOwn(queues, WATCHED)) return []
  const released: Released = { item: undefined }
  return [...watchQueue(queues, released), ...watchDispatch(dispatchers, released)]
}
