// Puts our function in the place of a client's, on that one object, so that it can be taken off again.
import { sayOnce } from './guard.ts'
import type { ClientState } from './registry.ts'

export type AnyFunction = (this: any, ...args: any[]) => any

/** True for a function that another instrumentation already replaced (the marks shimmer leaves). */
export function isForeign(fn: unknown): boolean {
  const marked = fn as { __wrapped?: unknown; __original?: unknown }
  return typeof fn === 'function' && Boolean(marked.__wrapped) && typeof marked.__original === 'function'
}

/**
 * Replaces `target[name]` by what `make` returns for it. Name, length and enumerability stay as they were.
 * Does nothing when there is no such function, when the object refuses, or when another instrumentation was first.
 */
export function replace(
  target: object,
  name: PropertyKey,
  state: ClientState,
  make: (original: AnyFunction) => AnyFunction,
): void {
  const original: unknown = (target as Record<PropertyKey, unknown>)[name]
  if (typeof original !== 'function') return
  if (isForeign(original)) {
    sayOnce(
      'warn',
      `ORG_OTEL_KAFKA_FOREIGN ${String(name)}() is already instrumented by another package; leaving it to that one. Disable the other to get links, metrics and safe headers`,
    )
    return
  }
  const own = Object.getOwnPropertyDescriptor(target, name)
  const wrapper = make(original as AnyFunction)
  copyIdentity(original, wrapper)
  try {
    Object.defineProperty(target, name, {
      value: wrapper,
      writable: true,
      configurable: true,
      enumerable: own ? own.enumerable === true : false,
    })
  } catch {
    sayOnce(
      'warn',
      `ORG_OTEL_KAFKA_FROZEN ${String(name)}() cannot be replaced on a frozen client; it is not traced`,
    )
    return
  }
  state.undo.push(() => {
    // Somebody wrapped us in the meantime: their function must stay, and ours steps aside by `state.on`.
    if ((target as Record<PropertyKey, unknown>)[name] !== wrapper) return
    if (own) Object.defineProperty(target, name, own)
    else delete (target as Record<PropertyKey, unknown>)[name]
  })
}

export function copyIdentity(from: Function, to: Function): void {
  Object.defineProperty(to, 'name', { value: from.name, configurable: true })
  Object.defineProperty(to, 'length', { value: from.length, configurable: true })
}
