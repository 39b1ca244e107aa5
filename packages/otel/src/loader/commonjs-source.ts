// CommonJS whose source a `load` hook hands over (package managers, transpilers): Node evaluates it past everything the
// CommonJS hook watches. So the source of table packages tells us itself, in a line behind its last one.

/** On the global object: called by what `addNote` has added. */
export const noted = Symbol.for('org.otel.commonjs')

interface Loaded {
  readonly format?: string | null
  readonly source?: unknown
}

/** What a `load` hook gives, with the line added when it is the source of CommonJS. */
export function addNote<T extends Loaded>(loaded: T): T {
  const { source } = loaded
  if (loaded.format !== 'commonjs' || source === undefined || source === null) return loaded
  const text = typeof source === 'string' ? source : new TextDecoder().decode(source as Uint8Array)
  return { ...loaded, source: `${text}\n;globalThis[Symbol.for("org.otel.commonjs")]?.(module,__filename)` }
}
