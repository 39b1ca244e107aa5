// Own `emit` on three of Node's prototypes: that is how we see a message end and how its listeners run in its context,
// without a listener, a wrapper or a closure per request. Upstream rebinds every emitter (1.6 us a request); this costs a
// property read where nothing is traced.
// biome-ignore-all lint/complexity/noArguments: forwarded as it is, without an array per call.
import type { EventEmitter } from 'node:events'
import type { Context } from '@opentelemetry/api'
import { swallow } from '../../self/guard.ts'
import { noteThrow, storage } from '../context.ts'
import { replaceMethod } from './replace-method.ts'

/** What a traced request or response carries; null when it was looked at and is to be left alone. */
export const OBSERVED: unique symbol = Symbol('org.otel.http')

export interface Observed {
  /** The listeners of the message run in it. */
  readonly context: Context
}

export type Observable = EventEmitter & { [OBSERVED]?: Observed | null | undefined }

/** Called before the listeners, with the first argument of the event. */
export type Watch = (
  observed: Observed,
  emitter: EventEmitter,
  event: string | symbol,
  argument: unknown,
) => void

/** Patches `prototype.emit` in place; the returned function takes it back unless somebody patched over it. */
export function patchEmit(prototype: EventEmitter, watch: Watch): () => void {
  const originalOf = findEmit(prototype)

  function emit(this: Observable, event: string | symbol, a?: unknown, b?: unknown): boolean {
    const original = originalOf()
    // Called without an object, Node's own says what is wrong.
    const observed = this?.[OBSERVED]
    const count = arguments.length
    if (observed === undefined || observed === null) {
      if (count === 1) return original.call(this, event)
      if (count === 2) return original.call(this, event, a)
      return original.apply(this, arguments as unknown as [string])
    }
    try {
      watch(observed, this, event, a)
    } catch (error) {
      swallow('http event', error)
    }
    const outer = storage.getStore()
    const { context } = observed
    if (outer === context || !hasListeners(this, event)) {
      if (count === 1) return original.call(this, event)
      if (count === 2) return original.call(this, event, a)
      return original.apply(this, arguments as unknown as [string])
    }
    // `run` without its closure and its two stack frames.
    storage.enterWith(context)
    let returned = false
    try {
      const had =
        count === 1
          ? original.call(this, event)
          : count === 2
            ? original.call(this, event, a)
            : count === 3
              ? original.call(this, event, a, b)
              : original.apply(this, arguments as unknown as [string])
      returned = true
      return had
    } finally {
      storage.enterWith(outer as Context)
      if (!returned) noteThrow(context)
    }
  }

  return defineEmit(prototype, emit as Emit)
}

/**
 * Whether a listener could see the context. Node's own on the end of a request cannot; to enter a context for it would cost
 * more than the rest of this file together (two maps on Node 24).
 */
function hasListeners(emitter: EventEmitter, event: string | symbol): boolean {
  const count = emitter.listenerCount(event)
  if (count !== 1 || event !== 'end') return count > 0
  const [listener] = emitter.rawListeners(event)
  if (listener === clearIncoming) return false
  // Not exported by Node: known by its name the first time it is met.
  if (clearIncoming !== undefined || listener?.name !== 'clearIncoming') return true
  clearIncoming = listener
  return false
}

let clearIncoming: Function | undefined

export type Emit = (this: any, event: string | symbol, ...args: unknown[]) => boolean

/** What `emit` did so far. An inherited one is looked up on every call: `node:domain` replaces it when it is loaded. */
export function findEmit(prototype: EventEmitter): () => Emit {
  const own = Object.getOwnPropertyDescriptor(prototype, 'emit')?.value as Emit | undefined
  const inherited = Object.getPrototypeOf(prototype) as EventEmitter
  return () => own ?? (inherited.emit as Emit)
}

/** Puts `emit` on the prototype, looking like Node's; returns what takes it back. */
export function defineEmit(prototype: EventEmitter, emit: Emit): () => void {
  return replaceMethod(prototype, 'emit', emit as EventEmitter['emit'])
}
