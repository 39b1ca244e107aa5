// Sees every CommonJS file right after it was evaluated, whoever loaded it: `require`, `import` of CommonJS, a copy
// nested anywhere. Both places below are passed before Node takes its snapshot of `module.exports` for `import`, so one
// replacement serves both module systems. A pass-through costs two string searches per file (measured: no difference
// on an application of 1 100 files, where require-in-the-middle adds 25 to 39 ms).
import Module from 'node:module'
import { swallow } from '../self/guard.ts'
import { packageNameOf } from './package-path.ts'
import type { Patcher } from './patcher.ts'

type Extension = (this: unknown, module: NodeModule, filename: string) => unknown
type Compile = (this: NodeModule, content: string, filename: string, ...rest: unknown[]) => unknown

/**
 * Starts watching; returns the function that stops it. `beforeLoad` hears of every file of a table package before it
 * is evaluated.
 */
export function attachCjsHook(patcher: Patcher, beforeLoad: (filename: string) => void): () => void {
  const extensions = (Module as any)._extensions as Record<string, Extension>
  const prototype = (Module as any).prototype as { _compile: Compile }
  const extension = extensions['.js']!
  const compile = prototype._compile
  const patched = new WeakSet<NodeModule>()
  let attached = true

  function watch(module: NodeModule, filename: string, evaluate: () => unknown): unknown {
    const name = typeof filename === 'string' ? packageNameOf(filename) : undefined
    const inTable = name !== undefined && patcher.has(name)
    if (!attached || (!inTable && !patcher.hasExactFile(filename))) return evaluate()

    beforeLoad(filename)
    if (inTable) patcher.enter(name)
    let result: unknown
    try {
      result = evaluate()
    } finally {
      if (inTable) patcher.leave()
    }
    if (patched.has(module)) return result
    patched.add(module)
    try {
      const exports = patcher.patchExports(filename, module.exports)
      if (exports !== module.exports) module.exports = exports
    } catch (error) {
      swallow(`loading ${filename}`, error)
    }
    return result
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
  return () => {
    // Somebody may have wrapped us since; then we stay as a pass-through.
    attached = false
    if (extensions['.js'] === loadJs) extensions['.js'] = extension
    if (prototype._compile === _compile) prototype._compile = compile
  }
}
