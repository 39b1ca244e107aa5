// Once per process, whatever number of copies of us was loaded, by `require` and by `import`: the fact is kept under one
// symbol on the global object, which all copies see.

const key = Symbol.for('org.otel')

/** What every copy, also one of another version, can rely on. Fields are only ever added. */
export interface Registry {
  readonly version: string
  /** Module that started first: said when another one tries. */
  readonly from: string
  state: 'starting' | 'started' | 'stopped' | 'failed'
  /** What `start()` gave, so that a second `start()` can give the same. */
  handle?: unknown
}

export function readRegistry(): Registry | undefined {
  const found = (globalThis as Record<symbol, unknown>)[key]
  return typeof found === 'object' && found !== null && 'state' in found ? (found as Registry) : undefined
}

/**
 * The registry, if this call is the first of the process (or the first after a stop or a failed start); `undefined` if
 * somebody runs already.
 *
 * @example
 * const registry = claimProcess('1.0.0', __filename)
 * if (registry === undefined) return readRegistry()?.handle
 */
export function claimProcess(version: string, from: string): Registry | undefined {
  const existing = readRegistry()
  if (existing !== undefined && (existing.state === 'starting' || existing.state === 'started'))
    return undefined
  const registry: Registry = { version, from, state: 'starting' }
  // Not enumerable: tools that compare or copy the global object must not stumble over us. Under frozen intrinsics
  // the definition may fail; then each copy is on its own.
  try {
    Object.defineProperty(globalThis, key, {
      value: registry,
      configurable: true,
      enumerable: false,
      writable: true,
    })
  } catch {}
  return registry
}
