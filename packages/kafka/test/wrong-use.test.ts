// What is given to the wrong function, or too late, is named once with the right one, and works as without us.
import { context, trace } from '@opentelemetry/api'
import { loaders } from './support/drivers.ts'
import { type Sdk, startSdk } from './support/sdk.ts'
import { traceparent, until } from './support/traces.ts'

let sdk: Sdk
beforeEach(() => {
  jest.resetModules()
  sdk = startSdk()
})
afterEach(() => sdk.shutdown())

const api = (): typeof import('../src/index.ts') => require('../src/index.ts')
const producer = () => ({ send: async () => [], sendBatch: async () => [] })
const consumer = () => ({ run: async () => {}, subscribe: async () => {} })
const kafka = () => ({ producer, consumer })

test.each<[string, (given: any) => unknown, () => object, string]>([
  [
    'instrumentKafka(producer)',
    given => api().instrumentKafka(given),
    producer,
    'this is a producer; use traceProducer(producer); it is not traced',
  ],
  [
    'instrumentKafka(consumer)',
    given => api().instrumentKafka(given),
    consumer,
    'this is a consumer; use traceConsumer(consumer); it is not traced',
  ],
  [
    'instrumentKafka({})',
    given => api().instrumentKafka(given),
    () => ({}),
    'this is no Kafka object of a client we know; it is not traced',
  ],
  [
    'traceProducer(kafka)',
    given => api().traceProducer(given),
    kafka,
    'this is a Kafka object; use instrumentKafka(kafka); it is not traced',
  ],
  [
    'traceConsumer(kafka)',
    given => api().traceConsumer(given),
    kafka,
    'this is a Kafka object; use instrumentKafka(kafka); it is not traced',
  ],
  [
    'traceProducer(consumer)',
    given => api().traceProducer(given),
    consumer,
    'this is a consumer; use traceConsumer(consumer); it is not traced',
  ],
  [
    'traceConsumer(producer)',
    given => api().traceConsumer(given),
    producer,
    'this is a producer; use traceProducer(producer); it is not traced',
  ],
  [
    'traceProducer({})',
    given => api().traceProducer(given),
    () => ({}),
    'this is no producer or consumer we know; it is not traced',
  ],
])('%s says which function was meant, once, and gives the very object back', (_, call, make, said) => {
  for (let i = 0; i < 2; i++) {
    const given = make()
    const before = Object.getOwnPropertyDescriptors(given)
    expect(call(given)).toBe(given)
    expect(Object.getOwnPropertyDescriptors(given)).toEqual(before)
  }
  expect(sdk.said).toEqual([`ORG_OTEL_KAFKA_UNKNOWN_CLIENT ${said}`])
})

test.each([undefined, null, 7, 'kafka'])('%p is no client, and no reason to throw', given => {
  for (const call of [api().instrumentKafka, api().traceProducer, api().traceConsumer])
    expect(call(given as never)).toBe(given)
  expect(sdk.said.length).toBeGreaterThan(0)
  expect(sdk.said.join()).not.toContain('INTERNAL')
})

test.each([
  ['captureKeys', 'captureKey'],
  ['ignoretopics', 'ignoreTopics'],
  ['commitSpan', 'commitSpans'],
])('the option %s is named with %s', (written, meant) => {
  api().traceProducer(producer(), { [written]: true } as never)
  api().traceProducer(producer(), { [written]: true } as never)
  expect(sdk.said).toEqual([
    `ORG_OTEL_KAFKA_OPTION "${written}" is no option and is ignored; did you mean ${meant}?`,
  ])
})

test('an option nobody knows is named, and those that say who the client is are none', () => {
  api().traceProducer(producer(), {
    clientId: 'a',
    groupId: 'b',
    bootstrapServers: 'c:1',
    tracer: 1,
  } as never)
  expect(sdk.said).toEqual(['ORG_OTEL_KAFKA_OPTION "tracer" is no option and is ignored'])
})

test('a listener that was there before traceConsumer is named', () => {
  const { EventEmitter } = require('node:events') as typeof import('node:events')
  const emitter = Object.assign(new EventEmitter(), { consume() {}, commitMessage() {} })
  emitter.on('data', () => {})
  api().traceConsumer(emitter)
  expect(sdk.said).toEqual([
    expect.stringContaining("ORG_OTEL_KAFKA_LATE traceConsumer() was called after a 'data' listener"),
  ])
})

describe('traceConsumer after run() of kafkajs', () => {
  test.each([
    ['late', 1],
    ['in time', 0],
  ])('%s', async (when, lines) => {
    const driver = await loaders.KJ('none')
    try {
      const topic = driver.newTopic()
      await driver.put(topic, { headers: { traceparent: Buffer.from(traceparent(1)) } })
      const client = driver.kafka().consumer({ groupId: `group-${topic}` })
      await client.connect()
      await client.subscribe({ topics: [topic], fromBeginning: true })
      if (when === 'in time') driver.api.traceConsumer(client)
      const seen: unknown[] = []
      await client.run({ eachMessage: async () => void seen.push(trace.getSpan(context.active())) })
      if (when === 'late') driver.api.traceConsumer(client)
      await until(() => seen.length === 1, 'the message')
      await until(() => sdk.said.length >= lines, 'the line')
      expect(
        sdk.said.filter(line => line.includes('ORG_OTEL_KAFKA_LATE traceConsumer() was called after run()')),
      ).toHaveLength(lines)
      await client.disconnect()
    } finally {
      await driver.settle()
      await driver.stop()
    }
  })
})
