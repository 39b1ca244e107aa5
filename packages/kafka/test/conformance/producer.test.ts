// Conformance A: what a producer does (docs/kafka.md, "What is promised"). Cases C01-C05, C07-C20, C24.
import { context, propagation, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api'
import { suppressTracing } from '@opentelemetry/core'
import { B3InjectEncoding, B3Propagator } from '@opentelemetry/propagator-b3'
import { JaegerPropagator } from '@opentelemetry/propagator-jaeger'
import { AlwaysOffSampler, ParentBasedSampler } from '@opentelemetry/sdk-trace'
import { combinations, type Driver, loaders } from '../support/drivers.ts'
import { attributesOf, type Sdk, startSdk, w3c } from '../support/sdk.ts'
import { deepFreeze, inSpan, spanId, traceId, traceparent } from '../support/traces.ts'
import { headerNames, headerValues } from '../support/wire.ts'

describe.each(combinations)('%s by %s: a producer', (client, mode) => {
  let sdk: Sdk
  let driver: Driver
  const newTopic = () => driver.newTopic()
  /** The same client without any instrumentation, to compare with. */
  let untouched: Driver

  beforeAll(async () => {
    untouched = await loaders[client]('none')
    driver = await loaders[client](mode)
  })
  afterAll(async () => {
    await driver.stop()
    await untouched.stop()
  })
  beforeEach(() => {
    sdk = startSdk()
    driver.configure({})
  })
  afterEach(async () => {
    await driver.settle()
    await untouched.settle()
    await sdk.shutdown()
  })

  /** Sends in a span S and gives that span's id. */
  async function sendInS(action: (producer: any) => Promise<unknown>, config?: Record<string, unknown>) {
    const producer = await driver.producer(config)
    let id = ''
    await inSpan(async span => {
      id = span.spanContext().spanId
      await action(producer)
    })
    return { id, producer }
  }

  test('C01 one message gives one send span, child of the active one, and its context is on the wire', async () => {
    const t = newTopic()
    driver.configure({ captureKey: true })
    const { id } = await sendInS(p => p.send({ topic: t, messages: [{ key: 'k', value: 'v' }] }))
    const [span, ...others] = sdk.named(`send ${t}`)
    expect(others).toEqual([])
    expect(span!.kind).toBe(SpanKind.PRODUCER)
    expect(span!.parentSpanContext?.spanId).toBe(id)
    expect(span!.status).toEqual({ code: SpanStatusCode.UNSET })
    expect(attributesOf(span)).toMatchObject({
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': t,
      'messaging.system': 'kafka',
      'messaging.kafka.message.key': 'k',
      'messaging.client.id': 'app',
    })
    expect(attributesOf(span)).not.toHaveProperty('messaging.batch.message_count')
    const { traceId: trace, spanId: own } = span!.spanContext()
    const [record] = await driver.wire(t)
    expect(headerValues(record, 'traceparent')).toEqual([`00-${trace}-${own}-01`])
  })

  test('C01 the only broker there is, is named', async () => {
    const t = newTopic()
    const { producer } = await sendInS(p => p.send({ topic: t, messages: [{ value: 'v' }] }))
    await producer.send({ topic: t, messages: [{ value: 'v' }] })
    const [address, port] = driver.address.split(':')
    const named = { 'server.address': address, 'server.port': Number(port) }
    const [first, second] = sdk.named(`send ${t}`).map(attributesOf)
    expect(second).toMatchObject(named)
    // An imported wrapper does not see what kafkajs was configured with, only what the cluster says about itself.
    if (client === 'KJ' && mode === 'import') expect(first).not.toHaveProperty(['server.address'])
    else expect(first).toMatchObject(named)
  })

  test('C01 the message key is not recorded unless asked for', async () => {
    const t = newTopic()
    await sendInS(p => p.send({ topic: t, messages: [{ key: 'customer-4711', value: 'v' }] }))
    expect(JSON.stringify(attributesOf(sdk.named(`send ${t}`)[0]))).not.toContain('4711')
  })

  test('C02 a deep-frozen record is sent, and the caller objects stay as they were', async () => {
    const t = newTopic()
    const message = { key: 'k', value: 'v', headers: { a: '1' } }
    const bare = { value: 'w' }
    const record = deepFreeze({ topic: t, messages: [message, bare] })
    const before = structuredClone(record)
    await sendInS(p => p.send(record))
    expect(record).toEqual(before)
    expect(Object.keys(bare)).toEqual(['value'])
    expect(typeof message.value).toBe('string')
    const records = await driver.wire(t)
    expect(records.map(one => headerNames(one))).toEqual([['a', 'traceparent'], ['traceparent']])
  })

  test('C02 an object that is not frozen is not written to either', async () => {
    const t = newTopic()
    const shared = { own: 'header' }
    const message = { value: 'v', headers: shared }
    const record = { topic: t, messages: [message, message] }
    await sendInS(p => p.send(record))
    expect(record).toEqual({ topic: t, messages: [message, message] })
    expect(Object.keys(message)).toEqual(['value', 'headers'])
    expect(message.headers).toBe(shared)
    expect(Object.keys(shared)).toEqual(['own'])
  })

  test('C02 messages of a class keep what their getters give', async () => {
    const t = newTopic()
    class Order {
      #id: string
      constructor(id: string) {
        this.#id = id
      }
      get key() {
        return this.#id
      }
      get value() {
        return `order ${this.#id}`
      }
    }
    await sendInS(p => p.send({ topic: t, messages: [new Order('7')] }))
    const [record] = await driver.wire(t)
    expect([String(record!.key), String(record!.value)]).toEqual(['7', 'order 7'])
    expect(headerNames(record)).toEqual(['traceparent'])
  })

  test('C03 three messages to one topic give one span with a count, and all three carry its context', async () => {
    const t = newTopic()
    driver.configure({ captureKey: true })
    await sendInS(p =>
      p.send({ topic: t, messages: [{ key: '1', value: 'a' }, { value: 'b' }, { value: 'c' }] }),
    )
    const spans = sdk.named(`send ${t}`)
    expect(spans).toHaveLength(1)
    expect(attributesOf(spans[0])).toMatchObject({ 'messaging.batch.message_count': 3 })
    expect(attributesOf(spans[0])).not.toHaveProperty(['messaging.kafka.message.key'])
    expect(attributesOf(spans[0])).not.toHaveProperty(['messaging.kafka.offset'])
    const { spanId: own } = spans[0]!.spanContext()
    const parents = (await driver.wire(t)).map(record => headerValues(record, 'traceparent').join())
    expect(parents).toHaveLength(3)
    for (const parent of parents) expect(parent).toContain(own)
  })

  test('C04 createSpans gives a create span per message and a client send span that links to them', async () => {
    const t = newTopic()
    driver.configure({ createSpans: true, captureKey: true })
    const { id } = await sendInS(p =>
      p.send({ topic: t, messages: ['a', 'b', 'c'].map(key => ({ key, value: 'v' })) }),
    )
    const creates = sdk.named(`create ${t}`)
    expect(creates.map(span => [span.kind, attributesOf(span)['messaging.kafka.message.key']])).toEqual([
      [SpanKind.PRODUCER, 'a'],
      [SpanKind.PRODUCER, 'b'],
      [SpanKind.PRODUCER, 'c'],
    ])
    expect(creates.every(span => span.parentSpanContext?.spanId === id)).toBe(true)
    expect(creates.map(span => attributesOf(span)['messaging.operation.type'])).toEqual([
      'create',
      'create',
      'create',
    ])
    const [send] = sdk.named(`send ${t}`)
    expect(send!.kind).toBe(SpanKind.CLIENT)
    const ids = creates.map(span => span.spanContext().spanId)
    expect(send!.links.map(link => link.context.spanId)).toEqual(ids)
    const onWire = (await driver.wire(t)).map(record => headerValues(record, 'traceparent')[0]!.split('-')[2])
    expect(onWire).toEqual(ids)
  })

  test('C05 sendBatch of two topics gives a span per topic, and each message carries its own', async () => {
    const [t1, t2] = [newTopic(), newTopic()]
    const messages = [{ value: 'a' }, { value: 'b' }]
    await sendInS(p =>
      p.sendBatch({
        topicMessages: [
          { topic: t1, messages },
          { topic: t2, messages },
        ],
      }),
    )
    expect(
      sdk
        .spans()
        .map(span => span.name)
        .sort(),
    ).toEqual(['S', `send ${t1}`, `send ${t2}`].sort())
    for (const t of [t1, t2]) {
      const own = sdk.named(`send ${t}`)[0]!.spanContext().spanId
      const parents = (await driver.wire(t)).map(record => headerValues(record, 'traceparent').join())
      expect(parents).toHaveLength(2)
      for (const parent of parents) expect(parent).toContain(own)
    }
  })

  test('C07 sending nothing gives the result of the client and no span', async () => {
    const t = newTopic()
    const bare = await untouched.producer()
    const call = async (p: any) => {
      const results = []
      for (const attempt of [
        () => p.send({ topic: t, messages: [] }),
        () => p.sendBatch({ topicMessages: [] }),
      ]) {
        results.push(
          await attempt().then(
            (value: unknown) => ['value', value],
            (error: Error) => ['error', error.name],
          ),
        )
      }
      return results
    }
    const producer = await driver.producer()
    expect(await call(producer)).toEqual(await call(bare))
    expect(sdk.spans()).toEqual([])
  })

  test('C08 a partition given by the caller is on the span from its start, as text', async () => {
    const t = newTopic()
    const atStart: unknown[] = []
    await sdk.shutdown()
    sdk = startSdk({
      processors: [
        {
          onStart: span =>
            void atStart.push((span as any).attributes?.['messaging.destination.partition.id']),
          onEnd() {},
          forceFlush: async () => {},
          shutdown: async () => {},
        },
      ],
    })
    const producer = await driver.producer()
    await producer.send({ topic: t, messages: [{ value: 'v', partition: 0 }] })
    expect(atStart).toEqual(['0'])
    expect(attributesOf(sdk.named(`send ${t}`)[0])['messaging.destination.partition.id']).toBe('0')
  })

  test('C09 a null value is a tombstone, and a null key is no key', async () => {
    const t = newTopic()
    driver.configure({ captureKey: true })
    await sendInS(p => p.send({ topic: t, messages: [{ key: null, value: null }] }))
    const attributes = attributesOf(sdk.named(`send ${t}`)[0])
    expect(attributes['messaging.kafka.message.tombstone']).toBe(true)
    expect(attributes).not.toHaveProperty(['messaging.kafka.message.key'])
    const [record] = await driver.wire(t)
    expect(record!.value).toBeNull()
    expect(headerNames(record)).toEqual(['traceparent'])
  })

  test.each([
    ['text', ''],
    ['a Buffer', Buffer.alloc(0)],
  ])('C10 empty %s is no tombstone', async (_, value) => {
    const t = newTopic()
    await sendInS(p => p.send({ topic: t, messages: [{ value }] }))
    expect(attributesOf(sdk.named(`send ${t}`)[0])).not.toHaveProperty(['messaging.kafka.message.tombstone'])
  })

  test('C11 headers of the caller keep their order, and a list stays a repeated header', async () => {
    const t = newTopic()
    const headers = { a: '1', b: Buffer.from('2'), c: ['x', Buffer.from('y')] }
    await sendInS(p => p.send({ topic: t, messages: [{ value: 'v', headers }] }))
    const [record] = await driver.wire(t)
    expect(headerNames(record)).toEqual(['a', 'b', 'c', 'c', 'traceparent'])
    expect(headerValues(record, 'c')).toEqual(['x', 'y'])
  })

  test.each([
    ['undefined', undefined],
    ['null', null],
  ])(
    'C12 a header value %s is rejected the way the client rejects it, and the span says so',
    async (_, value) => {
      const t = newTopic()
      const record = () => ({ topic: t, messages: [{ value: 'v', headers: { a: value } }] })
      const bare = await untouched.producer()
      const expected = await bare.send(record()).catch((error: Error) => error)
      const actual = await sendInS(p => p.send(record())).catch((error: Error) => error)
      expect((actual as Error).name).toBe('TypeError')
      expect((actual as Error).message).toBe(expected.message)
      expect((actual as { code?: string }).code).toBe(expected.code)
      const [span] = sdk.named(`send ${t}`)
      expect(span!.status.code).toBe(SpanStatusCode.ERROR)
      expect(attributesOf(span)['error.type']).toBe('TypeError')
    },
  )

  test('C13 active baggage is on the wire, percent-encoded', async () => {
    const t = newTopic()
    const producer = await driver.producer()
    const baggage = propagation.createBaggage({ u: { value: 'é' } })
    await context.with(propagation.setBaggage(context.active(), baggage), () =>
      producer.send({ topic: t, messages: [{ value: 'v' }] }),
    )
    expect(headerValues((await driver.wire(t))[0], 'baggage')).toEqual(['u=%C3%A9'])
  })

  test.each([
    ['b3 single', () => new B3Propagator(), ['b3']],
    [
      'b3 multi',
      () => new B3Propagator({ injectEncoding: B3InjectEncoding.MULTI_HEADER }),
      ['x-b3-traceid', 'x-b3-spanid', 'x-b3-sampled'],
    ],
    ['jaeger', () => new JaegerPropagator(), ['uber-trace-id']],
  ])('C14 the propagator %s writes its own headers and nothing else', async (_, propagator, names) => {
    const t = newTopic()
    sdk.setPropagator(propagator())
    await sendInS(p => p.send({ topic: t, messages: [{ value: 'v' }] }))
    expect(headerNames((await driver.wire(t))[0])).toEqual(names)
  })

  test('C14 without a propagator there is a span and the message goes out as it is', async () => {
    const t = newTopic()
    propagation.disable()
    await sendInS(p => p.send({ topic: t, messages: [{ value: 'v' }] }))
    expect(sdk.named(`send ${t}`)).toHaveLength(1)
    expect(headerNames((await driver.wire(t))[0])).toEqual([])
  })

  test('C15 an unsampled trace gives no span, but its context still travels, marked as unsampled', async () => {
    const t = newTopic()
    await sdk.shutdown()
    sdk = startSdk({ sampler: new ParentBasedSampler({ root: new AlwaysOffSampler() }) })
    const producer = await driver.producer()
    const unsampled = { traceId: traceId(7), spanId: spanId(7), traceFlags: TraceFlags.NONE, isRemote: true }
    await context.with(trace.setSpanContext(context.active(), unsampled), () =>
      producer.send({ topic: t, messages: [{ value: 'v' }] }),
    )
    expect(sdk.spans()).toEqual([])
    expect(headerValues((await driver.wire(t))[0], 'traceparent')[0]).toMatch(
      new RegExp(`^00-${traceId(7)}-\\w{16}-00$`),
    )
  })

  test('C16 with tracing suppressed there is no span and no header', async () => {
    const t = newTopic()
    const producer = await driver.producer()
    await context.with(suppressTracing(context.active()), () =>
      producer.send({ topic: t, messages: [{ value: 'v' }] }),
    )
    expect(sdk.spans()).toEqual([])
    expect(headerNames((await driver.wire(t))[0])).toEqual([])
  })

  test('C17 a rejection of the broker reaches the caller as it is, and the span names its Kafka code', async () => {
    driver.breakTopic('missing')
    const producer = await driver.producer()
    const settled: unknown[] = []
    const failure = await producer
      .send({ topic: 'missing', messages: [{ value: 'v' }] })
      .catch((error: unknown) => {
        settled.push(error)
        return error
      })
    expect(settled).toHaveLength(1)
    expect((failure as Error).name).toBe(
      client === 'KJ' ? 'KafkaJSNumberOfRetriesExceeded' : 'KafkaJSProtocolError',
    )
    const spans = sdk.named('send missing')
    expect(spans).toHaveLength(1)
    expect(spans[0]!.status).toEqual({ code: SpanStatusCode.ERROR, message: (failure as Error).message })
    expect(attributesOf(spans[0])['error.type']).toBe('UNKNOWN_TOPIC_OR_PARTITION')
  })

  test('C17 the error is the very object the client rejected with', async () => {
    const original = new Error('mine')
    const inner = { send: () => Promise.reject(original), sendBatch: async () => [] }
    const traced = driver.api.traceProducer(inner) as unknown as { send(record: object): Promise<unknown> }
    const error = await traced.send({ topic: 'x', messages: [{ value: 'v' }] }).catch((e: unknown) => e)
    expect(error).toBe(original)
    expect(attributesOf(sdk.named('send x')[0])['error.type']).toBe('Error')
  })

  test('C18 the result is what the client gave, and partition and offset of a single message are on the span', async () => {
    const t = newTopic()
    const producer = await driver.producer()
    await producer.send({ topic: t, messages: [{ value: 'first' }] })
    const result = await producer.send({ topic: t, messages: [{ value: 'second' }] })
    expect(result).toMatchObject([{ topicName: t, partition: 0, baseOffset: '1' }])
    const attributes = attributesOf(sdk.named(`send ${t}`)[1])
    expect(attributes['messaging.destination.partition.id']).toBe('0')
    expect(attributes['messaging.kafka.offset']).toBe(1)
  })

  test('C18 the resolved value is the very object the client resolved with', async () => {
    const value = [{ topicName: 't', partition: 2, baseOffset: '41' }]
    const inner = { send: async () => value, sendBatch: async () => value }
    const traced = driver.api.traceProducer(inner) as any
    expect(await traced.send({ topic: 't', messages: [{ value: 'v' }] })).toBe(value)
    expect(attributesOf(sdk.named('send t')[0])).toMatchObject({
      'messaging.destination.partition.id': '2',
      'messaging.kafka.offset': 41,
    })
  })

  test(`C${client === 'KJ' ? 19 : 20} sends of a transaction are sends, once each, and leave no span open`, async () => {
    const [t1, t2] = [newTopic(), newTopic()]
    const started: string[] = []
    await sdk.shutdown()
    sdk = startSdk({
      processors: [
        {
          onStart: span => void started.push((span as any).name),
          onEnd() {},
          forceFlush: async () => {},
          shutdown: async () => {},
        },
      ],
    })
    const config = { transactionalId: `tx-${t1}`, idempotent: true, maxInFlightRequests: 1 }
    const { producer, id } = await sendInS(async p => {
      const transaction = await p.transaction()
      if (client === 'CF') expect(transaction).toBe(p)
      expect(transaction.isActive()).toBe(true)
      await transaction.send({ topic: t1, messages: [{ value: 'a' }] })
      await transaction.sendBatch({
        topicMessages: [{ topic: t2, messages: [{ value: 'b' }, { value: 'c' }] }],
      })
      if (client === 'KJ') {
        const offsets = [{ topic: t1, partitions: [{ partition: 0, offset: '1' }] }]
        await transaction.sendOffsets({ consumerGroupId: 'group', topics: offsets })
      }
      await transaction.commit()
      expect(transaction.isActive()).toBe(false)
    }, config)
    expect(producer).toBeDefined()
    expect(started.sort()).toEqual(['S', `send ${t1}`, `send ${t2}`].sort())
    expect(
      sdk
        .spans()
        .map(span => span.name)
        .sort(),
    ).toEqual(started)
    for (const span of sdk.spans().filter(one => one.name !== 'S'))
      expect(span.parentSpanContext?.spanId).toBe(id)
    expect(headerNames((await driver.wire(t1))[0])).toEqual(['traceparent'])
    expect(await driver.wire(t2)).toHaveLength(2)
  })

  test('C19 C20 a transaction that is aborted leaves no span open', async () => {
    const t = newTopic()
    const config = { transactionalId: `tx-${t}`, idempotent: true, maxInFlightRequests: 1 }
    driver.configure({ transactionSpans: true })
    await sendInS(async p => {
      const transaction = await p.transaction()
      await transaction.send({ topic: t, messages: [{ value: 'a' }] })
      await transaction.abort()
    }, config)
    const [transaction] = sdk.named('transaction')
    expect(sdk.named(`send ${t}`)[0]!.parentSpanContext?.spanId).toBe(transaction!.spanContext().spanId)
    expect(sdk.spans()).toHaveLength(3)
  })

  test('C24 a detached send works like the method', async () => {
    const t = newTopic()
    const producer = await driver.producer()
    const { send } = producer
    // confluent's own send needs its object; kafkajs's does not.
    const call = client === 'KJ' ? send : send.bind(producer)
    await call({ topic: t, messages: [{ value: 'v' }] })
    expect(sdk.named(`send ${t}`)).toHaveLength(1)
    expect(headerNames((await driver.wire(t))[0])).toEqual(['traceparent'])
  })

  test('a forwarded context in any spelling is replaced on the wire, and linked', async () => {
    const t = newTopic()
    const headers = { Traceparent: Buffer.from(traceparent(9)), tracestate: 'old=1', kept: 'yes' }
    await sendInS(p => p.send({ topic: t, messages: [{ value: 'v', headers }] }))
    const [span] = sdk.named(`send ${t}`)
    const [record] = await driver.wire(t)
    expect(headerNames(record)).toEqual(['kept', 'traceparent'])
    expect(headerValues(record, 'traceparent')[0]).toContain(span!.spanContext().spanId)
    expect(span!.links.map(link => link.context.traceId)).toEqual([traceId(9)])
    expect(Object.keys(headers)).toEqual(['Traceparent', 'tracestate', 'kept'])
  })

  test('a context of the trace at work is replaced without a link', async () => {
    const t = newTopic()
    const producer = await driver.producer()
    await inSpan(async span => {
      const own = span.spanContext()
      const headers = { traceparent: `00-${own.traceId}-${spanId(3)}-01` }
      await producer.send({ topic: t, messages: [{ value: 'v', headers }] })
    })
    expect(sdk.named(`send ${t}`)[0]!.links).toEqual([])
  })

  test('existingContext "preserve" leaves the message alone and links the client span to it', async () => {
    const t = newTopic()
    driver.configure({ existingContext: 'preserve' })
    await sendInS(p =>
      p.send({ topic: t, messages: [{ value: 'v', headers: { traceparent: traceparent(5) } }] }),
    )
    const [span] = sdk.named(`send ${t}`)
    expect(span!.kind).toBe(SpanKind.CLIENT)
    expect(span!.links.map(link => link.context.spanId)).toEqual([spanId(5)])
    expect(headerValues((await driver.wire(t))[0], 'traceparent')).toEqual([traceparent(5)])
  })

  test('what the client would reject it still rejects itself', async () => {
    const producer = await driver.producer()
    const bare = await untouched.producer()
    for (const record of [
      undefined,
      null,
      {},
      { topic: 'x' },
      { messages: [{ value: 'v' }] },
      { topic: 'x', messages: [null] },
    ]) {
      const outcome = (p: any) => {
        try {
          return p.send(record).then(
            () => 'resolved',
            (error: Error) => `rejected ${error.name}`,
          )
        } catch (error) {
          return `threw ${(error as Error).name}`
        }
      }
      expect(await outcome(producer)).toBe(await outcome(bare))
    }
  })

  test('one propagator after another, set late, is the one that counts', async () => {
    const t = newTopic()
    const producer = await driver.producer()
    await producer.send({ topic: t, messages: [{ value: 'v' }] })
    sdk.setPropagator(new B3Propagator())
    await producer.send({ topic: t, messages: [{ value: 'v' }] })
    sdk.setPropagator(w3c())
    expect((await driver.wire(t)).map(record => headerNames(record))).toEqual([['traceparent'], ['b3']])
  })
})
