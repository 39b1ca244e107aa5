// What a patched method still looks like from outside: name, length, whether `for ... in` finds it.

/** Replaces a method in place; returns what takes it back unless somebody replaced it again. */
export function replaceMethod<T extends object, K extends keyof T & string>(
  target: T,
  key: K,
  method: T[K] & Function,
): () => void {
  const before = Object.getOwnPropertyDescriptor(target, key)
  const original = target[key] as unknown as Function
  Object.defineProperty(method, 'name', { value: original.name, configurable: true })
  Object.defineProperty(method, 'length', { value: original.length, configurable: true })
  Object.defineProperty(target, key, {
    value: method,
    writable: true,
    configurable: true,
    // An own property that is not enumerable would hide the inherited one from `for ... in`.
    enumerable: isEnumerable(target, key),
  })
  return () => {
    if (target[key] !== method) return
    if (before === undefined) Reflect.deleteProperty(target, key)
    else Object.defineProperty(target, key, before)
  }
}

function isEnumerable(target: object, key: string): boolean {
  for (let owner: object | null = target; owner !== null; owner = Object.getPrototypeOf(owner)) {
    const descriptor = Object.getOwnPropertyDescriptor(owner, key)
    if (descriptor !== undefined) return descriptor.enumerable === true
  }
  return false
}
