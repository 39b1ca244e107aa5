// Who is compared: nothing, upstream's preload, Datadog's, and ours. Peers and the applications' libraries are installed
// on demand, at exact versions, outside of the repository.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cache = process.env.ORG_OTEL_BENCH_CACHE ?? join(homedir(), '.cache/org-otel/bench')
const ours = process.env.ORG_OTEL_BENCH_PRELOAD ?? join(root, 'packages/otel/dist/register.cjs')

/** Folder in the cache -> exact versions. */
const installs = {
  upstream: { '@opentelemetry/auto-instrumentations-node': '0.82.0', '@opentelemetry/api': '1.10.0' },
  'dd-trace': { 'dd-trace': '6.21.0' },
  apps: { express: '5.3.0', ioredis: '6.0.0', kafkajs: '2.2.4', pg: '8.23.1', pino: '10.4.0' },
}

export const peerNames = ['bare', 'upstream', 'dd-trace', 'ours']
export const baseline = 'bare'

/** Installs what is missing; returns the folder of the applications and the versions compared. */
export function preparePeers(names) {
  for (const folder of ['apps', ...names.filter(name => name in installs)]) install(folder)
  if (names.includes('ours') && !existsSync(ours))
    throw new Error(`${ours} is missing; run \`npm run build\` first`)
  const apps = join(cache, 'apps')
  const source = fileURLToPath(new URL('apps', import.meta.url))
  // Beside the libraries, so that they resolve them as an application does.
  for (const file of readdirSync(source)) copyFileSync(join(source, file), join(apps, file))
  return { apps, versions: readVersions(names) }
}

function install(folder) {
  const target = join(cache, folder)
  const manifest = JSON.stringify({ private: true, dependencies: installs[folder] })
  const file = join(target, 'package.json')
  const done = Object.keys(installs[folder]).every(name => existsSync(join(target, 'node_modules', name)))
  if (done && readFileSync(file, 'utf8') === manifest) return
  process.stderr.write(
    `[bench] installing ${Object.entries(installs[folder])
      .map(([n, v]) => `${n}@${v}`)
      .join(' ')}\n`,
  )
  mkdirSync(target, { recursive: true })
  writeFileSync(file, manifest)
  const npm = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: target,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, NODE_OPTIONS: '' },
    shell: process.platform === 'win32',
  })
  if (npm.status !== 0) throw new Error(`npm could not install ${folder}`)
}

function readVersions(names) {
  const versions = {}
  for (const folder of ['apps', ...names.filter(name => name in installs)])
    for (const name of Object.keys(installs[folder]))
      versions[name] = JSON.parse(
        readFileSync(join(cache, folder, 'node_modules', name, 'package.json'), 'utf8'),
      ).version
  versions['@org/otel'] = JSON.parse(readFileSync(join(root, 'packages/otel/package.json'), 'utf8')).version
  return versions
}

/** NODE_OPTIONS and the rest of the environment for one peer. `sampling`: percent of traces. */
export function environmentOf(name, { esm = false, sampling = 100, sink }) {
  const otlp = {
    OTEL_SERVICE_NAME: 'bench',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${sink}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    ...(sampling < 100 && {
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: String(sampling / 100),
    }),
  }
  const inPeer = (folder, path) => join(cache, folder, 'node_modules', path)
  const base = { PATH: process.env.PATH, HOME: process.env.HOME }
  switch (name) {
    case 'bare':
      return base
    case 'upstream': {
      const peer = createRequire(join(cache, 'upstream/package.json'))
      const register = peer.resolve('@opentelemetry/auto-instrumentations-node/register')
      return { ...base, ...otlp, NODE_OPTIONS: `--require ${register}` }
    }
    case 'dd-trace':
      return {
        ...base,
        NODE_OPTIONS: esm
          ? `--import ${inPeer('dd-trace', 'dd-trace/initialize.mjs')}`
          : `--require ${inPeer('dd-trace', 'dd-trace/init.js')}`,
        DD_TRACE_AGENT_URL: `http://127.0.0.1:${sink}`,
        DD_SERVICE: 'bench',
        DD_TRACE_STARTUP_LOGS: 'false',
        ...(sampling < 100 && { DD_TRACE_SAMPLE_RATE: String(sampling / 100) }),
      }
    case 'ours':
      return { ...base, ...otlp, NODE_OPTIONS: `--require ${ours}` }
    default:
      throw new Error(`there is no peer ${name}`)
  }
}
