// One trace through services in other languages: ours -> Go -> Python -> ours over HTTP, and ours -> Python -> ours over
// Kafka. Go and Python run their own OpenTelemetry SDKs and instrumentations, unmodified.
import { copyFileSync, cpSync } from 'node:fs'
import { join } from 'node:path'
import { type KafkaBroker, startKafkaBroker } from '@org/otel-devtools/kafka-broker'
import { type App, expectTrace, type Receiver, runApp, startReceiver } from '@org/otel-devtools/testing'
import { cached, digestOf, need, run } from './parts/install.ts'
import { type Part, startPart, until } from './parts/process.ts'

const cwd = join(__dirname, '..')
const sources = join(__dirname, 'languages')

/** The Go service; returns the program. */
function buildGo(): string {
  const from = join(sources, 'go')
  const version = digestOf(join(from, 'main.go'), join(from, 'go.sum'))
  const home = cached(`cross-language-go-${version}`, directory => {
    need('the Go service', 'Go (1.26+)', 'go')
    cpSync(from, directory, { recursive: true })
    const env = { GOFLAGS: '-mod=readonly', CGO_ENABLED: '0' }
    run('go', ['build', '-o', 'pass', '.'], {
      cwd: directory,
      env,
      what: 'the Go service with its OpenTelemetry SDK',
    })
  })
  return join(home, 'pass')
}

/** The libraries of the Python service; returns PYTHONPATH. */
function installPython(): string {
  const requirements = join(sources, 'python/requirements.txt')
  return cached(`cross-language-python-${digestOf(requirements)}`, directory => {
    need('the Python service', 'python3 with pip', 'python3')
    copyFileSync(requirements, join(directory, 'requirements.txt'))
    const args = [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--no-deps',
      '--only-binary=:all:',
      '--disable-pip-version-check',
    ]
    run('python3', [...args, '--root-user-action=ignore', '--target', directory, '-r', requirements], {
      what: 'the Python service with its OpenTelemetry SDK',
    })
  })
}

async function startService(
  name: string,
  command: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<Part & { readonly url: string }> {
  const part = await startPart(name, command, args, {
    env: {
      OTEL_SERVICE_NAME: name,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_BSP_SCHEDULE_DELAY: '100',
      ...env,
    },
  })
  const port = await until(`${name} to listen`, () => /listening (\d+)/.exec(part.output())?.[1]).catch(
    error => {
      throw new Error(`${name}:\n${part.output()}`, { cause: error })
    },
  )
  return { ...part, url: `http://127.0.0.1:${port}` }
}

const back = `
const http = require('node:http'), { Kafka } = require('kafkajs'), log = require('pino')()
const kafka = new Kafka({ clientId: 'back', brokers: [process.env.KAFKA_BROKERS], logLevel: 0 })
const consumer = kafka.consumer({ groupId: 'back', maxWaitTimeInMs: 50 }), admin = kafka.admin()
async function main() {
  // librdkafka looks for a topic that was not there only minutes later.
  await admin.connect()
  await admin.createTopics({ topics: ['asked', 'linked', 'settled'].map(topic => ({ topic, numPartitions: 1 })) })
  await admin.disconnect()
  await consumer.connect()
  await consumer.subscribe({ topic: 'settled', fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => log.info({ order: String(message.value) }, 'settled') })
  const server = http.createServer((req, res) => res.end('{"seen":' + JSON.stringify(req.headers) + '}'))
    .listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
}
main().catch(error => { console.error(error); process.exit(1) })
`
const front = `
const express = require('express'), { Kafka } = require('kafkajs')
const producer = new Kafka({ clientId: 'front', brokers: [process.env.KAFKA_BROKERS], logLevel: 0 }).producer()
const { propagation, context } = require('@opentelemetry/api')
const app = express()
app.get('/orders/:id', async (req, res) => {
  const baggage = propagation.createBaggage({ tenant: { value: 'zürich' } })
  await context.with(propagation.setBaggage(context.active(), baggage), async () => {
    res.send(await (await fetch(process.env.NEXT + req.path)).text())
  })
})
app.get('/send/:topic/:id', async (req, res) => {
  await producer.send({ topic: req.params.topic, messages: [{ value: req.params.id }] })
  res.send('sent')
})
producer.connect().then(() => {
  const server = app.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
})
`

let receiver: Receiver
let broker: KafkaBroker
let backApp: App
let frontApp: App
let python: Part & { readonly url: string }
let go: Part & { readonly url: string }

beforeAll(async () => {
  const [program, modules] = [buildGo(), installPython()]
  receiver = await startReceiver()
  broker = await startKafkaBroker()
  const env = { KAFKA_BROKERS: broker.address }
  const ours = { cwd, module: 'cjs', receiver } as const
  backApp = await runApp(back, { ...ours, env: { ...env, OTEL_SERVICE_NAME: 'back' } })
  python = await startService('python-pass', 'python3', [join(sources, 'python/pass.py')], {
    ...env,
    BACK: backApp.url,
    PYTHONPATH: modules,
  })
  go = await startService('go-pass', program, [], { BACK: python.url })
  frontApp = await runApp(front, { ...ours, env: { ...env, OTEL_SERVICE_NAME: 'front', NEXT: go.url } })
}, 600_000)

afterAll(async () => {
  await Promise.all([frontApp?.dispose(), backApp?.dispose(), go?.stop(), python?.stop()])
  await broker?.stop()
  await receiver?.close()
}, 60_000)

test('a request through Go and Python and back to us is one trace, each the child of the one before', async () => {
  const { body } = await frontApp.get('/orders/7')
  const { seen } = JSON.parse(body)
  const trace = await expectTrace(
    frontApp,
    {
      name: 'GET /orders/:id',
      service: 'front',
      kind: 'server',
      root: true,
      descendants: [
        {
          kind: 'client',
          service: 'front',
          children: [
            {
              kind: 'server',
              service: 'go-pass',
              children: [
                {
                  kind: 'client',
                  service: 'go-pass',
                  children: [
                    {
                      kind: 'server',
                      service: 'python-pass',
                      children: [
                        {
                          kind: 'client',
                          service: 'python-pass',
                          children: [{ kind: 'server', service: 'back', name: 'GET' }],
                        },
                      ],
                    },
                  ],
                },
              ],
            },
          ],
        },
      ],
    },
    { timeoutMs: 30_000 },
  )
  // Baggage survives both. (No space in it: Python sends one as `+`, which W3C Baggage reads as a plus.)
  expect(seen.baggage).toBe('tenant=z%C3%BCrich')
  expect(seen.traceparent.split('-')[1]).toBe(trace.traceId)
  const languages = new Map(
    trace.spans.map(span => [span.service, span.resource.attributes['telemetry.sdk.language']]),
  )
  expect(Object.fromEntries(languages)).toEqual({
    front: 'nodejs',
    'go-pass': 'go',
    'python-pass': 'python',
    back: 'nodejs',
  })
}, 60_000)

test('what a Go or Python caller decided about sampling is followed', async () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const answer = await fetch(`${go.url}/unsampled`, {
    headers: { traceparent: `00-${traceId}-b7ad6b7169203331-00` },
  })
  const { seen } = (await answer.json()) as { seen: Record<string, string> }
  expect(seen.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`))
  await frontApp.get('/orders/8')
  await expectTrace(
    frontApp,
    { service: 'front', kind: 'server', attributes: { 'url.path': '/orders/8' } },
    { timeoutMs: 30_000 },
  )
  expect(receiver.store.trace(traceId)).toBeUndefined()
}, 60_000)

test('a message that Python processes as a child and answers is one trace, and the log line of the answer carries it', async () => {
  await frontApp.get('/send/asked/42')
  const trace = await expectTrace(
    frontApp,
    {
      name: 'GET /send/:topic/:id',
      service: 'front',
      root: true,
      children: [
        {
          kind: 'producer',
          service: 'front',
          name: 'send asked',
          children: [
            {
              kind: 'consumer',
              service: 'python-pass',
              name: 'process asked',
              children: [
                {
                  kind: 'producer',
                  service: 'python-pass',
                  children: [{ kind: 'consumer', service: 'back', name: 'process settled' }],
                },
              ],
            },
          ],
        },
      ],
    },
    { timeoutMs: 30_000 },
  )
  expect(backApp.logs.find(line => line.order === '42')?.trace_id).toBe(trace.traceId)
}, 60_000)

test("Python's own instrumentation of Kafka begins a trace and links it to our send; we continue what it sends", async () => {
  await frontApp.get('/send/linked/43')
  const sent = await expectTrace(
    frontApp,
    { kind: 'producer', service: 'front', name: 'send linked' },
    { timeoutMs: 30_000 },
  )
  const answered = await expectTrace(
    frontApp,
    {
      kind: 'consumer',
      service: 'python-pass',
      name: 'linked process',
      links: 1,
      descendants: [{ kind: 'consumer', service: 'back', name: 'process settled' }],
    },
    { timeoutMs: 30_000 },
  )
  expect(answered.match.links).toEqual([
    expect.objectContaining({ traceId: sent.traceId, spanId: sent.match.spanId }),
  ])
  expect(backApp.logs.find(line => line.order === '43')?.trace_id).toBe(answered.traceId)
}, 60_000)
