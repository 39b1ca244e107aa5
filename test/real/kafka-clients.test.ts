// Every Kafka client we claim, as it is, under the preload, against Apache Kafka: one trace through the broker, the
// header on the wire, batches that link, errors. What needs more time or trouble is in kafka-trouble.test.ts.
import { join, resolve } from 'node:path'
import { type App, expectTrace, runApp } from '@org/otel-devtools/testing'
import { headerValues, readWire } from '../../packages/kafka/test/support/wire.ts'
import { installNativeKafkaClients } from './parts/install.ts'
import { kafkaClients, shopProgram, streamProgram } from './parts/kafka-programs.ts'
import { until } from './parts/process.ts'
import { findSpans } from './parts/spans.ts'
import { type KafkaPart, startKafka } from './parts/start.ts'

const preload = join(resolve(__dirname, '../..'), 'packages/otel/dist/register.cjs')
const cases = Object.values(kafkaClients).flatMap(client => client.kinds.map(kind => ({ client, kind })))
let kafka: KafkaPart
let shops = 0
/** Messages that wait for a batch. */
const waiting = 12

const leaveOut: (...args: Parameters<typeof test>) => void = () => {}

beforeAll(async () => {
  installNativeKafkaClients()
  kafka = await startKafka()
}, 900_000)

afterAll(() => kafka?.stop())

describe.each(cases)('$client.name ($kind)', ({ client, kind }) => {
  const id = `${++shops}`
  const topic = `orders-${id}`
  const batchTopic = `batches-${id}`
  let app: App

  beforeAll(async () => {
    app = await runApp(shopProgram(client, kind), {
      cwd: client.home(),
      module: kind,
      preload,
      env: {
        KAFKA_BROKERS: kafka.address,
        TOPIC: topic,
        BATCH_TOPIC: batchTopic,
        OTEL_SERVICE_NAME: 'shop',
        // kafkajs has some of its own.
        NODE_NO_WARNINGS: '1',
      },
      timeoutMs: 60_000,
    })
    expect(app.stdout).toMatch(/listening/)
  }, 90_000)

  afterAll(() => app?.dispose())

  const spans = (name: string) => findSpans(app, name)

  test('one trace goes from the request through the broker into the handler and what it calls', async () => {
    expect((await app.get(`/send?topic=${topic}&value=book`)).body).toBe('ok')
    const shared = { 'messaging.destination.name': topic, 'messaging.client.id': /shop/ }
    const { match } = await expectTrace(
      app,
      {
        name: `send ${topic}`,
        kind: 'producer',
        root: false,
        attributes: {
          ...shared,
          'messaging.system': 'kafka',
          'server.address': '127.0.0.1',
        },
        children: [
          {
            name: `process ${topic}`,
            kind: 'consumer',
            attributes: {
              ...shared,
              'messaging.consumer.group.name': topic,
              'messaging.kafka.offset': 0,
              'messaging.destination.partition.id': '0',
            },
            children: [{ kind: 'client', children: [{ kind: 'server' }] }],
          },
        ],
      },
      { timeoutMs: 20_000 },
    )
    // One of each: what a client calls inside of itself is not told a second time.
    expect([...spans(`send ${topic}`), ...spans(`process ${topic}`)]).toHaveLength(2)
    const [processed] = spans(`process ${topic}`)
    expect(processed?.links.map(link => [link.traceId, link.spanId])).toEqual([[match.traceId, match.spanId]])
    const [record] = await readWire(kafka.address, topic)
    expect(headerValues(record, 'traceparent')).toEqual([`00-${match.traceId}-${match.spanId}-01`])
  }, 40_000)

  // What a client has no notion of is left out, not skipped: a skip would say that a part is missing.
  const batchTest = client.batches ? test : leaveOut
  batchTest(
    'a batch is one span that links to every sender and is active in its handler',
    async () => {
      for (let i = 0; i < waiting; i++) await app.get(`/send?topic=${batchTopic}&value=${i}`)
      const senders = await until('all sends', () => {
        const found = spans(`send ${batchTopic}`)
        return found.length === waiting && found
      })
      expect(new Set(senders.map(span => span.traceId)).size).toBe(waiting)
      await app.get('/batches')
      const batches = () => spans(`process ${batchTopic}`)
      const links = () => batches().flatMap(span => span.links)
      await until('a link for every sender', () => links().length >= waiting)
      expect(links().map(link => [link.traceId, link.spanId])).toEqual(
        senders.map(span => [span.traceId, span.spanId]),
      )
      // How what waits is cut into batches is up to the client; confluent begins with one message.
      const counts = batches().map(span => Number(span.attributes['messaging.batch.message_count']))
      expect(counts).toEqual(batches().map(span => span.links.length))
      expect(Math.max(...counts)).toBeGreaterThan(1)
      await expectTrace(app, { name: `process ${batchTopic}`, root: true, children: [{ kind: 'client' }] })
    },
    60_000,
  )

  const redeliveryTest = client.redelivers ? test : leaveOut
  redeliveryTest(
    'a handler that fails leaves an error, and the second delivery is in the same trace',
    async () => {
      await app.get(`/send?topic=${topic}&value=poison`)
      const attempt = { name: `process ${topic}`, kind: 'consumer' } as const
      await expectTrace(
        app,
        {
          name: `send ${topic}`,
          children: [
            {
              ...attempt,
              status: 'error',
              events: ['exception'],
              attributes: { 'error.type': 'OutOfStock' },
            },
            { ...attempt, status: 'unset', children: [{ kind: 'client' }] },
          ],
        },
        { timeoutMs: 30_000 },
      )
    },
    45_000,
  )

  test('a message that is too large fails the call and its span, with the code of Kafka', async () => {
    const { status } = await app.get('/too-large')
    expect(status).toBe(500)
    await expectTrace(
      app,
      { name: `send ${topic}`, status: 'error', attributes: { 'error.type': client.tooLarge } },
      { timeoutMs: 20_000 },
    )
  }, 40_000)

  test('one line was said, and the process ends as it would without us', async () => {
    // On a busy machine the receiver of the test may answer late, which is said too.
    const said = app.stderr.split('\n').filter(line => line !== '' && !line.includes('ORG_OTEL_EXPORT_'))
    expect(said).toEqual([expect.stringMatching(/^\[otel\] .* instrumenting /)])
    expect(await app.stop('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' })
  }, 30_000)
})

test.each([kafkaClients.confluentRdkafka, kafkaClients.nodeRdkafka])(
  'plain producer, write stream and read stream of $name continue the trace and keep the headers of the application',
  async client => {
    const topic = `streams-${client.from[1].replace(/\W/g, '')}`
    await using app = await runApp(streamProgram(client), {
      cwd: client.home(),
      module: 'cjs',
      preload,
      env: { KAFKA_BROKERS: kafka.address, TOPIC: topic, OTEL_SERVICE_NAME: 'streams' },
      timeoutMs: 60_000,
    })
    expect(app.logs).toEqual([{ values: ['produced', 'written'] }])
    await until('both messages', () => findSpans(app, `process ${topic}`).length === 2)
    const sends = findSpans(app, `send ${topic}`)
    const processes = findSpans(app, `process ${topic}`)
    expect(processes.map(span => [span.traceId, span.parentSpanId])).toEqual(
      sends.map(span => [span.traceId, span.spanId]),
    )
    const records = await readWire(kafka.address, topic)
    expect(records.map(record => headerValues(record, 'traceparent'))).toEqual(
      sends.map(span => [`00-${span.traceId}-${span.spanId}-01`]),
    )
    expect(records.map(record => headerValues(record, 'own'))).toEqual([['header'], []])
  },
  90_000,
)
