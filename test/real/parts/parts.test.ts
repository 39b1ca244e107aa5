import { spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import { freePort } from './process.ts'
import {
  startCollector,
  startKafka,
  startMariadb,
  startMemcached,
  startPostgres,
  startPrometheus,
  startRabbitmq,
  startRedis,
} from './start.ts'

test('PostgreSQL, Redis and Prometheus start on free loopback ports and go away again', async () => {
  const [postgres, redis] = [await startPostgres(), await startRedis()]
  const prometheus = await startPrometheus(['127.0.0.1:1'])
  try {
    expect(
      spawnSync('psql', [postgres.url, '-Atc', 'select 1 + 1'], { encoding: 'utf8' }).stdout.trim(),
    ).toBe('2')
    expect(spawnSync('redis-cli', ['-u', redis.url, 'ping'], { encoding: 'utf8' }).stdout.trim()).toBe('PONG')
    expect(await prometheus.api('targets')).toHaveProperty('activeTargets')
  } finally {
    await Promise.all([postgres.stop(), redis.stop(), prometheus.stop()])
  }
}, 300_000)

test('RabbitMQ, memcached and MariaDB start on free loopback ports and go away again', async () => {
  const [rabbitmq, memcached] = [await startRabbitmq(), await startMemcached()]
  const mariadb = await startMariadb()
  const ports = [rabbitmq.url, `tcp://${memcached.address}`, mariadb.url].map(url =>
    Number(new URL(url).port),
  )
  const answer = (port: number) =>
    new Promise(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.on('error', () => resolve(false)).on('connect', () => socket.destroy())
    })
  try {
    expect(await Promise.all(ports.map(answer))).toEqual([true, true, true])
    const { hostname, port } = new URL(mariadb.url)
    const query = ['--no-defaults', '-h', hostname, '-P', port, '-u', 'root', '-Ne', 'select 1 + 1']
    expect(spawnSync('mariadb', query, { encoding: 'utf8' }).stdout.trim()).toBe('2')
  } finally {
    await Promise.all([rabbitmq.stop(), memcached.stop(), mariadb.stop()])
  }
  expect(await Promise.all(ports.map(answer))).toEqual([false, false, false])
}, 300_000)

test('Apache Kafka starts in KRaft mode', async () => {
  const kafka = await startKafka()
  await kafka.stop()
  expect(kafka.output()).not.toMatch(/ERROR/)
}, 300_000)

test('the Collector is built and starts with an OTLP receiver', async () => {
  const port = await freePort()
  const collector = await startCollector(
    `receivers: { otlp: { protocols: { http: { endpoint: '127.0.0.1:${port}' } } } }
exporters: { debug: {} }
service: { telemetry: { metrics: { level: none } }, pipelines: { traces: { receivers: [otlp], exporters: [debug] } } }`,
    port,
  )
  await collector.stop()
  expect(collector.output()).toMatch(/Everything is ready/)
}, 1_200_000)
