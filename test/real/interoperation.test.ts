// Which SDKs in other languages read what we send, and that we continue what they send: each is a service between two of
// ours, with its own OpenTelemetry SDK and propagator, unmodified, in an old version and in the newest.
import { copyFileSync, cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type KafkaBroker, startKafkaBroker } from '@org/otel-devtools/kafka-broker'
import { type App, type Receiver, runApp, startReceiver } from '@org/otel-devtools/testing'
import { cached, digestOf, need, run } from './parts/install.ts'
import { type Part, startPart, until } from './parts/process.ts'

const cwd = join(__dirname, '..')
const sources = join(__dirname, 'languages/relay')

interface Sdk {
  readonly name: string
  /** Whether it reads a traceparent with the random flag of W3C level 2. */
  readonly readsRandomFlag: boolean
  /** Flags of a trace that begins there. */
  readonly begins: '01' | '03'
  install(): { command: string; args: readonly string[]; env?: Record<string, string> }
}

function go(version: string) {
  return () => {
    const from = join(sources, 'go')
    const [module, sums] = [join(from, `otel-${version}.mod`), join(from, `otel-${version}.sum`)]
    const home = cached(`relay-go-${digestOf(join(from, 'main.go'), module, sums)}`, directory => {
      need('the Go relays', 'Go (1.26+)', 'go')
      cpSync(join(from, 'main.go'), join(directory, 'main.go'))
      copyFileSync(module, join(directory, 'go.mod'))
      copyFileSync(sums, join(directory, 'go.sum'))
      const env = { GOFLAGS: '-mod=readonly', CGO_ENABLED: '0' }
      run('go', ['build', '-o', 'relay', '.'], {
        cwd: directory,
        env,
        what: `a Go service with SDK ${version}`,
      })
    })
    return { command: join(home, 'relay'), args: [] }
  }
}

function python(version: string) {
  return () => {
    const requirements = join(sources, `python/opentelemetry-${version}.txt`)
    const home = cached(`relay-python-${digestOf(requirements)}`, directory => {
      need('the Python relays', 'python3 with pip', 'python3')
      const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary=:all:']
      args.push('--disable-pip-version-check', '--root-user-action=ignore')
      run('python3', [...args, '--target', directory, '-r', requirements], {
        what: `a Python service with SDK ${version}`,
      })
    })
    return { command: 'python3', args: [join(sources, 'python/relay.py')], env: { PYTHONPATH: home } }
  }
}

function java(version: string) {
  return () => {
    const home = cached(`relay-java-${version}-${digestOf(join(sources, 'java/Relay.java'))}`, directory => {
      need('the Java relays', 'a JDK (17+) and Maven', 'javac', 'mvn')
      writeFileSync(
        join(directory, 'pom.xml'),
        `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>org.otel</groupId><artifactId>relay</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies><dependency><groupId>io.opentelemetry</groupId><artifactId>opentelemetry-sdk</artifactId>
    <version>${version}</version></dependency></dependencies></project>\n`,
      )
      const args = [
        '-q',
        '-B',
        'dependency:copy-dependencies',
        '-DincludeScope=runtime',
        '-DoutputDirectory=lib',
      ]
      run('mvn', args, { cwd: directory, what: `a Java service with SDK ${version}` })
      run('javac', ['-cp', 'lib/*', '-d', 'classes', join(sources, 'java/Relay.java')], { cwd: directory })
    })
    return { command: 'java', args: ['-cp', `${join(home, 'classes')}:${join(home, 'lib')}/*`, 'Relay'] }
  }
}

const sdks: readonly Sdk[] = [
  { name: 'Go 1.28', readsRandomFlag: false, begins: '01', install: go('1.28') },
  { name: 'Go 1.41', readsRandomFlag: false, begins: '01', install: go('1.41') },
  { name: 'Go 1.47', readsRandomFlag: true, begins: '01', install: go('1.47') },
  { name: 'Python 1.20', readsRandomFlag: true, begins: '01', install: python('1.20') },
  { name: 'Python 1.45', readsRandomFlag: true, begins: '03', install: python('1.45') },
  { name: 'Java 1.32', readsRandomFlag: true, begins: '01', install: java('1.32.0') },
  { name: 'Java 1.68', readsRandomFlag: true, begins: '03', install: java('1.68.0') },
]

/** What a relay read, and what it sent to the service behind it. */
interface Relayed {
  got: string
  accepted: boolean
  traceId: string
  spanId: string
  sent: string
}

const front = `
const http = require('node:http'), { Kafka } = require('kafkajs')
const kafka = new Kafka({ clientId: 'front', brokers: [process.env.KAFKA_BROKERS], logLevel: 0 })
const producer = kafka.producer(), topic = 'of-' + process.pid
const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: 50 }), admin = kafka.admin()
let received = () => {}
const server = http.createServer(async (req, res) => {
  const { searchParams, pathname } = new URL(req.url, 'http://front')
  if (pathname === '/back') return res.end('x')
  if (pathname === '/http') return res.end(await (await fetch(searchParams.get('to'))).text())
  const header = new Promise(done => { received = done })
  await producer.send({ topic, messages: [{ value: 'v' }] })
  res.end(await header)
})
async function main() {
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
  await admin.disconnect()
  await producer.connect(); await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => received(String(message.headers.traceparent)) })
  server.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
}
main().catch(error => { console.error(error); process.exit(1) })
`

let receiver: Receiver
let broker: KafkaBroker
/** Ours as users have it, and with ORG_OTEL_TRACE_ID_RANDOM_FLAG. */
let ours: App
let saying: App

beforeAll(async () => {
  receiver = await startReceiver()
  broker = await startKafkaBroker()
  const start = (name: string, env: Record<string, string>): Promise<App> =>
    runApp(front, {
      cwd,
      module: 'cjs',
      receiver,
      env: { KAFKA_BROKERS: broker.address, OTEL_SERVICE_NAME: name, ...env },
    })
  ours = await start('ours', {})
  saying = await start('saying', { ORG_OTEL_TRACE_ID_RANDOM_FLAG: 'true' })
}, 120_000)

afterAll(async () => {
  await Promise.all([ours?.dispose(), saying?.dispose()])
  await broker?.stop()
  await receiver?.close()
}, 60_000)

describe.each(sdks)('$name', ({ name, readsRandomFlag, begins, install }) => {
  let relay: Part
  let url: string
  beforeAll(async () => {
    const { command, args, env } = install()
    relay = await startPart(name.replaceAll(' ', '-'), command, args, { env: { BACK: ours.url, ...env } })
    const port = await until(`${name} to listen`, () => /listening (\d+)/.exec(relay.output())?.[1], 60_000)
    url = `http://127.0.0.1:${port}/back`
  }, 600_000)
  afterAll(() => relay?.stop())

  const through = async (app: App): Promise<Relayed> =>
    JSON.parse((await app.get(`/http?to=${encodeURIComponent(url)}`)).body)
  const direct = async (traceparent?: string): Promise<Relayed> =>
    (
      await fetch(url, { headers: traceparent === undefined ? {} : { traceparent } })
    ).json() as Promise<Relayed>

  /** Our SERVER span behind the relay is the child of the relay's span. */
  async function expectContinued({ got, traceId, spanId, sent }: Relayed): Promise<void> {
    // It has a span of its own.
    expect(got).not.toContain(spanId)
    expect(sent).toMatch(new RegExp(`^00-${traceId}-${spanId}-0[13]$`))
    const span = await until(`our span behind ${name}`, () =>
      receiver.store.spans({ traceId }).find(one => one.parentSpanId === spanId),
    )
    expect(span).toMatchObject({ kind: 'server', service: 'ours' })
  }

  test('a trace that begins in our service goes on there, and behind it in ours', async () => {
    const relayed = await through(ours)
    expect(relayed.got).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    expect(relayed.accepted).toBe(true)
    expect(relayed.traceId).toBe(relayed.got.split('-')[1])
    await expectContinued(relayed)
    const client = await until('our client span', () =>
      receiver.store.spans({ traceId: relayed.traceId }).find(span => span.kind === 'client'),
    )
    expect(client.spanId).toBe(relayed.got.split('-')[2])
  }, 60_000)

  test('it reads the header of a message that we sent to Kafka', async () => {
    const { body: header } = await ours.get('/kafka')
    expect(header).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    const relayed = await direct(header)
    expect(relayed).toMatchObject({ accepted: true, traceId: header.split('-')[1] })
    await expectContinued(relayed)
  }, 60_000)

  test(`a trace that begins there, with the flags ${begins}, goes on in our service`, async () => {
    const relayed = await direct()
    expect(relayed.sent.slice(-2)).toBe(begins)
    await expectContinued(relayed)
  }, 60_000)

  test(`with our random flag on, it ${readsRandomFlag ? 'goes on all the same' : 'ends the trace: why the flag is off'}`, async () => {
    const relayed = await through(saying)
    expect(relayed.got).toMatch(/-03$/)
    expect(relayed.accepted).toBe(readsRandomFlag)
    expect(relayed.traceId === relayed.got.split('-')[1]).toBe(readsRandomFlag)
    await expectContinued(relayed)
  }, 60_000)
})
