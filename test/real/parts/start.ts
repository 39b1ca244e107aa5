// One function per real part. Each takes ports of its own and a scratch folder that goes with it.
import { spawnSync } from 'node:child_process'
import { chownSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installCollector, installDebian, installKafka, run } from './install.ts'
import { freePort, type Part, startPart, until } from './process.ts'

function scratch(name: string): string {
  return mkdtempSync(join(tmpdir(), `real-${name}-`))
}

async function withScratch(part: Part, directory: string): Promise<Part> {
  return {
    ...part,
    async stop(signal) {
      await part.stop(signal)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

export interface KafkaPart extends Part {
  /** `127.0.0.1:port`, for `KAFKA_BROKERS`. */
  readonly address: string
  /** Ends the broker process and starts it again on the same port and data. */
  restart(): Promise<void>
}

/** Apache Kafka in KRaft mode, one node. */
export async function startKafka(): Promise<KafkaPart> {
  const home = installKafka()
  const directory = scratch('kafka')
  const [port, controllerPort] = [await freePort(), await freePort()]
  const properties = join(directory, 'server.properties')
  writeFileSync(
    properties,
    `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=${join(directory, 'data')}
num.partitions=3
auto.create.topics.enable=true
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
`,
  )
  const classpath = `${join(home, 'lib')}/*`
  run(
    'java',
    [
      '-cp',
      classpath,
      'kafka.tools.StorageTool',
      'format',
      '-t',
      'MkU3OEVBNTcwNTJENDM2Qg',
      '-c',
      properties,
      '--ignore-formatted',
    ],
    { cwd: directory },
  )
  const boot = () =>
    startPart('Apache Kafka', 'java', ['-Xms256m', '-Xmx512m', '-cp', classpath, 'kafka.Kafka', properties], {
      cwd: directory,
      port,
    })
  let part = await boot()
  return {
    get pid() {
      return part.pid
    },
    address: `127.0.0.1:${port}`,
    output: () => part.output(),
    async restart() {
      await part.stop()
      part = await boot()
    },
    async stop(signal) {
      await part.stop(signal)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** PostgreSQL 15 with trust authentication; `url` is a ready `DATABASE_URL`. */
export async function startPostgres(): Promise<Part & { readonly url: string }> {
  installDebian('postgres')
  const bin = '/usr/lib/postgresql/15/bin'
  const directory = scratch('postgres')
  const port = await freePort()
  // The server refuses to run as root: as root it gets the account that its Debian package brought.
  const isRoot = process.getuid?.() === 0
  const id = (flag: string) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout)
  const account = isRoot ? { uid: id('-u'), gid: id('-g') } : {}
  if (isRoot) chownSync(directory, id('-u'), id('-g'))
  const initialise = spawnSync(
    `${bin}/initdb`,
    ['-D', join(directory, 'data'), '-U', 'postgres', '-A', 'trust', '--no-sync'],
    {
      cwd: directory,
      encoding: 'utf8',
      ...account,
    },
  )
  if (initialise.status !== 0) throw new Error(`initdb failed: ${initialise.stderr}`)
  const part = await startPart(
    'PostgreSQL',
    `${bin}/postgres`,
    ['-D', join(directory, 'data'), '-h', '127.0.0.1', '-p', String(port), '-k', directory, '-F'],
    {
      cwd: directory,
      port,
      ...account,
    },
  )
  await until(
    'PostgreSQL to accept queries',
    () => spawnSync(`${bin}/pg_isready`, ['-h', '127.0.0.1', '-p', String(port)]).status === 0,
  )
  return { ...(await withScratch(part, directory)), url: `postgres://postgres@127.0.0.1:${port}/postgres` }
}

/** Redis 7; `url` is a ready `REDIS_URL`. */
export async function startRedis(): Promise<Part & { readonly url: string }> {
  installDebian('redis')
  const directory = scratch('redis')
  const port = await freePort()
  const part = await startPart(
    'Redis',
    '/usr/bin/redis-server',
    ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no', '--dir', directory],
    {
      cwd: directory,
      port,
    },
  )
  return { ...(await withScratch(part, directory)), url: `redis://127.0.0.1:${port}` }
}

/** memcached; `address` is `127.0.0.1:port`. */
export async function startMemcached(): Promise<Part & { readonly address: string }> {
  installDebian('memcached')
  const port = await freePort()
  // As root it wants to be told which user it shall be.
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const args = ['-l', '127.0.0.1', '-p', String(port), '-U', '0', '-t', '1', ...user]
  const part = await startPart('memcached', '/usr/bin/memcached', args, { port })
  return { ...part, address: `127.0.0.1:${port}` }
}

/** RabbitMQ with a name server (epmd) of its own, so that nothing of it stays; `url` is a ready `AMQP_URL`. */
export async function startRabbitmq(): Promise<Part & { readonly url: string }> {
  installDebian('rabbitmq')
  const library = '/usr/lib/rabbitmq/lib'
  // The wrapper in /usr/sbin changes to the account of the Debian package, whose data this is not.
  const home = readdirSync(library).find(name => name.startsWith('rabbitmq_server-'))
  const directory = scratch('rabbitmq')
  const [port, namesPort, nodesPort] = [await freePort(), await freePort(), await freePort()]
  writeFileSync(join(directory, 'rabbitmq.conf'), `listeners.tcp.default = 127.0.0.1:${port}\n`)
  writeFileSync(join(directory, 'plugins'), '[].\n')
  const names = await startPart(
    'epmd',
    'epmd',
    ['-port', String(namesPort), '-address', '127.0.0.1', '-relaxed_command_check'],
    { cwd: directory, port: namesPort },
  )
  const part = await startPart('RabbitMQ', join(library, String(home), 'sbin/rabbitmq-server'), [], {
    cwd: directory,
    port,
    env: {
      HOME: directory,
      ERL_EPMD_PORT: String(namesPort),
      RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'plugins'),
      RABBITMQ_NODENAME: `real-${process.pid}-${port}@localhost`,
      RABBITMQ_MNESIA_BASE: join(directory, 'data'),
      RABBITMQ_LOG_BASE: join(directory, 'log'),
      RABBITMQ_PID_FILE: join(directory, 'pid'),
      RABBITMQ_DIST_PORT: String(nodesPort),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
      RABBITMQ_LOGS: '-',
    },
  }).catch(async error => {
    await names.stop('SIGKILL')
    throw error
  })
  return {
    ...part,
    url: `amqp://127.0.0.1:${port}`,
    async stop(signal) {
      await part.stop(signal)
      await names.stop('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** MariaDB 10.11; `root` without a password over TCP, `url` is a ready `mysql://` address with the database `test`. */
export async function startMariadb(): Promise<Part & { readonly url: string }> {
  installDebian('mariadb')
  const directory = scratch('mariadb')
  const port = await freePort()
  const data = join(directory, 'data')
  // The server refuses to run as root unless it is told to.
  const user = process.getuid?.() === 0 ? ['--user=root'] : []
  run(
    'mariadb-install-db',
    ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', ...user],
    { cwd: directory },
  )
  const part = await startPart(
    'MariaDB',
    '/usr/sbin/mariadbd',
    [
      '--no-defaults',
      `--datadir=${data}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(directory, 'socket')}`,
      `--pid-file=${join(directory, 'pid')}`,
      '--skip-name-resolve',
      '--innodb-flush-log-at-trx-commit=0',
      ...user,
    ],
    { cwd: directory, port },
  )
  return { ...(await withScratch(part, directory)), url: `mysql://root@127.0.0.1:${port}/test` }
}

export interface PrometheusPart extends Part {
  readonly url: string
  /** GET of the HTTP API: `query_exemplars?query=...`; returns `data`. */
  api(path: string): Promise<any>
}

/** Prometheus with exemplar storage, scraping the given targets every second. */
export async function startPrometheus(targets: readonly string[], extra = ''): Promise<PrometheusPart> {
  installDebian('prometheus')
  const directory = scratch('prometheus')
  const port = await freePort()
  const file = join(directory, 'prometheus.yml')
  writeFileSync(
    file,
    `global: { scrape_interval: 1s, evaluation_interval: 1s }
scrape_configs:
  - job_name: real
    static_configs: [{ targets: ${JSON.stringify(targets)} }]
${extra}`,
  )
  const part = await startPart(
    'Prometheus',
    '/usr/bin/prometheus',
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
    ],
    { cwd: directory, port },
  )
  const url = `http://127.0.0.1:${port}`
  return {
    ...(await withScratch(part, directory)),
    url,
    async api(path) {
      const response = await fetch(`${url}/api/v1/${path}`)
      const body = (await response.json()) as { status: string; data: unknown; error?: string }
      if (body.status !== 'success') throw new Error(`Prometheus: ${body.error}`)
      return body.data
    },
  }
}

/**
 * The Collector with the given YAML configuration. `port` is one it will listen on: started means that one accepts.
 * `env` fills the `${env:...}` references of the configuration.
 */
export async function startCollector(
  config: string,
  port: number,
  env: Record<string, string> = {},
): Promise<Part> {
  const binary = installCollector()
  const directory = scratch('collector')
  const file = join(directory, 'config.yaml')
  writeFileSync(file, config)
  const part = await startPart('Collector', binary, ['--config', file], { cwd: directory, port, env })
  return withScratch(part, directory)
}
