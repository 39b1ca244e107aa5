// The only reader of the machine and the process for identity. Everything is lazy and bounded: what nobody asks for is
// not read, files are read to a limit, nothing is executed and nothing goes over the network.
import { readFileSync, realpathSync, statSync } from 'node:fs'
import { arch, hostname, type as osType, release } from 'node:os'

export interface Facts {
  /** `process.argv[1]`: the file (or directory) that was started, if any. */
  readonly entry: string | undefined
  readonly cwd: string
  readonly pid: number
  readonly execPath: string
  readonly nodeVersion: string
  readonly platform: string
  hostname(): string
  arch(): string
  osType(): string
  osRelease(): string
  /** A new random UUID. */
  uuid(): string
  /** Text of a regular file of at most `maxBytes`; `undefined` when it is not there, larger, or cannot be read. */
  readText(path: string, maxBytes: number): string | undefined
  /** The path without symbolic links; the path itself when it cannot be followed. */
  realPath(path: string): string
}

export function readFacts(): Facts {
  return {
    entry: process.argv[1],
    cwd: readCwd(),
    pid: process.pid,
    execPath: process.execPath,
    nodeVersion: process.versions.node,
    platform: process.platform,
    hostname,
    arch,
    osType,
    osRelease: release,
    uuid: makeUuid,
    readText: readTextBounded,
    realPath: path => {
      try {
        return realpathSync.native(path)
      } catch {
        return path
      }
    },
  }
}

function readCwd(): string {
  try {
    return process.cwd()
  } catch {
    // The directory was removed under the process.
    return '/'
  }
}

// Asking first is cheaper than catching: most of the package.json we look for are not there. Only regular files, so that
// a path to a device or a pipe cannot hold up the start; those in /proc have size 0 and are limited by the kernel.
function readTextBounded(path: string, maxBytes: number): string | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat === undefined || !stat.isFile() || stat.size > maxBytes) return undefined
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

// Version 4. Not node:crypto: loading it takes 2 ms, and this must only be unique, not secret. Every process seeds
// Math.random from the operating system.
function makeUuid(): string {
  const hex = (digits: number) =>
    Math.floor(Math.random() * 16 ** digits)
      .toString(16)
      .padStart(digits, '0')
  const variant = (8 + Math.floor(Math.random() * 4)).toString(16)
  return `${hex(8)}-${hex(4)}-4${hex(3)}-${variant}${hex(3)}-${hex(6)}${hex(6)}`
}
