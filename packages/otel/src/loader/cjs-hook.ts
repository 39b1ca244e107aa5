// Sees every CommonJS file right after it was evaluated, whoever loaded it: `require`, `import` of CommonJS, a copy
// nested anywhere. Both places below are passed before Node takes its snapshot of `module.exports` for `import`, so one
// replacement serves both module systems. A pass-through costs two string searches per file (measured: no difference
// on an application of 1 100 files, where require-in-the-middle adds 25 to 39 ms).
import Module from 'node:module'
import { swallow } from '../self/guard.ts'
import type { Patcher } from './patcher.ts'

type Extension = (this: unknown, module: NodeModule, filename: string) => unknown
type Compile = (this: NodeModule, content: string, filename: string, ...rest: unknown[]) => unknown

export interface CjsHook {
  /** For a file that was evaluated past the places watched here: its source came from a `load` hook. */
  note(module: NodeModule, filename: string): void
  detach(): void
}

/**
 * Starts watching. `beforeLoad` hears of every file of a table package before it is evaluated, `afterPnp` when Yarn's
 * Plug'n'Play has been set up.
 */
export function attachCjsHook(
  patcher: Patcher,
  beforeLoad: (filename: string) => void,
  afterPnp: () => void = () => {},
): CjsHook {
  const extensions = (Module as any)._extensions as Record<string, Extension>
  const prototype = (Module as any).prototype as { _compile: Compile }
  const extension = extensions['.js']!
  const compile = prototype._compile
  const patched = new WeakSet<NodeModule>()
  let attached = true

  function watch(module: NodeModule, filename: string, evaluate: () => unknown): unknown {
    if (typeof filename !== 'string') return evaluate()
    const name = patcher.nameOf(filename)
    const inTable = name !== undefined
    if (!attached || (!inTable && !patcher.hasExactFile(filename))) {
      const result = evaluate()
      if (attached && filename.endsWith('.pnp.cjs')) afterPnp()
      return result
    }

    beforeLoad(filename)
    if (inTable) patcher.enter(name)
    let result: unknown
    try {
      result = evaluate()
    } finally {
      if (inTable) patcher.leave()
    }
    note(module, filename)
    return result
  }

  function note(module: NodeModule, filename: string): void {
    if (patched.has(module)) return
    patched.add(module)
    try {
      const exports = patcher.patchExports(filename, module.exports)
      if (exports !== module.exports) module.exports = exports
    } catch (error) {
      swallow(`loading ${filename}`, error)
    }
  }

  // The handler for `.js` sees what v8-compile-cache compiles by itself, and ES modules that are required ...
  function loadJs(this: unknown, module: NodeModule, filename: string): unknown {
    return watch(module, filename, () => extension.call(this, module, filename))
  }
  // ... and this sees what tsx and other transpilers load past that handler.
  function _compile(this: NodeModule, content: string, filename: string, ...rest: unknown[]): unknown {
    return watch(this, filename, () => compile.call(this, content, filename, ...rest))
  }
  extensions['.js'] = loadJs
  prototype._compile = _compile
  return {
    note(module, filename) {
      if (attached && patcher.nameOf(filename) !== undefined) note(module, filename)
    },
    detach() {
      // Somebody may have wrapped us since; then we stay as a pass-through.
      attached = false
      if (extensions['.js'] === loadJs) extensions['.js'] = extension
      if (prototype._compile === _compile) prototype._compile = compile
    },
  }
}
