// Makes a fresh clone usable with nothing but Node >= 20 and npm: fetches pnpm, then the dependencies.
// Does nothing when the lockfile has not changed since the last time.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
const stampFile = join(root, 'node_modules', '.setup-stamp')

function say(text) {
  process.stderr.write(`\u001b[2m[setup]\u001b[22m ${text}\n`)
}

const manifest = () => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const pnpmVersion = () => manifest().packageManager.split('@')[1]

/** The Node that comes with the dependencies, where there is one for this machine. */
function broughtNode() {
  return manifest().optionalDependencies[`node-${process.platform}-${process.arch}`]
}

function stampOf() {
  const hash = createHash('sha256')
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'])
    hash.update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

/** Environment in which the tools of the clone (and its Node 24, where the registry ships one) come first. */
export function toolEnv(extra = {}) {
  const path = [
    join(root, 'node_modules', '.bin'),
    join(root, '.cache', 'pnpm', 'node_modules', '.bin'),
    process.env.PATH,
  ].join(delimiter)
  return { ...process.env, PATH: path, TURBO_TELEMETRY_DISABLED: '1', ...extra }
}

function install(command, args, what) {
  const started = Date.now()
  say(`${what} ...`)
  const done = spawnSync(command, args, {
    cwd: root,
    env: toolEnv(),
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (done.status !== 0) {
    say(`${what} failed (exit ${done.status ?? done.signal}); the output above says why`)
    process.exit(done.status || 1)
  }
  say(`${what}: done in ${((Date.now() - started) / 1000).toFixed(1)} s`)
}

export function setup() {
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stampOf()) return
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 6)) {
    say(`Node ${process.versions.node} is too old for the tools of this repository; use Node >= 20.6`)
    process.exit(1)
  }
  const version = pnpmVersion()
  const pnpmHome = join(root, '.cache', 'pnpm')
  const pnpmManifest = join(pnpmHome, 'node_modules', 'pnpm', 'package.json')
  if (!existsSync(pnpmManifest) || JSON.parse(readFileSync(pnpmManifest, 'utf8')).version !== version) {
    mkdirSync(pnpmHome, { recursive: true })
    writeFileSync(join(pnpmHome, 'package.json'), '{"private":true}\n')
    install(
      'npm',
      ['install', '--prefix', pnpmHome, '--no-fund', '--no-audit', '--loglevel=error', `pnpm@${version}`],
      `pnpm ${version} from the registry`,
    )
  }
  const args = ['install', '--frozen-lockfile', '--reporter=append-only']
  const brought = broughtNode()
  // Engines are compared with the Node the tools will run on, not with the one that runs this.
  if (brought !== undefined) args.push(`--config.node-version=${brought}`)
  install('pnpm', args, 'dependencies from the lockfile')
  writeFileSync(stampFile, stampOf())
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setup()
