// Conformance D: activation, idempotence, doing nothing, failing quietly. Cases C51, C52, C55-C59 and late registration.
import { context, metrics, propagation, SpanKind, trace } from '@opentelemetry/api'
import type { DataPoint } from '@opentelemetry/sdk-metrics'
import { combinations, type Driver, loaders, modes } from '../support/drivers.ts'
import { attributesOf, type Sdk, startSdk } from '../support/sdk.ts'
import { traceId, traceparent, until } from '../support/traces.ts'
import { headerNames } from '../support/wire.ts'

describe.each(combinations)('%s by %s', (client, mode) => {
  let driver: Driver
  const newTopic = () => driver.newTopic()
  let sdk: Sdk | undefined

  beforeAll(async () => {
    driver = await loaders[client](mode)
  })
  afterAll(() => driver.stop())
  beforeEach(() => driver.configure({}))
  afterEach(async () => {
    await driver.settle()
    await sdk?.shutdown()
    sdk = undefined
  })

  test('C51 every way of activating it at once gives one span per operation', async () => {
    sdk = startSdk()
    const { instrumentKafka, traceProducer, traceConsumer } = driver.api
    const t = newTopic()
    const producer = await driver.producer()
    traceProducer(producer)
    const { send } = producer
    const same: typeof producer = traceProducer(traceProducer(producer))
    expect(same).toBe(producer)
    expect(producer.send).toBe(send)
    const kafka = driver.kafka()
    expect(instrumentKafka(instrumentKafka(kafka))).toBe(kafka)
    await producer.send({ topic: t, messages: [{ value: 'v' }] })
    await producer.sendBatch({ topicMessages: [{ topic: t, messages: [{ value: 'v' }] }] })
    const consumer = traceConsumer(
      await driver.consume([t], { eachMessage: async () => {} }, { groupId: `group-${t}` }),
    )
    expect(traceConsumer(consumer)).toBe(consumer)
    await until(() => sdk!.named(`process ${t}`).length === 2, 'two messages')
    expect(
      sdk
        .spans()
        .map(span => span.name)
        .sort(),
    ).toEqual([`process ${t}`, `process ${t}`, `send ${t}`, `send ${t}`])
    expect((await driver.wire(t)).map(headerNames)).toEqual([['traceparent'], ['traceparent']])
  })

  test('C51 options given later count, also for a client that is instrumented already', async () => {
    sdk = startSdk()
    const t = newTopic()
    const producer = await driver.producer()
    driver.api.traceProducer(producer, { captureKey: true })
    await producer.send({ topic: t, messages: [{ key: 'k', value: 'v' }] })
    expect(attributesOf(sdk.named(`send ${t}`)[0])['messaging.kafka.message.key']).toBe('k')
  })

  test('C52 without an SDK nothing is created and arguments and results pass by identity', async () => {
    const result = [{}]
    const seen: unknown[] = []
    const plain = {
      send: (record: object) => {
        seen.push(record)
        return Promise.resolve(result)
      },
      sendBatch: (batch: object) => {
        seen.push(batch)
        return Promise.resolve(result)
      },
    }
    const producer = driver.api.traceProducer(plain)
    const record = { topic: 't', messages: [{ value: 'v' }] }
    const batch = { topicMessages: [record] }
    expect(await producer.send(record)).toBe(result)
    expect(await producer.sendBatch(batch)).toBe(result)
    expect(seen[0]).toBe(record)
    expect(seen[1]).toBe(batch)
    let given: any
    const returned = Promise.resolve()
    const consumer = driver.api.traceConsumer({
      run: (config: any) => void (given = config),
      subscribe() {},
    }) as any
    const payload = { topic: 't', partition: 0, message: {} }
    const handled: unknown[] = []
    consumer.run({
      eachMessage: (one: unknown) => {
        handled.push(one)
        return returned
      },
    })
    expect(given.eachMessage(payload)).toBe(returned)
    expect(handled[0]).toBe(payload)
    const symbols = Object.getOwnPropertySymbols(globalThis).filter(one => one.description?.includes('otel'))
    expect(symbols).toEqual([Symbol.for('org.otel.kafka')])
  })

  test('an SDK that registers after the client was instrumented is used from then on', async () => {
    const t = newTopic()
    const producer = await driver.producer()
    await producer.send({ topic: t, messages: [{ value: 'before' }] })
    sdk = startSdk()
    await producer.send({ topic: t, messages: [{ value: 'after' }] })
    expect(sdk.named(`send ${t}`)).toHaveLength(1)
    expect((await driver.wire(t)).map(headerNames)).toEqual([[], ['traceparent']])
  })

  test('a meter provider that registers after the first send is used from then on', async () => {
    sdk = startSdk()
    const t = newTopic()
    const producer = await driver.producer()
    await producer.send({ topic: t, messages: [{ value: 'v' }] })
    await sdk.shutdown()
    sdk = startSdk({ metrics: true })
    await producer.send({ topic: t, messages: [{ value: 'v' }] })
    const all = await sdk.metrics()
    const sent = all.scopeMetrics[0]!.metrics.find(
      one => one.descriptor.name === 'messaging.client.sent.messages',
    )
    expect(sent!.dataPoints.map(point => point.value)).toEqual([1])
    metrics.disable()
  })

  test('C55 without propagation there are client spans, no headers, and senders are still found', async () => {
    sdk = startSdk()
    const t = newTopic()
    driver.configure({ propagation: false })
    const producer = await driver.producer()
    await producer.send({ topic: t, messages: [{ value: 'v' }] })
    expect(sdk.named(`send ${t}`)[0]!.kind).toBe(SpanKind.CLIENT)
    expect(headerNames((await driver.wire(t))[0])).toEqual([])
    await driver.put(t, { headers: { traceparent: traceparent(1) } })
    await driver.consume([t], { eachMessage: async () => {} }, { groupId: `group-${t}` })
    await until(() => sdk!.named(`process ${t}`).length === 2, 'two messages')
    expect(sdk.named(`process ${t}`)[1]!.parentSpanContext?.traceId).toBe(traceId(1))
  })

  test('C56 hooks that throw change nothing for sender and handler, and are said once', async () => {
    sdk = startSdk()
    const t = newTopic()
    const fail = () => {
      throw new Error('hook')
    }
    driver.configure({ producerHook: fail, consumerHook: fail })
    const producer = await driver.producer()
    await producer.send({ topic: t, messages: [{ value: 'v' }, { value: 'w' }] })
    let handled = 0
    await driver.consume([t], { eachMessage: async () => void handled++ }, { groupId: `group-${t}` })
    await until(() => sdk!.named(`process ${t}`).length === 2, 'two messages')
    expect(handled).toBe(2)
    expect(sdk.named(`send ${t}`)).toHaveLength(1)
    expect((await driver.wire(t)).map(headerNames)).toEqual([['traceparent'], ['traceparent']])
    expect(sdk.said.filter(line => line.includes('producerHook')).length).toBeLessThanOrEqual(1)
  })

  test.each([
    ['a propagator', { inject: true }],
    ['a span processor at the start', { start: true }],
    ['a span processor at the end', { end: true }],
  ])(
    'C56 %s that throws changes nothing for sender and handler',
    async (_, failing: Record<string, boolean>) => {
      const fail = () => {
        throw new Error('not yours')
      }
      sdk = startSdk({
        processors: [
          {
            onStart: failing.start ? fail : () => {},
            onEnd: failing.end ? fail : () => {},
            forceFlush: async () => {},
            shutdown: async () => {},
          },
        ],
      })
      if (failing.inject) sdk.setPropagator({ inject: fail, extract: fail, fields: () => ['traceparent'] })
      const t = newTopic()
      const producer = await driver.producer()
      const result = await producer.send({ topic: t, messages: [{ value: 'v' }] })
      expect(result).toHaveLength(1)
      let handled = 0
      await driver.consume([t], { eachMessage: async () => void handled++ }, { groupId: `group-${t}` })
      await until(() => handled === 1, 'the message')
      expect(await driver.wire(t)).toHaveLength(1)
    },
  )

  test('C57 an ignored topic has no span and no header, also beside others', async () => {
    sdk = startSdk()
    const [t, health, internal] = [newTopic(), newTopic(), newTopic()]
    // With the flag "g" a pattern remembers where it left off.
    driver.configure({ ignoreTopics: [health, new RegExp(`^${internal}$`, 'g')] })
    const producer = await driver.producer()
    await producer.sendBatch({
      topicMessages: [
        { topic: t, messages: [{ value: 'v' }] },
        { topic: health, messages: [{ value: 'v' }] },
      ],
    })
    await producer.send({ topic: internal, messages: [{ value: 'v' }] })
    await producer.send({ topic: internal, messages: [{ value: 'v' }] })
    expect(sdk.spans().map(span => span.name)).toEqual([`send ${t}`])
    expect(headerNames((await driver.wire(health))[0])).toEqual([])
    let handled = 0
    await driver.consume([health], { eachMessage: async () => void handled++ }, { groupId: `group-${t}` })
    await until(() => handled === 1, 'the message')
    expect(sdk.spans()).toHaveLength(1)
  })

  test('C58 untrace gives back the functions of the library', async () => {
    sdk = startSdk()
    const t = newTopic()
    const producer = await driver.producer()
    const wrapped = producer.send
    driver.api.untrace(producer)
    expect(producer.send).not.toBe(wrapped)
    await producer.send({ topic: t, messages: [{ value: 'v' }] })
    expect(sdk.spans()).toEqual([])
    expect(headerNames((await driver.wire(t))[0])).toEqual([])
  })

  test('C58 a function that somebody wrapped in the meantime stays, and ours in it steps aside', async () => {
    sdk = startSdk()
    const t = newTopic()
    const producer = await driver.producer()
    const ours = producer.send
    let called = 0
    const theirs = (record: object) => {
      called++
      return ours.call(producer, record)
    }
    producer.send = theirs
    driver.api.untrace(producer)
    expect(producer.send).toBe(theirs)
    await producer.send({ topic: t, messages: [{ value: 'v' }] })
    expect(called).toBe(1)
    expect(sdk.spans()).toEqual([])
  })

  test('C59 metrics have the units, buckets and counts of the conventions', async () => {
    sdk = startSdk({ metrics: true })
    const t = newTopic()
    driver.breakTopic('missing')
    const producer = await driver.producer()
    await producer.send({ topic: t, messages: [{ value: 'a' }, { value: 'b' }, { value: 'c' }] })
    await producer.send({ topic: 'missing', messages: [{ value: 'a' }, { value: 'b' }] }).catch(() => {})
    await driver.consume(
      [t],
      { eachMessage: () => new Promise(resolve => setTimeout(resolve, 4)) },
      { groupId: `group-${t}` },
    )
    await until(() => sdk!.named(`process ${t}`).length === 3, 'three messages')
    const found = (await sdk.metrics()).scopeMetrics.flatMap(scope => scope.metrics)
    const metric = (name: string) => found.find(one => one.descriptor.name === name)!
    expect(found.map(one => [one.descriptor.name, one.descriptor.unit]).sort()).toEqual(
      [
        ['kafka.consumer.records_lag', '{record}'],
        ['messaging.client.consumed.messages', '{message}'],
        ['messaging.client.operation.duration', 's'],
        ['messaging.client.sent.messages', '{message}'],
        ['messaging.process.duration', 's'],
      ].filter(([name]) => client === 'KJ' || name !== 'kafka.consumer.records_lag'),
    )
    const bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
    for (const name of ['messaging.client.operation.duration', 'messaging.process.duration']) {
      for (const point of metric(name).dataPoints) {
        expect((point.value as { buckets: { boundaries: number[] } }).buckets.boundaries).toEqual(bounds)
      }
    }
    const sent = metric('messaging.client.sent.messages').dataPoints
    expect(sent.map(({ attributes, value }) => [attributes['messaging.destination.name'], value])).toEqual([
      [t, 3],
      ['missing', 2],
    ])
    expect(sent[1]!.attributes['error.type']).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    const durations = metric('messaging.client.operation.duration').dataPoints
    expect(durations.map(point => point.attributes['messaging.operation.name'])).toEqual(['send', 'send'])
    const consumed = metric('messaging.client.consumed.messages').dataPoints
    expect(consumed.map(point => point.value)).toEqual([3])
    expect(consumed[0]!.attributes).toEqual({
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.system': 'kafka',
      'messaging.destination.name': t,
      'messaging.consumer.group.name': `group-${t}`,
    })
    const [processed] = metric('messaging.process.duration').dataPoints
    expect((processed!.value as { count: number }).count).toBe(3)
  })

  test('C59 the duration that is measured is that of the span', async () => {
    sdk = startSdk({ metrics: true })
    const runs = Array.from({ length: 10 }, (_, i) => `duration-${i}`)
    for (const topic of runs) {
      await driver.api.traceMessage(
        { topic, headers: {} },
        {},
        () => new Promise(resolve => setTimeout(resolve, 2)),
      )
    }
    const found = (await sdk.metrics()).scopeMetrics.flatMap(scope => scope.metrics)
    const { dataPoints } = found.find(one => one.descriptor.name === 'messaging.process.duration')!
    const differences = runs.map(topic => {
      const point = dataPoints.find(one => one.attributes['messaging.destination.name'] === topic)!
      const [seconds, nanos] = sdk!.named(`process ${topic}`)[0]!.duration as unknown as [number, number]
      return Math.abs((point.value as { sum: number }).sum - seconds - nanos / 1e9)
    })
    // The calmest of them: between the two clocks of one message another process may have had its turn.
    expect(Math.min(...differences)).toBeLessThan(0.001)
  })

  test('C59 a batch counts each message once, whatever its handler does with them', async () => {
    sdk = startSdk({ metrics: true })
    const t = newTopic()
    for (let n = 0; n < 3; n++) await driver.put(t, {})
    await driver.consume(
      [t],
      {
        eachBatch: driver.api.eachBatch(async ({ batch }, each) => {
          for (const message of batch.messages) {
            await each(message, () => driver.api.traceMessage(message, { topic: t }, () => {}))
          }
        }),
      },
      { groupId: `group-${t}` },
    )
    await until(
      () => sdk!.named(`process ${t}`).filter(span => span.links.length > 0).length === 3,
      'three messages',
    )
    await until(() => sdk!.named(`process ${t}`).length >= 4, 'the batch')
    const found = (await sdk.metrics()).scopeMetrics.flatMap(scope => scope.metrics)
    const value = (name: string) => found.find(one => one.descriptor.name === name)!.dataPoints[0]!.value
    expect(value('messaging.client.consumed.messages')).toBe(3)
  })
})

test('C59 two copies of the package count together', async () => {
  const sdk = startSdk({ metrics: true })
  const driver = await loaders.KJ('both')
  const other = await loaders.KJ('import')
  const producer = await driver.producer()
  const topic = driver.newTopic()
  await producer.send({ topic, messages: [{ value: 'a' }, { value: 'b' }] })
  await (await other.producer()).send({ topic, messages: [{ value: 'c' }] })
  other.api.traceMessage({ topic, headers: {} }, {}, () => {})
  driver.api.traceMessage({ topic, headers: {} }, {}, () => {})
  const { scopeMetrics } = await sdk.metrics()
  const found = scopeMetrics.flatMap(scope => scope.metrics)
  const points = (name: string) =>
    found.filter(one => one.descriptor.name === name).flatMap(one => one.dataPoints as DataPoint<unknown>[])
  expect(points('messaging.client.sent.messages').map(point => point.value)).toEqual([3])
  expect(points('messaging.client.consumed.messages').map(point => point.value)).toEqual([2])
  const [duration] = points('messaging.client.operation.duration')
  expect((duration!.value as { count: number }).count).toBe(2)
  await driver.stop()
  await other.stop()
  await sdk.shutdown()
})

test('C59 a meter provider that takes histograms over gets them read, with exemplars, instead of recorded', async () => {
  const sdk = startSdk()
  const sources: any[] = []
  const real = sdk.newMeterProvider()
  metrics.setGlobalMeterProvider(
    Object.assign(real, { addHistogramSource: (one: unknown) => sources.push(one) }) as never,
  )
  const driver = await loaders.KJ('both')
  const producer = await driver.producer()
  const t = driver.newTopic()
  await producer.send({ topic: t, messages: [{ value: 'a' }] })
  await driver.api
    .traceMessage({ topic: t, headers: {} }, { groupId: 'g' }, () => Promise.reject(new Error('no')))
    .catch(() => {})
  expect(sources.map(source => [source.name, source.unit, source.scope.name])).toEqual([
    ['messaging.client.operation.duration', 's', '@org/otel-kafka'],
    ['messaging.process.duration', 's', '@org/otel-kafka'],
  ])
  const [sent] = sources[0].collect()
  expect(sent).toMatchObject({ count: 1, attributes: { 'messaging.destination.name': t } })
  expect(sent.bucketCounts.reduce((sum: number, one: number) => sum + one)).toBe(1)
  expect(sent.exemplars).toMatchObject([
    { value: sent.sum, spanId: sdk.named(`send ${t}`)[0]!.spanContext().spanId },
  ])
  expect(sources[0].collect()[0].exemplars).toEqual([])
  expect(sources[1].collect()[0].attributes).toMatchObject({
    'error.type': 'Error',
    'messaging.consumer.group.name': 'g',
  })
  await driver.stop()
  await sdk.shutdown()
})

describe('another instrumentation that was there first', () => {
  test.each(modes)('keeps its wrap, and is said once: by %s', async mode => {
    const driver = await loaders.KJ(mode)
    const sdk = startSdk()
    const original = async () => []
    const foreign = Object.assign(async () => [], { __wrapped: true, __original: original, __unwrap() {} })
    const producer = { send: foreign, sendBatch: foreign }
    driver.api.traceProducer(producer)
    await producer.send()
    expect(producer.send).toBe(foreign)
    expect(sdk.spans()).toEqual([])
    expect(sdk.said.filter(line => line.includes('ORG_OTEL_KAFKA_FOREIGN'))).toHaveLength(2)
    await driver.stop()
    await sdk.shutdown()
  })
})

test('what is no client is left alone, with one warning', async () => {
  const sdk = startSdk()
  const { traceProducer, traceConsumer, instrumentKafka, untrace } = require('../../src/index.ts')
  for (const value of [{}, { send() {} }, () => {}, Object.freeze({ send() {}, sendBatch() {} })]) {
    expect(traceProducer(value)).toBe(value)
    expect(traceConsumer(value)).toBe(value)
    expect(instrumentKafka(value)).toBe(value)
    untrace(value)
  }
  for (const value of [null, undefined, 1]) expect(traceProducer(value)).toBe(value)
  expect(sdk.said.length).toBeGreaterThan(0)
  expect(context.active()).toBeDefined()
  expect(trace.getActiveSpan()).toBeUndefined()
  expect(propagation.fields()).toContain('traceparent')
  await sdk.shutdown()
})
