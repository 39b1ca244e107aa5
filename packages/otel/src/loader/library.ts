// What the loader knows about a library: which of its files to change once they are loaded, and how.
// The packages kafka, logging and exemplars produce the same shape without importing this file.

export interface ModulePatch {
  /** Package name, `kafkajs` or `@confluentinc/kafka-javascript`. */
  readonly name: string
  /** File inside the package (`lib/client.js`); absent: what `require(name)` or `import name` gives. */
  readonly file?: string
  /** Semver ranges, any of which may match; absent: every version. */
  readonly versions?: readonly string[]
  /** Gets the exports and returns them, changed or replaced. Called once per loaded copy. */
  patch(exports: any, info: ModuleInfo): any
}

export interface ModuleInfo {
  readonly name: string
  readonly version: string
  /** Absolute directory of the package. */
  readonly baseDir: string
  /** True when `exports` is an ES module namespace proxy whose properties can be set. */
  readonly isEsm: boolean
}

export interface LibraryHooks {
  readonly modules: readonly ModulePatch[]
  /** For libraries that are observed by diagnostics channels or timers rather than by a module load. */
  start?(): void
  stop?(): void
}
