// What the loader wants to know from a package's own package.json: its version and its main files.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface PackageManifest {
  readonly version: string
  /** The files that `require(name)` or `import name` may give, relative to the package: `lib/index.js`. */
  readonly mains: ReadonlySet<string>
}

const conditionSets: readonly ReadonlySet<string>[] = [
  ['require', 'node', 'node-addons', 'default'],
  ['import', 'node', 'node-addons', 'default'],
  // Known to Node from 20.19 and 22.10 on.
  ['module-sync', 'require', 'node', 'node-addons', 'default'],
  ['module-sync', 'import', 'node', 'node-addons', 'default'],
].map(names => new Set(names))

/** The target that Node picks from the value of `exports` for one set of conditions. */
export function pickExport(target: unknown, conditions: ReadonlySet<string>): string | undefined {
  if (typeof target === 'string') return target
  if (Array.isArray(target)) {
    for (const one of target) {
      const picked = pickExport(one, conditions)
      if (picked !== undefined) return picked
    }
    return undefined
  }
  if (target === null || typeof target !== 'object') return undefined
  for (const [condition, inner] of Object.entries(target)) {
    if (!conditions.has(condition)) continue
    const picked = pickExport(inner, conditions)
    if (picked !== undefined) return picked
  }
  return undefined
}

function trimmed(file: string): string {
  return file.replace(/^\.?\//, '').replace(/\/$/, '')
}

/** The main files of a package, given its parsed package.json and a way to ask whether a file exists. */
export function mainFiles(manifest: any, exists: (file: string) => boolean): Set<string> {
  const mains = new Set<string>()
  const root = manifest?.exports?.['.'] ?? manifest?.exports
  if (root != null && !(typeof root === 'object' && Object.keys(root)[0]?.startsWith('./'))) {
    for (const conditions of conditionSets) {
      const picked = pickExport(root, conditions)
      if (picked !== undefined) mains.add(trimmed(picked))
    }
    return mains
  }
  const main = typeof manifest?.main === 'string' && manifest.main !== '' ? trimmed(manifest.main) : 'index'
  const candidates =
    main === '' || main === '.' ? ['index.js'] : [main, `${main}.js`, `${main}/index.js`, 'index.js']
  const found = candidates.find(file => /\.[cm]?js$/.test(file) && exists(file))
  mains.add(found ?? main)
  return mains
}

/** Reads a package's manifest; a missing or broken one gives version `0.0.0` and no main. Never throws. */
export function readManifest(baseDir: string): PackageManifest {
  try {
    const manifest = JSON.parse(readFileSync(join(baseDir, 'package.json'), 'utf8'))
    return {
      version: typeof manifest.version === 'string' ? manifest.version : '0.0.0',
      mains: mainFiles(manifest, file => existsSync(join(baseDir, file))),
    }
  } catch {
    return { version: '0.0.0', mains: new Set() }
  }
}

const moduleFolders = new Map<string, boolean>()

/** Whether the `.js` files of a folder are ES modules: the nearest package.json, up to the one in `baseDir`, says so. */
function isModuleFolder(folder: string, baseDir: string): boolean {
  let known = moduleFolders.get(folder)
  if (known === undefined) {
    known =
      readIsModule(folder) ?? (folder.length > baseDir.length && isModuleFolder(dirname(folder), baseDir))
    moduleFolders.set(folder, known)
  }
  return known
}

function readIsModule(folder: string): boolean | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).type === 'module'
  } catch {
    return undefined
  }
}

/** Whether a file of the package in `baseDir` is an ES module, by its name and the package.json nearest to it. */
export function isModuleFile(filename: string, baseDir: string): boolean {
  return filename.endsWith('.mjs') || (filename.endsWith('.js') && isModuleFolder(dirname(filename), baseDir))
}
