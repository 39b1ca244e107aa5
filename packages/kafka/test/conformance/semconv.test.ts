// Attribute names by OTEL_SEMCONV_STABILITY_OPT_IN. Cases C60-C62, for sends, single messages, batches and metrics.
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { combinations, type Driver, loaders } from '../support/drivers.ts'
import { type Sdk, startSdk } from '../support/sdk.ts'
import { traceparent, until } from '../support/traces.ts'

const facts = ['system', 'key', 'tombstone', 'offset'] as const
const oldNames = {
  system: 'messaging.system',
  key: 'messaging.kafka.message.key',
  tombstone: 'messaging.kafka.message.tombstone',
  offset: 'messaging.kafka.offset',
}
const newNames = {
  system: 'messaging.system.name',
  key: 'kafka.message.key',
  tombstone: 'kafka.message.tombstone',
  offset: 'kafka.offset',
}
const unchanged = [
  'messaging.operation.name',
  'messaging.operation.type',
  'messaging.destination.name',
  'messaging.destination.partition.id',
  'messaging.client.id',
]
const settings = [
  { id: 'C60', optIn: undefined, sets: [oldNames], schemaUrl: undefined },
  { id: 'C60', optIn: 'http,database', sets: [oldNames], schemaUrl: undefined },
  { id: 'C61', optIn: 'messaging', sets: [newNames], schemaUrl: 'https://opentelemetry.io/schemas/1.45.0' },
  { id: 'C62', optIn: 'messaging/dup', sets: [oldNames, newNames], schemaUrl: undefined },
  { id: 'C62', optIn: 'http, messaging,messaging/dup', sets: [oldNames, newNames], schemaUrl: undefined },
]
const rows = combinations.flatMap(([client, mode]) => settings.map(setting => ({ client, mode, ...setting })))

describe.each(rows)('$id $client by $mode with opt-in $optIn', ({ client, mode, optIn, sets, schemaUrl }) => {
  let driver: Driver
  let sdk: Sdk

  beforeAll(async () => {
    if (optIn === undefined) delete process.env.OTEL_SEMCONV_STABILITY_OPT_IN
    else process.env.OTEL_SEMCONV_STABILITY_OPT_IN = optIn
    driver = await loaders[client](mode)
    driver.configure({ captureKey: true })
    sdk = startSdk({ metrics: true })
  })
  afterAll(async () => {
    delete process.env.OTEL_SEMCONV_STABILITY_OPT_IN
    await driver.stop()
    await sdk.shutdown()
  })

  /** The names this setting wants for what is known, and none of the others. */
  function expectFacts(attributes: object, known: Partial<Record<(typeof facts)[number], unknown>>) {
    const expected: Record<string, unknown> = {}
    for (const set of sets) {
      for (const fact of facts) if (fact in known) expected[set[fact]] = known[fact]
    }
    const all = [...Object.values(oldNames), ...Object.values(newNames)]
    const actual = Object.fromEntries(Object.entries(attributes).filter(([key]) => all.includes(key)))
    expect(actual).toEqual(expected)
  }

  test('sends, messages, batches and metrics use the names, each on one span', async () => {
    const [one, two] = [driver.newTopic(), driver.newTopic()]
    const producer = await driver.producer()
    await producer.send({ topic: one, messages: [{ key: 'k', value: null }] })
    await driver.consume([one], { eachMessage: async () => {} }, { groupId: one })
    await until(() => sdk.named(`process ${one}`).length === 1, 'the message')
    for (const n of [1, 2]) await driver.put(two, { key: 'k', headers: { traceparent: traceparent(n) } })
    await driver.consume([two], { eachBatch: async () => {} }, { groupId: two })
    await until(() => sdk.named(`process ${two}`).length >= 1, 'the batch')
    const [send, ...sends] = sdk.named(`send ${one}`)
    const [message] = sdk.named(`process ${one}`)
    const [batch] = sdk.named(`process ${two}`) as [ReadableSpan]
    expect(sends).toEqual([])
    expectFacts(send!.attributes, { system: 'kafka', key: 'k', tombstone: true, offset: 0 })
    expectFacts(message!.attributes, { system: 'kafka', key: 'k', tombstone: true, offset: 0 })
    expectFacts(batch.attributes, { system: 'kafka' })
    expectFacts(batch.links[0]!.attributes!, { key: 'k', offset: 0 })
    for (const span of [send!, message!]) {
      for (const name of unchanged) expect(span.attributes).toHaveProperty([name])
      expect(span.instrumentationScope).toMatchObject({ name: '@org/otel-kafka' })
      expect(span.instrumentationScope.schemaUrl).toBe(schemaUrl)
    }
    const { scopeMetrics } = await sdk.metrics()
    for (const { scope, metrics } of scopeMetrics) {
      expect(scope.schemaUrl).toBe(schemaUrl)
      for (const { dataPoints } of metrics) {
        for (const point of dataPoints) expectFacts(point.attributes, { system: 'kafka' })
      }
    }
  })
})
