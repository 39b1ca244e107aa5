// Which package a file belongs to, from its path alone: the last `node_modules` decides, so pnpm's store, nested
// copies and Yarn's archives all come out right.

export interface PackagePath {
  /** `express`, `@nestjs/core`. */
  readonly name: string
  /** Absolute directory of the package. */
  readonly baseDir: string
  /** File inside the package, with forward slashes: `lib/express.js`. */
  readonly file: string
}

const folder = 'node_modules'

function isSlash(code: number): boolean {
  return code === 47 || code === 92
}

function nextSlash(path: string, from: number): number {
  for (let i = from; i < path.length; i++) if (isSlash(path.charCodeAt(i))) return i
  return -1
}

/** Where the package name ends in `path`, or -1. `start` is the index behind `node_modules/`. */
function nameEnd(path: string, start: number): number {
  const first = nextSlash(path, start)
  return path.charCodeAt(start) === 64 && first !== -1 ? nextSlash(path, first + 1) : first
}

/** The package name of a file path or file URL, or undefined when it is in no `node_modules`. */
export function packageNameOf(path: string): string | undefined {
  const at = path.lastIndexOf(folder)
  if (at === -1) return undefined
  const start = at + folder.length + 1
  const end = nameEnd(path, start)
  if (end === -1) return undefined
  const name = path.slice(start, end)
  return name.charCodeAt(0) === 64 && name.includes('\\') ? name.replace('\\', '/') : name
}

/** Splits an absolute file path; undefined when it is in no `node_modules`. */
export function parsePackagePath(path: string): PackagePath | undefined {
  const name = packageNameOf(path)
  if (name === undefined) return undefined
  const end = path.lastIndexOf(folder) + folder.length + 1 + name.length
  return { name, baseDir: path.slice(0, end), file: path.slice(end + 1).replaceAll('\\', '/') }
}
