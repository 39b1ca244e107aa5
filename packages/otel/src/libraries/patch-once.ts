// Classes of a library are found in several ways, and a process may load us twice: a prototype is patched once.

/** `patch` notes in `undo` how it is taken back; so does this. */
export function patchOnce(library: string, prototype: any, undo: (() => void)[], patch: () => void): void {
  if (typeof prototype !== 'object' || prototype === null) return
  const patched = Symbol.for(`org.otel.${library}.patched`)
  if (Object.hasOwn(prototype, patched)) return
  Object.defineProperty(prototype, patched, { value: true, configurable: true })
  undo.push(() => void delete prototype[patched])
  patch()
}
