// `"express4": "npm:express@4"`: the folder has the alias for its name, the package.json in it the real one. To read that of
// every package of an application would cost what the whole start costs; it is read where the alias is declared beside the
// folder, or where the name of a table package is a part of the folder's.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PackagePath } from './package-path.ts'

function readJson(file: string): any {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/** The folders of `node_modules` that a package.json declares as aliases: `express4` of `"express4": "npm:express@4"`. */
function declaredAliases(manifest: any): Set<string> {
  const aliases = new Set<string>()
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'])
    for (const [name, range] of Object.entries(manifest?.[kind] ?? {}))
      if (typeof range === 'string' && range.startsWith('npm:')) aliases.add(name)
  return aliases
}

export class PackageAliases {
  readonly #isTable: (name: string) => boolean
  readonly #names: readonly string[]
  readonly #real = new Map<string, string | undefined>()
  readonly #declared = new Map<string, Set<string>>()

  /** `names`: the packages of the table. */
  constructor(names: readonly string[]) {
    const table = new Set(names)
    this.#isTable = name => table.has(name)
    this.#names = names
  }

  /** The table package that the folder of `path` holds under another name. Reads at most two files per folder, once. */
  realNameOf({ name, baseDir }: PackagePath): string | undefined {
    if (!this.#real.has(baseDir)) this.#real.set(baseDir, this.#find(name, baseDir))
    return this.#real.get(baseDir)
  }

  #find(name: string, baseDir: string): string | undefined {
    if (!this.#isLikely(name, baseDir)) return undefined
    const real = readJson(join(baseDir, 'package.json'))?.name
    return typeof real === 'string' && real !== name && this.#isTable(real) ? real : undefined
  }

  #isLikely(name: string, baseDir: string): boolean {
    if (this.#names.some(one => name.includes(one))) return true
    const owner = baseDir.slice(0, baseDir.length - name.length - '/node_modules/'.length)
    let declared = this.#declared.get(owner)
    if (declared === undefined) {
      declared = declaredAliases(readJson(join(owner, 'package.json')))
      this.#declared.set(owner, declared)
    }
    return declared.has(name)
  }
}
