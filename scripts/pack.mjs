// `npm run pack`: the tarballs of all published packages, in artifacts/, as the registry would get them (catalog: and
// workspace: resolved to versions), each checked by installing it with plain npm into an empty folder and loading it.
// `--no-check` leaves the check out.
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, toolEnv } from './setup.mjs'

const artifacts = join(root, 'artifacts')
const maxInstalledBytes = 6_000_000

function run(command, args, cwd) {
  const done = spawnSync(command, args, {
    cwd,
    env: toolEnv({ NODE_OPTIONS: '', npm_config_update_notifier: 'false' }),
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (done.status !== 0) {
    process.stderr.write(`${command} ${args.join(' ')} failed in ${cwd}\n${done.stdout}${done.stderr}`)
    process.exit(1)
  }
  return done.stdout
}

function publishedPackages() {
  return globSync('packages/*/package.json', { cwd: root })
    .map(file => ({ ...JSON.parse(readFileSync(join(root, file), 'utf8')), home: join(root, file, '..') }))
    .filter(manifest => !manifest.private)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function tarballOf({ name, version }) {
  return join(artifacts, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)
}

/** Every file below a folder, with its size. */
function sizeOf(folder) {
  return globSync('**/*', { cwd: folder }).reduce((sum, file) => {
    const stat = statSync(join(folder, file))
    return stat.isFile() ? sum + stat.size : sum
  }, 0)
}

function fail(text) {
  process.stderr.write(`[pack] ${text}\n`)
  process.exitCode = 1
}

function check(packages) {
  const folder = mkdtempSync(join(tmpdir(), 'org-otel-pack-'))
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
  run('npm', ['install', '--no-fund', '--no-audit', '--ignore-scripts', ...packages.map(tarballOf)], folder)
  for (const { name } of packages) {
    const installed = join(folder, 'node_modules', name)
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    const text = JSON.stringify({ ...manifest.dependencies, ...manifest.peerDependencies })
    if (/catalog:|workspace:/.test(text)) fail(`${name}: unresolved versions ${text}`)
    for (const script of ['preinstall', 'install', 'postinstall', 'prepare'])
      if (manifest.scripts?.[script]) fail(`${name}: has the install script "${script}"`)
    const bytes = sizeOf(installed)
    if (name === '@org/otel') {
      const dependencies = Object.keys(manifest.dependencies ?? {})
      if (dependencies.join() !== '@opentelemetry/api') fail(`${name} depends on ${dependencies.join(', ')}`)
      if (bytes > maxInstalledBytes) fail(`${name}: ${(bytes / 1e6).toFixed(2)} MB installed, more than 6 MB`)
    }
    run('node', ['-e', `require(${JSON.stringify(name)})`], folder)
    run('node', ['--input-type=module', '-e', `await import(${JSON.stringify(name)})`], folder)
    process.stderr.write(
      `[pack] ${name} ${manifest.version}: ${(bytes / 1e6).toFixed(2)} MB installed, loads\n`,
    )
  }
  run('node', ['--require', '@org/otel/register', '-e', '0'], folder)
  rmSync(folder, { recursive: true, force: true })
}

const packages = publishedPackages()
rmSync(artifacts, { recursive: true, force: true })
mkdirSync(artifacts, { recursive: true })
for (const one of packages) {
  // pnpm takes LICENSE from the package; one text for all.
  cpSync(join(root, 'LICENSE'), join(one.home, 'LICENSE'))
  run('pnpm', ['pack', '--pack-destination', artifacts], one.home)
  process.stderr.write(
    `[pack] ${tarballOf(one).slice(root.length)}: ${(statSync(tarballOf(one)).size / 1e3).toFixed(0)} kB\n`,
  )
}
if (!process.argv.includes('--no-check')) check(packages)
