// The only place that knows the layout of dist: the core in the middle, everything else loaded when it is needed.
import { join } from 'node:path'

/** Loads `dist/<name>.cjs`, for example `lib/express` or `metrics`. Throws what `require` throws. */
export function loadChunk(name: string): any {
  // `module.require` and not `require`: the bundler must leave it for run time.
  return module.require(join(__dirname, `${name}.cjs`))
}

/** Absolute path of a file in dist that is loaded by Node rather than by us. */
export function chunkPath(file: string): string {
  return join(__dirname, file)
}
