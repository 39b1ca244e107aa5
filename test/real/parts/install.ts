// Puts the real parts on the machine: pinned, cached outside the clone, with visible progress. A part whose
// toolchain is missing says so: scripts/real-report.mjs counts its tests as skipped, aloud, and in CI as failed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export const cacheRoot =
  process.env.ORG_OTEL_CACHE ?? join(homedir() || tmpdir(), '.cache', 'org-otel', 'real')
export const kafkaVersion = '4.1.1'

export function say(text: string): void {
  process.stderr.write(`[real parts] ${text}\n`)
}

export function has(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0
}

/** The one reason for which a real part may be left out. Known by its name to scripts/real-report.mjs. */
export class MissingToolchain extends Error {}
// On the prototype: the first line of a stack is written before the fields of an instance are.
MissingToolchain.prototype.name = 'MissingToolchain'

/** Throws unless all programs are on the PATH. `what` is said with it: `Apache Kafka`, `Java 17+`. */
export function need(part: string, what: string, ...programs: readonly string[]): void {
  if (!programs.every(has)) throw new MissingToolchain(`${part} needs ${what}`)
}

/** Runs a command to its end; throws with the tail of its output. */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; what?: string } = {},
): string {
  const started = Date.now()
  if (options.what) say(`${options.what} ...`)
  const done = spawnSync(command, args, {
    cwd: options.cwd,
    env: { ...process.env, NODE_OPTIONS: '', ...options.env },
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  })
  if (done.status !== 0) {
    const tail = `${done.stdout ?? ''}${done.stderr ?? ''}${done.error?.message ?? ''}`.slice(-3000)
    throw new Error(`${options.what ?? command} failed (exit ${done.status ?? done.signal}):\n${tail}`)
  }
  if (options.what) say(`${options.what}: done in ${((Date.now() - started) / 1000).toFixed(1)} s`)
  return done.stdout
}

/** Debian packages by the program each one brings; installed once, never upgraded. */
const debian: Record<string, { package: string; probe: string }> = {
  postgres: { package: 'postgresql', probe: '/usr/lib/postgresql/15/bin/postgres' },
  redis: { package: 'redis-server', probe: '/usr/bin/redis-server' },
  rabbitmq: { package: 'rabbitmq-server', probe: '/usr/sbin/rabbitmq-server' },
  memcached: { package: 'memcached', probe: '/usr/bin/memcached' },
  mariadb: { package: 'mariadb-server', probe: '/usr/sbin/mariadbd' },
  prometheus: { package: 'prometheus', probe: '/usr/bin/prometheus' },
  wrk: { package: 'wrk', probe: '/usr/bin/wrk' },
  buildah: { package: 'buildah', probe: '/usr/bin/buildah' },
  debootstrap: { package: 'debootstrap', probe: '/usr/sbin/debootstrap' },
  runc: { package: 'runc', probe: '/usr/sbin/runc' },
  curlDev: { package: 'libcurl4-openssl-dev', probe: '/usr/include/x86_64-linux-gnu/curl/curl.h' },
}

export function installDebian(...names: readonly (keyof typeof debian)[]): void {
  const missing = names
    .map(name => debian[name])
    .filter(entry => entry !== undefined && !existsSync(entry.probe)) as { package: string; probe: string }[]
  if (missing.length === 0) return
  if (process.getuid?.() !== 0 || !has('apt-get')) {
    throw new MissingToolchain(
      `needs the Debian packages ${missing.map(entry => entry.package).join(', ')}: install them, or run as root on Debian`,
    )
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  run('apt-get', ['update', '-qq'], { env, what: 'apt-get update' })
  run(
    'apt-get',
    ['install', '-y', '-qq', '--no-install-recommends', ...missing.map(entry => entry.package)],
    {
      env,
      what: `installing ${missing.map(entry => entry.package).join(', ')}`,
    },
  )
}

/** For the name of something that is made of these files. */
export function digestOf(...files: readonly string[]): string {
  const hash = createHash('sha256')
  for (const file of files) hash.update(readFileSync(file))
  return hash.digest('hex').slice(0, 12)
}

/** Fills `<cache>/<name>` once: `make` works in a scratch folder that takes the name only when it succeeded. */
export function cached(name: string, make: (directory: string) => void): string {
  const directory = join(cacheRoot, name)
  if (existsSync(directory)) return directory
  const scratch = `${directory}.${process.pid}.tmp`
  rmSync(scratch, { recursive: true, force: true })
  mkdirSync(scratch, { recursive: true })
  try {
    make(scratch)
    renameSync(scratch, directory)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  return directory
}

/** Folder with the jars of Apache Kafka, from Maven Central. */
export function installKafka(): string {
  return cached(`kafka-${kafkaVersion}`, directory => {
    need('Apache Kafka', 'a JDK (17+) and Maven', 'java', 'mvn')
    writeFileSync(
      join(directory, 'pom.xml'),
      `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>org.otel</groupId><artifactId>kafka-run</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${kafkaVersion}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.24.3</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>2.24.3</version></dependency>
  </dependencies></project>\n`,
    )
    run(
      'mvn',
      ['-q', '-B', 'dependency:copy-dependencies', '-DincludeScope=runtime', '-DoutputDirectory=lib'],
      {
        cwd: directory,
        what: `Apache Kafka ${kafkaVersion} from Maven Central`,
      },
    )
  })
}

/** Bindings to librdkafka. They are compiled: what their authors offer prebuilt is not in the registry. */
const nativeClients = ['@confluentinc/kafka-javascript@1.10.1', 'node-rdkafka@3.6.1'] as const

/**
 * Folder in whose `node_modules` the native Kafka clients are, compiled for the Node that runs this.
 * One to three minutes the first time.
 */
export function installNativeKafkaClients(): string {
  const versions = nativeClients.map(client => client.slice(client.lastIndexOf('@') + 1)).join('-')
  const name = `kafka-native-${versions}-node${process.versions.modules}-${process.arch}`
  return cached(name, directory => {
    need(
      nativeClients.join(' and '),
      'make, g++ and python3: they are compiled here',
      'make',
      'g++',
      'python3',
    )
    // Of what the configure script of librdkafka looks for, this is the part it cannot do without.
    installDebian('curlDev')
    writeFileSync(join(directory, 'package.json'), '{"private":true}\n')
    // In one call npm compiles them side by side.
    run('npm', ['install', '--no-fund', '--no-audit', '--save-exact', ...nativeClients], {
      cwd: directory,
      env: nativeBuildEnv(),
      what: `compiling ${nativeClients.join(' and ')} (minutes the first time)`,
    })
    // The sources of librdkafka and what the compiler left: most of 850 MB.
    for (const client of nativeClients) {
      const home = join(directory, 'node_modules', client.slice(0, client.lastIndexOf('@')))
      for (const rest of ['deps', 'build/Release/obj.target'])
        rmSync(join(home, rest), { recursive: true, force: true })
    }
  })
}

function nativeBuildEnv(): NodeJS.ProcessEnv {
  const home = dirname(dirname(process.execPath))
  return {
    // npm must run in the Node that it compiles for, and find headers where that Node keeps them.
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
    ...(existsSync(join(home, 'include/node/node.h')) && { npm_config_nodedir: home }),
    // With the libraries of the system; the default downloads the sources of OpenSSL, zlib, zstd and curl.
    CKJS_LINKING: 'dynamic',
    // Its makefile has no rule for the header that a parallel make asks for first; librdkafka itself builds in parallel.
    JOBS: '1',
  }
}

/** The Collector, built by the official builder from the manifest in packages/deploy; returns the binary. */
export function installCollector(): string {
  const manifest = join(__dirname, '../../../packages/deploy/collector/builder.yaml')
  const text = readFileSync(manifest, 'utf8')
  const version = /version: ([\d.]+)/.exec(text)?.[1]
  if (version === undefined) throw new Error(`no version in ${manifest}`)
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 12)
  const home = cached(`otelcol-${version}-${digest}`, directory => {
    need('the Collector', 'Go (1.26+)', 'go')
    const env = { GOFLAGS: '-mod=mod', GOBIN: directory, CGO_ENABLED: '0' }
    run('go', ['install', `go.opentelemetry.io/collector/cmd/builder@v${version}`], {
      env,
      what: `Collector builder ${version}`,
    })
    writeFileSync(join(directory, 'builder.yaml'), text)
    run(join(directory, 'builder'), ['--config', 'builder.yaml'], {
      cwd: directory,
      env,
      what: `building the Collector ${version} (minutes the first time)`,
    })
  })
  return join(home, 'build', 'otelcol-org')
}
