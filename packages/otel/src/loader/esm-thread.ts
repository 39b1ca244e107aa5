// The module hooks of runtimes that run them on a thread of their own (Node 20, and 22 and 24 before the releases
// named in esm-hook.ts). Becomes dist/iitm/hook.mjs. Wraps only the files it was told at registration.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
// @ts-expect-error import-in-the-middle ships no types for this file
import { createHook } from 'import-in-the-middle/create-hook.mjs'
import { mainFiles } from './package-manifest.ts'
import { type PackagePath, parsePackagePath } from './package-path.ts'

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

export function initialize(data: { esmFiles: typeof esmFiles; exactFiles: readonly string[] }): void {
  esmFiles = data.esmFiles
  exactFiles = data.exactFiles
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

export const load = hook.load
