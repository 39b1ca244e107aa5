// Whether this process can come to import an ES module of the table. Most services are CommonJS and have none: they
// are spared the module hooks, which cost every `require` a detour through URLs (5 to 8 ms over 1 100 files on Node 24)
// and on Node 20 a thread of their own (30 ms and 15 MB). In doubt the answer is yes. A `require` of an ES module needs
// no answer here: the CommonJS hook sees it coming and attaches the hooks then.
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'

export interface Launch {
  /** `process.argv[1]`. */
  readonly entry: string | undefined
  readonly execArgv: readonly string[]
  readonly nodeOptions: string | undefined
  /** May throw: the directory of a process can be removed under it. */
  cwd(): string
}

// `import ...` or `export ...` at the start of a line: Node takes such a `.js` for an ES module.
const moduleSyntax = /^\s*(import|export)\b/m

function nearestManifest(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const file = join(folder, 'package.json')
    if (existsSync(file)) return file
    if (dirname(folder) === folder) return undefined
  }
}

function isCommonJs(file: string): boolean {
  const extension = extname(file)
  if (extension === '.cjs') return true
  if (extension !== '.js' && extension !== '') return false
  const manifest = nearestManifest(dirname(file))
  const type = manifest === undefined ? undefined : JSON.parse(readFileSync(manifest, 'utf8')).type
  if (type !== undefined) return type === 'commonjs'
  return !moduleSyntax.test(readFileSync(file, 'utf8'))
}

/** The file that `node <entry>` runs, or undefined when that is not for us to say. */
function entryFile(entry: string): string | undefined {
  const found = [entry, `${entry}.js`, join(entry, 'index.js')].find(
    file => extname(file) !== '' && existsSync(file),
  )
  // A command without an extension (`node_modules/.bin/service`) is a link to its file.
  return found ?? (existsSync(entry) ? entry : undefined)
}

/** True when one of `packages` is installed where `folder` or one above it would find it. */
function isInstalled(packages: readonly string[], folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    // Yarn's Plug'n'Play keeps packages where only it can find them.
    if (existsSync(join(at, '.pnp.cjs'))) return true
    const modules = join(at, 'node_modules')
    if (existsSync(modules)) {
      const stores = [modules, join(modules, '.pnpm/node_modules')].filter(store => existsSync(store))
      if (packages.some(name => stores.some(store => existsSync(join(store, name))))) return true
    }
    if (dirname(at) === at) return false
  }
}

/** `packages`: those of the table that have releases which are ES modules. Never throws. */
export function mayImport(packages: readonly string[], launch: Launch): boolean {
  try {
    const flags = `${launch.execArgv.join(' ')} ${launch.nodeOptions ?? ''}`
    if (
      launch.entry === undefined ||
      /--(import|loader|experimental-loader|eval|print|input-type)\b|(^|\s)-[ep]+\b/.test(flags)
    )
      return true
    const entry = entryFile(launch.entry)
    if (entry === undefined) return true
    const file = realpathSync(entry)
    if (!isCommonJs(file)) return true
    const folder = dirname(file)
    return isInstalled(packages, folder) || isInstalled(packages, launch.cwd())
  } catch {
    return true
  }
}
