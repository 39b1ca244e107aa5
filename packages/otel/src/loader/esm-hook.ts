// Sees the files of table packages that are ES modules. A CommonJS package needs nothing here, also when it is
// imported: the CommonJS hook has replaced its exports before Node builds the namespace. So only the very files
// that a patch names are wrapped by import-in-the-middle; wrapping whole graphs breaks modules that assign their
// exports late (opentelemetry-js#6984).
import Module from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { swallow } from '../self/guard.ts'
import { replaceMethod } from '../tracing/http/replace-method.ts'
import { chunkPath, loadChunk } from './chunk.ts'
import { addNote } from './commonjs-source.ts'
import type { Patcher } from './patcher.ts'

interface ResolveContext {
  conditions?: Iterable<string> & { includes?(name: string): boolean; has?(name: string): boolean }
  parentURL?: string
}
interface Resolved {
  url: string
  format?: string | null
}
type NextResolve = (specifier: string, context?: ResolveContext) => Resolved
type NextLoad = (url: string, context?: unknown) => unknown

interface SyncHooks {
  resolveSync(specifier: string, context: ResolveContext, next: NextResolve): Resolved
  loadSync(url: string, context: unknown, next: NextLoad): unknown
  applyOptions(options: { shouldInclude(): boolean }): void
}

/**
 * import-in-the-middle's rule: before these releases a `load` hook may not leave the source of a CommonJS module to
 * Node (nodejs/node#59929).
 */
export function hooksRunInThread(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(part => Number.parseInt(part, 10))
  if (major >= 26) return true
  if (major === 25) return minor >= 1
  if (major === 24) return minor > 11 || (minor === 11 && patch >= 1)
  return major === 22 && (minor > 22 || (minor === 22 && patch >= 3))
}

function isRequire(conditions: ResolveContext['conditions']): boolean {
  if (conditions === undefined) return false
  return Array.isArray(conditions) ? conditions.includes('require') : !!conditions.has?.('require')
}

/** What the wrapper modules call, on this thread, once the module they wrap was evaluated. */
function listen(patcher: Patcher): void {
  const { importHooks } = loadChunk('iitm/lib/register')
  importHooks.push((url: string, namespace: unknown) => {
    if (!url.startsWith('file:')) return
    try {
      patcher.patchNamespace(fileURLToPath(url), namespace)
    } catch (error) {
      swallow(`importing ${url}`, error)
    }
  })
}

/** In-thread hooks: nothing but a look at the resolved path, until the first file that is to be wrapped. */
function attachInThread(patcher: Patcher): () => void {
  const registerHooks = (Module as any).registerHooks as (hooks: object) => { deregister(): void }
  let wrapping: SyncHooks | undefined
  let wrappingLoad: { deregister(): void } | undefined
  let opening = false

  function startWrapping(): SyncHooks {
    opening = true
    try {
      const { createHook } = loadChunk('iitm/create-hook')
      const hook: SyncHooks = createHook({ url: pathToFileURL(chunkPath('iitm/register-hooks.mjs')).href })
      hook.applyOptions({ shouldInclude: () => true })
      listen(patcher)
      wrappingLoad = registerHooks({
        load: (url: string, context: unknown, next: NextLoad) => hook.loadSync(url, context, next),
      })
      return hook
    } finally {
      opening = false
    }
  }

  function wants(url: string): boolean {
    const filename = fileURLToPath(url)
    const path = patcher.pathOf(filename)
    return path === undefined ? patcher.hasExactFile(filename) : patcher.wants(path)
  }

  const resolving = registerHooks({
    resolve(specifier: string, context: ResolveContext, next: NextResolve): Resolved {
      if (opening || isRequire(context.conditions)) return next(specifier, context)
      if (wrapping !== undefined && (specifier.includes('iitm=') || context.parentURL?.includes('iitm=')))
        return wrapping.resolveSync(specifier, context, next)
      const resolved = next(specifier, context)
      if (resolved.format !== 'module' || !resolved.url.startsWith('file:')) return resolved
      try {
        if (!wants(resolved.url)) return resolved
        wrapping ??= startWrapping()
      } catch (error) {
        swallow(`resolving ${resolved.url}`, error)
        return resolved
      }
      // Resolved a second time on purpose: import-in-the-middle keeps this very `next` to resolve `export *` later,
      // and a remembered answer in its place crashed Nest 12.
      return wrapping.resolveSync(specifier, context, next)
    },
  })
  // In this thread we are called around all hooks of the other one, whenever they come.
  let noting: { deregister(): void } | undefined
  function noteSources(): void {
    noting ??= registerHooks({
      load(url: string, context: unknown, next: NextLoad) {
        const loaded = next(url, context) as Parameters<typeof addNote>[0]
        return isTableFile(patcher, url) ? addNote(loaded) : loaded
      },
    })
  }
  if (hasLoaders()) noteSources()
  const unwatch = watchRegister(noteSources)
  return () => {
    resolving.deregister()
    wrappingLoad?.deregister()
    noting?.deregister()
    unwatch()
  }
}

function isTableFile(patcher: Patcher, url: string): boolean {
  try {
    return url.startsWith('file:') && patcher.nameOf(fileURLToPath(url)) !== undefined
  } catch {
    return false
  }
}

/** Whether somebody may have registered module hooks before us, or will without a call that we see. */
function hasLoaders(): boolean {
  return /--(import|loader|experimental-loader)\b/.test(
    `${process.execArgv.join(' ')} ${process.env.NODE_OPTIONS ?? ''}`,
  )
}

/** Calls `after` each time that somebody has registered module hooks for the other thread. */
function watchRegister(after: () => void): () => void {
  const module = Module as unknown as { register?: (...args: unknown[]) => unknown }
  if (typeof module.register !== 'function') return () => {}
  const { register } = module
  const undo = replaceMethod(
    module as { register: typeof register },
    'register',
    function (this: unknown, ...args: unknown[]) {
      const result = register.apply(this, args)
      try {
        after()
      } catch (error) {
        swallow('module hooks', error)
      }
      return result
    },
  )
  Module.syncBuiltinESMExports()
  return () => {
    undo()
    Module.syncBuiltinESMExports()
  }
}

/** Older runtimes: hooks on another thread (about 30 ms and 15 MB), told beforehand which files to wrap. */
function attachOffThread(patcher: Patcher, esmFiles: EsmFiles): () => void {
  listen(patcher)
  const { register } = Module
  const hook = pathToFileURL(chunkPath('iitm/hook.mjs')).href
  const { packages, exactFiles } = patcher
  register(hook, { data: { esmFiles, exactFiles, packages } })
  let again = 0
  // Hooks that are registered later run around ours: so once more, around those.
  const unwatch = watchRegister(() => {
    register(`${hook}?again=${++again}`, { data: { packages, sourcesOnly: true } })
  })
  // Node cannot take such hooks back; without patches they change nothing.
  return unwatch
}

/** Package -> files to wrap, `.` being the main one. */
export type EsmFiles = Readonly<Record<string, readonly string[]>>

/**
 * Starts watching imports; returns the function that stops it, or undefined when this runtime has no module hooks.
 * `esmFiles` is for runtimes whose hooks live on another thread and cannot ask.
 */
export function attachEsmHook(
  patcher: Patcher,
  esmFiles: EsmFiles,
  version: string = process.versions.node,
): (() => void) | undefined {
  if (hooksRunInThread(version) && typeof (Module as any).registerHooks === 'function')
    return attachInThread(patcher)
  return typeof Module.register === 'function' && hasDirectory()
    ? attachOffThread(patcher, esmFiles)
    : undefined
}

/** Node 20 waits for ever for a thread that is started where the working directory was removed. */
function hasDirectory(): boolean {
  try {
    process.cwd()
    return true
  } catch {
    return false
  }
}
