import { dirname, join, sep } from 'node:path'
import type { Facts } from './facts.ts'
import type { Env } from './read-env.ts'

export interface Manifest {
  readonly path: string
  readonly name?: string
  readonly version?: string
  /** Why it cannot be used. */
  readonly fault?: string
}

const maxLevels = 16
const maxBytes = 256 * 1024

/**
 * The package.json that names the service: the nearest one above the entry point that has a name (a `dist/package.json`
 * with nothing but a type does not). A program started through a tool in node_modules (next, nest, pm2, tsx) is not the
 * tool: then it is the one above the working directory, and for pm2 the one above the script it runs.
 */
export function findPackage(facts: Facts, env: Env): Manifest | undefined {
  const entry = env.pm_exec_path ?? facts.entry
  let from = facts.cwd
  let level = from
  if (entry !== undefined && entry !== '') {
    const real = facts.realPath(entry)
    if (!real.includes(`${sep}node_modules${sep}`)) level = real
  }
  for (let i = 0; i < maxLevels; i++) {
    const path = join(level, 'package.json')
    const text = facts.readText(path, maxBytes)
    if (text !== undefined) {
      const manifest = parseManifest(path, text)
      if (manifest.name !== undefined || manifest.fault !== undefined) return manifest
    }
    from = dirname(level)
    if (from === level) return undefined
    level = from
  }
  return undefined
}

function parseManifest(path: string, text: string): Manifest {
  let json: unknown
  try {
    json = JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text)
  } catch {
    return { path, fault: 'is not valid JSON' }
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return { path, fault: 'is not a JSON object' }
  const { name, version } = json as { name?: unknown; version?: unknown }
  if (name !== undefined && typeof name !== 'string')
    return { path, fault: 'has a name that is not a string' }
  return {
    path,
    ...(name ? { name } : {}),
    ...(typeof version === 'string' && version !== '' ? { version } : {}),
  }
}
