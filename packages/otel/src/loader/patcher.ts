// Applies patches to the copies of libraries that the application loads. Knows nothing of Node's hooks: those call
// `patchExports` or `patchNamespace` with what they saw.
import { join } from 'node:path'
import { types } from 'node:util'
import { swallow } from '../self/guard.ts'
import type { ChosenRow } from './choose.ts'
import type { LibraryHooks, ModuleInfo, ModulePatch } from './library.ts'
import { PackageAliases } from './package-alias.ts'
import { readManifest } from './package-manifest.ts'
import { type PackagePath, packageNameOf, parsePackagePath } from './package-path.ts'
import type { FilePatch } from './upstream.ts'
import { inAnyRange } from './version-range.ts'

/** What became of one copy of one library. */
export interface SeenLibrary {
  readonly key: string
  readonly name: string
  readonly version: string
  readonly baseDir: string
  /** `loaded`: its patched file has not been loaded yet. `covered`: part of a library that is instrumented itself. */
  state: 'loaded' | 'patched' | 'out of range' | 'loaded before us' | 'covered' | 'failed'
  /** For `out of range`: the ranges we know. For `covered`: by which library. */
  readonly detail?: string
}

export interface OpenedHooks extends LibraryHooks {
  readonly files?: readonly FilePatch[]
}

interface CopyPatch {
  readonly patch: ModulePatch
  readonly seen: SeenLibrary
}

interface Copy {
  readonly info: ModuleInfo
  readonly mains: ReadonlySet<string>
  readonly byFile: ReadonlyMap<string, readonly CopyPatch[]>
  /** Files that the main ES module is known to load. */
  readonly insideMain: readonly string[]
  /** Patched exports by file, so that `require` and `import` of one file give one set of wrapped functions. */
  readonly done: Map<string, any>
}

export type OpenRow = (chosen: ChosenRow) => OpenedHooks | undefined

export class Patcher {
  readonly seen: SeenLibrary[] = []
  readonly #rows = new Map<string, ChosenRow[]>()
  readonly #opened = new Map<ChosenRow, OpenedHooks | undefined>()
  readonly #copies = new Map<string, Copy>()
  readonly #exactFiles = new Map<string, FilePatch[]>()
  readonly #aliases: PackageAliases
  /** Table packages whose files are being evaluated right now, outermost first. */
  readonly #loading: string[] = []
  readonly #open: OpenRow
  readonly #onOutOfRange: (seen: SeenLibrary) => void
  readonly #requireInside: ((filename: string) => void) | undefined

  /**
   * `requireInside`: given on runtimes whose module hooks do not see the inside of an ES module that is `require`d
   * (Node 20). Its patched files are then required one by one, after it was loaded.
   */
  constructor(
    rows: readonly ChosenRow[],
    open: OpenRow,
    onOutOfRange: (seen: SeenLibrary) => void,
    requireInside?: (filename: string) => void,
  ) {
    this.#open = open
    this.#onOutOfRange = onOutOfRange
    this.#requireInside = requireInside
    for (const chosen of rows) {
      for (const name of chosen.row.packages) {
        const rowsOfPackage = this.#rows.get(name)
        if (rowsOfPackage) rowsOfPackage.push(chosen)
        else this.#rows.set(name, [chosen])
      }
    }
    this.#aliases = new PackageAliases([...this.#rows.keys()])
  }

  /** True for a package of the table. */
  has(name: string): boolean {
    return this.#rows.has(name)
  }

  get packages(): readonly string[] {
    return [...this.#rows.keys()]
  }

  /** The table package that a file belongs to, or undefined. Asked for every file that is loaded. */
  nameOf(filename: string): string | undefined {
    const name = packageNameOf(filename)
    if (name === undefined || this.#rows.has(name)) return name
    return this.#aliases.realNameOf(parsePackagePath(filename)!)
  }

  /** The place of a file in a package of the table, under the package's real name; undefined for all others. */
  pathOf(filename: string): PackagePath | undefined {
    const name = this.nameOf(filename)
    return name === undefined ? undefined : { ...parsePackagePath(filename)!, name }
  }

  get exactFiles(): readonly string[] {
    return [...this.#exactFiles.keys()]
  }

  addExactFiles(patches: readonly FilePatch[]): void {
    for (const patch of patches) {
      const known = this.#exactFiles.get(patch.path)
      if (known) known.push(patch)
      else this.#exactFiles.set(patch.path, [patch])
    }
  }

  hasExactFile(path: string): boolean {
    return this.#exactFiles.size > 0 && this.#exactFiles.has(path)
  }

  /** Opens the row's chunk once; undefined when that failed (said by `open`). */
  hooksOf(chosen: ChosenRow): OpenedHooks | undefined {
    if (!this.#opened.has(chosen)) this.#opened.set(chosen, this.#open(chosen))
    return this.#opened.get(chosen)
  }

  get opened(): ReadonlyMap<ChosenRow, OpenedHooks | undefined> {
    return this.#opened
  }

  enter(name: string): void {
    this.#loading.push(name)
  }
  leave(): void {
    this.#loading.pop()
  }

  /** Whether this file of a table package is patched. Opens the library's chunk. */
  wants(path: PackagePath): boolean {
    return this.#copyOf(path).byFile.has(path.file)
  }

  markLoadedBefore(path: PackagePath): SeenLibrary[] {
    if (this.#copies.has(path.baseDir)) return []
    const manifest = readManifest(path.baseDir)
    // What was started is in effect, whenever the package was loaded.
    const rows = (this.#rows.get(path.name) ?? []).filter(({ row }) => row.on !== 'start')
    const found = rows.map(
      ({ row }): SeenLibrary => ({
        key: row.key,
        name: path.name,
        version: manifest.version,
        baseDir: path.baseDir,
        state: 'loaded before us',
      }),
    )
    this.seen.push(...found)
    return found
  }

  /**
   * For a CommonJS file that was just evaluated; `exports` is its `module.exports`. Returns what should replace it.
   * An ES module that was `require`d comes as its namespace, which nobody can change: then a copy is returned.
   */
  patchExports(filename: string, exports: any): any {
    const exact = this.#exactFiles.get(filename)
    if (exact) return this.#applyExact(exact, exports)
    const path = this.pathOf(filename)
    if (path === undefined) return exports
    const copy = this.#copyOf(path)
    if (this.#requireInside && copy.mains.has(path.file) && types.isModuleNamespaceObject(exports)) {
      for (const file of copy.insideMain)
        if (!copy.done.has(file)) this.#requireInside(join(copy.info.baseDir, file))
    }
    if (!copy.byFile.has(path.file)) return exports
    if (types.isModuleNamespaceObject(exports)) {
      const view = settableView(exports)
      this.#applyToNamespace(copy, path.file, view)
      return view
    }
    const settable = isSealed(exports) ? settableView(exports) : exports
    const patched = this.#apply(copy, path.file, settable, false)
    copy.done.set(path.file, patched)
    return patched
  }

  /** For an ES module that was just evaluated; `namespace` is import-in-the-middle's settable view of it. */
  patchNamespace(filename: string, namespace: any): void {
    const exact = this.#exactFiles.get(filename)
    if (exact) {
      setDefault(namespace, this.#applyExact(exact, namespace))
      return
    }
    const path = this.pathOf(filename)
    if (path === undefined) return
    const copy = this.#copyOf(path)
    if (copy.byFile.has(path.file)) this.#applyToNamespace(copy, path.file, namespace)
  }

  #applyToNamespace(copy: Copy, file: string, namespace: any): void {
    const before = copy.done.get(file)
    if (before !== undefined) {
      // The same file came by the other way already: one copy of the library, one set of wrapped functions.
      for (const key of Object.keys(before)) {
        if (key in namespace && namespace[key] !== before[key]) namespace[key] = before[key]
      }
      return
    }
    copy.done.set(file, namespace)
    if (copy.mains.has(file) && this.#isFacade(copy, file, namespace)) return
    setDefault(namespace, this.#apply(copy, file, namespace, true))
  }

  /** An ES module that only re-exports the CommonJS main of the same package (pg's) must not be patched again. */
  #isFacade(copy: Copy, file: string, namespace: any): boolean {
    for (const main of copy.mains) {
      const exports = main === file ? undefined : copy.done.get(main)
      if (exports == null) continue
      if (namespace.default === exports) return true
      for (const key of Object.keys(namespace)) {
        if (typeof namespace[key] === 'function' && namespace[key] === exports[key]) return true
      }
    }
    return false
  }

  #apply(copy: Copy, file: string, exports: any, isEsm: boolean): any {
    const info = isEsm ? { ...copy.info, isEsm } : copy.info
    let patched = exports
    for (const { patch, seen } of copy.byFile.get(file)!) {
      try {
        const result = patch.patch(patched, info)
        if (result !== undefined) patched = result
        if (seen.state === 'loaded') seen.state = 'patched'
      } catch (error) {
        seen.state = 'failed'
        swallow(`instrumentation ${seen.key} on ${seen.name} ${seen.version}`, error)
      }
    }
    return patched
  }

  #applyExact(patches: readonly FilePatch[], exports: any): any {
    let patched = exports
    for (const { path, patch } of patches) {
      try {
        patched = patch(patched) ?? patched
      } catch (error) {
        swallow(`instrumentation of ${path}`, error)
      }
    }
    return patched
  }

  #copyOf(path: PackagePath): Copy {
    let copy = this.#copies.get(path.baseDir)
    if (copy === undefined) {
      copy = this.#readCopy(path)
      this.#copies.set(path.baseDir, copy)
    }
    return copy
  }

  #readCopy({ name, baseDir }: PackagePath): Copy {
    const { version, mains } = readManifest(baseDir)
    const byFile = new Map<string, CopyPatch[]>()
    const insideMain: string[] = []
    const add = (file: string, patch: CopyPatch): void => {
      const patches = byFile.get(file)
      if (patches) patches.push(patch)
      else byFile.set(file, [patch])
    }
    for (const chosen of this.#rows.get(name) ?? []) {
      const { key, coveredBy } = chosen.row
      const facts = { key, name, version, baseDir }
      if (coveredBy !== undefined && this.#loading.includes(coveredBy)) {
        this.seen.push({ ...facts, state: 'covered', detail: coveredBy })
        continue
      }
      const patches = (this.hooksOf(chosen)?.modules ?? []).filter(patch => patch.name === name)
      if (patches.length === 0) {
        // Observed by its own channels: there is nothing to patch and it is in effect already.
        if (this.hooksOf(chosen)?.start) this.seen.push({ ...facts, state: 'patched' })
        continue
      }
      const usable = patches.filter(patch => inAnyRange(version, patch.versions))
      if (usable.length === 0) {
        const shell = chosen.row.shells?.[name]
        if (shell && inAnyRange(version, shell)) continue
        const detail = [...new Set(patches.flatMap(patch => patch.versions ?? []))].join(' || ')
        const seen: SeenLibrary = { ...facts, state: 'out of range', detail }
        this.seen.push(seen)
        this.#onOutOfRange(seen)
        continue
      }
      const seen: SeenLibrary = { ...facts, state: 'loaded' }
      this.seen.push(seen)
      insideMain.push(...(chosen.row.esmFiles?.[name] ?? []).filter(file => file !== '.'))
      for (const patch of usable) {
        if (patch.file !== undefined) add(patch.file, { patch, seen })
        else for (const main of mains) add(main, { patch, seen })
      }
    }
    return {
      info: { name, version, baseDir, isEsm: false },
      mains,
      byFile,
      insideMain,
      done: new Map(),
    }
  }
}

// A patch that returns something else than the namespace means the default export by it.
function setDefault(namespace: any, result: any): void {
  if (result !== undefined && result !== namespace && 'default' in namespace) namespace.default = result
}

/**
 * What bundlers and transpilers make of `export`: getters that cannot be replaced. Instrumentations expect an object
 * they can write to.
 */
function isSealed(exports: any): boolean {
  if (exports === null || typeof exports !== 'object') return false
  // `true` is the value of `__esModule`, which nobody replaces.
  return Object.values(Object.getOwnPropertyDescriptors(exports)).some(
    one => !one.configurable && one.set === undefined && !one.writable && one.value !== true,
  )
}

/** The exports in an object of their own, where each can be replaced; those that are not keep following the original. */
function settableView(exports: any): any {
  const isNamespace = types.isModuleNamespaceObject(exports)
  const view = Object.create(Object.getPrototypeOf(exports))
  for (const key of Reflect.ownKeys(exports)) {
    if (key === Symbol.toStringTag && isNamespace) continue
    const { enumerable = true } = Object.getOwnPropertyDescriptor(exports, key)!
    Object.defineProperty(view, key, {
      configurable: true,
      enumerable,
      get: () => exports[key],
      set: value => {
        Object.defineProperty(view, key, { configurable: true, enumerable, writable: true, value })
      },
    })
  }
  if (isNamespace) Object.defineProperty(view, Symbol.toStringTag, { value: 'Module' })
  return view
}
