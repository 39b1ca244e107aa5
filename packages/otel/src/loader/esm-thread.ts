// The module hooks of runtimes that run them on a thread of their own (Node 20, and 22 and 24 before the releases
// named in esm-hook.ts). Becomes dist/iitm/hook.mjs. Wraps only the files it was told at registration.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
// @ts-expect-error import-in-the-middle ships no types for this file
import { createHook } from 'import-in-the-middle/create-hook.mjs'
import { addNote } from './commonjs-source.ts'
import { mainFiles } from './package-manifest.ts'
import { type PackagePath, packageNameOf, parsePackagePath } from './package-path.ts'

interface Resolved {
  url: string
  format?: string | null
}
interface ResolveContext {
  parentURL?: string
}
type NextResolve = (specifier: string, context: ResolveContext) => Promise<Resolved>

const hook = createHook(import.meta)
hook.applyOptions({ shouldInclude: () => true })
const mains = new Map<string, ReadonlySet<string>>()
let esmFiles: Readonly<Record<string, readonly string[]>> = {}
let exactFiles: readonly string[] = []

let packages: ReadonlySet<string> = new Set()
let sourcesOnly = false

export function initialize(data: {
  esmFiles?: typeof esmFiles
  exactFiles?: readonly string[]
  packages: readonly string[]
  /** Nothing is wrapped: this one only sees the sources that hooks registered after the first one hand over. */
  sourcesOnly?: boolean
}): void {
  esmFiles = data.esmFiles ?? {}
  exactFiles = data.exactFiles ?? []
  packages = new Set(data.packages)
  sourcesOnly = data.sourcesOnly === true
}

function mainsOf({ baseDir }: PackagePath): ReadonlySet<string> {
  let known = mains.get(baseDir)
  if (known === undefined) {
    const manifest = JSON.parse(readFileSync(join(baseDir, 'package.json'), 'utf8'))
    known = mainFiles(manifest, file => existsSync(join(baseDir, file)))
    mains.set(baseDir, known)
  }
  return known
}

function isWanted(url: string): boolean {
  const filename = fileURLToPath(url)
  if (exactFiles.includes(filename)) return true
  const path = parsePackagePath(filename)
  if (path === undefined || !Object.hasOwn(esmFiles, path.name)) return false
  const files = esmFiles[path.name]!
  return files.includes(path.file) || (files.includes('.') && mainsOf(path).has(path.file))
}

export async function resolve(
  specifier: string,
  context: ResolveContext,
  next: NextResolve,
): Promise<Resolved> {
  if (sourcesOnly) return next(specifier, context)
  if (specifier.includes('iitm=') || context.parentURL?.includes('iitm='))
    return hook.resolve(specifier, context, next)
  const resolved = await next(specifier, context)
  if (resolved.format !== 'module' || !resolved.url.startsWith('file:')) return resolved
  try {
    if (!isWanted(resolved.url)) return resolved
  } catch {
    // An unreadable package.json: Node will say what is wrong with it.
    return resolved
  }
  return hook.resolve(specifier, context, next)
}

type NextLoad = (url: string, context: unknown) => Promise<{ format?: string | null; source?: unknown }>

export async function load(url: string, context: unknown, next: NextLoad) {
  const loaded = await (sourcesOnly ? next(url, context) : hook.load(url, context, next))
  return url.startsWith('file:') && packages.has(packageNameOf(url) ?? '') ? addNote(loaded) : loaded
}
