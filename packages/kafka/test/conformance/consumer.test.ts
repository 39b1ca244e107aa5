// Conformance B: what a consumer does with single messages. Cases C26-C38, C42, C43.
import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { B3Propagator } from '@opentelemetry/propagator-b3'
import { combinations, type Driver, loaders, type PutRecord } from '../support/drivers.ts'
import { attributesOf, type Sdk, startSdk } from '../support/sdk.ts'
import { inSpan, spanId, traceId, traceparent, until } from '../support/traces.ts'
import { headerNames, headerValues } from '../support/wire.ts'

const activeTrace = () => trace.getSpanContext(context.active())?.traceId

describe.each(combinations)('%s by %s: a consumer of single messages', (client, mode) => {
  let sdk: Sdk
  let driver: Driver
  const newTopic = () => driver.newTopic()

  beforeAll(async () => {
    driver = await loaders[client](mode)
  })
  afterAll(() => driver.stop())
  beforeEach(() => {
    sdk = startSdk()
    driver.configure({})
  })
  afterEach(async () => {
    await driver.settle()
    expect(sdk.said.filter(line => line.includes('ORG_OTEL_KAFKA_INTERNAL'))).toEqual([])
    await sdk.shutdown()
  })

  /** Puts records on a topic, consumes them one by one, and gives the process spans. */
  async function process(
    records: PutRecord[],
    eachMessage: (payload: any) => unknown = async () => {},
    expected = records.length,
    config: object = {},
  ) {
    const t = newTopic()
    for (const record of records) await driver.put(t, record)
    await driver.consume([t], { eachMessage, ...config }, { groupId: `group-${t}` })
    await until(() => sdk.named(`process ${t}`).length >= expected, `${expected} process spans`)
    return { t, spans: sdk.named(`process ${t}`) }
  }

  test('C26 a message is processed in a span that continues the trace of its sender and links to it', async () => {
    driver.configure({ captureKey: true })
    const seen: (string | undefined)[] = []
    const { t, spans } = await process(
      [{ key: 'order-1', headers: { traceparent: Buffer.from(traceparent(1)) } }],
      async () => {
        seen.push(trace.getActiveSpan()?.spanContext().spanId)
        await new Promise(resolve => setTimeout(resolve, 1))
        seen.push(trace.getActiveSpan()?.spanContext().spanId)
        await Promise.resolve()
        seen.push(trace.getActiveSpan()?.spanContext().spanId)
      },
    )
    expect(spans).toHaveLength(1)
    const [span] = spans
    const [address, port] = driver.address.split(':')
    expect(span!.kind).toBe(SpanKind.CONSUMER)
    expect(span!.parentSpanContext).toMatchObject({ traceId: traceId(1), spanId: spanId(1), isRemote: true })
    expect(span!.links.map(link => link.context.spanId)).toEqual([spanId(1)])
    expect(span!.status).toEqual({ code: SpanStatusCode.UNSET })
    expect(new Set(seen)).toEqual(new Set([span!.spanContext().spanId]))
    expect(attributesOf(span)).toMatchObject({
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.system': 'kafka',
      'messaging.destination.name': t,
      'messaging.destination.partition.id': '0',
      'messaging.kafka.offset': 0,
      'messaging.kafka.message.key': 'order-1',
      'messaging.consumer.group.name': `group-${t}`,
      'messaging.client.id': 'app',
      'server.address': address,
      'server.port': Number(port),
    })
  })

  test.each<[string, PutRecord['headers'] | undefined]>([
    ['C27 without headers', {}],
    ['C28 with a malformed traceparent', { traceparent: '00-nonsense-01' }],
    ['C28 with an empty traceparent', { traceparent: Buffer.alloc(0) }],
    ['C28 with a traceparent of zeros', { traceparent: `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01` }],
    ['C28 with binary', { traceparent: Buffer.from([0xff, 0xfe, 0, 1]) }],
    ['C28 with a traceparent of 900 kB', { traceparent: 'a'.repeat(900_000) }],
  ])('%s a message starts a trace of its own', async (_, headers) => {
    const { spans } = await process([{ ...(headers && { headers }) }])
    expect(spans).toHaveLength(1)
    expect(spans[0]!.parentSpanContext).toBeUndefined()
    expect(spans[0]!.links).toEqual([])
  })

  test('C29 baggage spread over two headers arrives whole', async () => {
    const baggage: Record<string, string>[] = []
    await process([{ headers: { baggage: [Buffer.from('a=1'), Buffer.from('b=2')] } }], async () => {
      const entries = propagation.getActiveBaggage()?.getAllEntries() ?? []
      baggage.push(Object.fromEntries(entries.map(([key, { value }]) => [key, value])))
    })
    expect(baggage).toEqual([{ a: '1', b: '2' }])
  })

  test('C30 B3 headers in the mixed case of Java are understood', async () => {
    sdk.setPropagator(new B3Propagator())
    const { spans } = await process([
      { headers: { 'X-B3-TraceId': traceId(8), 'X-B3-SpanId': spanId(8), 'X-B3-Sampled': '1' } },
    ])
    expect(spans[0]!.parentSpanContext).toMatchObject({ traceId: traceId(8), spanId: spanId(8) })
  })

  test('the last of duplicated traceparent headers counts', async () => {
    const { spans } = await process([{ headers: { traceparent: [traceparent(1), traceparent(2)] } }])
    expect(spans[0]!.parentSpanContext?.traceId).toBe(traceId(2))
  })

  test('C31 a failing handler is marked with its error, and redelivery gets a new span with the same parent', async () => {
    class OrderError extends Error {
      override name = 'OrderError'
    }
    const failure = new OrderError('no')
    let calls = 0
    const { spans } = await process(
      [{ headers: { traceparent: traceparent(1) } }],
      async () => {
        if (++calls === 1) throw failure
      },
      2,
    )
    expect(spans[0]!.status).toEqual({ code: SpanStatusCode.ERROR, message: 'no' })
    expect(attributesOf(spans[0])['error.type']).toBe('OrderError')
    expect(spans[1]!.status.code).toBe(SpanStatusCode.UNSET)
    expect(spans[0]!.spanContext().spanId).not.toBe(spans[1]!.spanContext().spanId)
    expect(spans.map(span => span.parentSpanContext?.spanId)).toEqual([spanId(1), spanId(1)])
    expect(spans[0]!.events.map(event => event.name)).toEqual(['exception'])
  })

  test('C31 a handler that throws at once ends its span too', async () => {
    let calls = 0
    const { spans } = await process(
      [{}],
      () => {
        if (++calls === 1) throw new Error('at once')
      },
      2,
    )
    expect(spans[0]!.status.code).toBe(SpanStatusCode.ERROR)
  })

  test('C31 what a handler throws arrives at the client as it is, also null', async () => {
    const outcomes: unknown[] = []
    for (const thrown of [new Error('E'), null, undefined, 'text', 42]) {
      let run: any
      const consumer = driver.api.traceConsumer({
        run: (config: any) => void (run = config),
        subscribe() {},
      }) as any
      consumer.run({ eachMessage: () => Promise.reject(thrown) })
      const payload = { topic: 't', partition: 0, message: { value: Buffer.from('v') } }
      outcomes.push(await run.eachMessage(payload).catch((error: unknown) => error === thrown))
      consumer.run({
        eachMessage: () => {
          throw thrown
        },
      })
      try {
        run.eachMessage(payload)
      } catch (error) {
        outcomes.push(error === thrown)
      }
    }
    expect(outcomes).toEqual(Array.from({ length: 10 }, () => true))
    expect(sdk.named('process t').every(span => span.status.code === SpanStatusCode.ERROR)).toBe(true)
  })

  test('C32 handlers that run at the same time see their own trace at every step', async () => {
    const names = [newTopic(), newTopic(), newTopic()]
    for (const [i, t] of names.entries()) {
      for (let n = 0; n < 3; n++) await driver.put(t, { headers: { traceparent: traceparent(i + 1) } })
    }
    const wrong: string[] = []
    let running = 0
    let most = 0
    await driver.consume(
      names,
      {
        partitionsConsumedConcurrently: 3,
        eachMessage: async ({ topic }: { topic: string }) => {
          most = Math.max(most, ++running)
          const own = traceId(names.indexOf(topic) + 1)
          for (let step = 0; step < 5; step++) {
            if (activeTrace() !== own) wrong.push(`${topic} at ${step}: ${activeTrace()}`)
            await new Promise(resolve => setTimeout(resolve, Math.random() * 3))
          }
          running--
        },
      },
      { groupId: `group-${names[0]}` },
    )
    await until(
      () => sdk.spans().filter(span => span.name.startsWith('process')).length === 9,
      'nine messages',
    )
    expect(wrong).toEqual([])
    if (client === 'KJ') expect(most).toBeGreaterThan(1)
  })

  test('C33 what a handler sends is a child of its process span', async () => {
    const dlq = newTopic()
    const producer = await driver.producer()
    const { spans } = await process([{ headers: { traceparent: traceparent(1) } }], ({ message }) =>
      producer.send({ topic: dlq, messages: [{ value: message.value, headers: message.headers }] }),
    )
    const [send] = sdk.named(`send ${dlq}`)
    expect(send!.spanContext().traceId).toBe(traceId(1))
    expect(send!.parentSpanContext?.spanId).toBe(spans[0]!.spanContext().spanId)
    expect(headerValues((await driver.wire(dlq))[0], 'traceparent')).toEqual([
      `00-${traceId(1)}-${send!.spanContext().spanId}-01`,
    ])
  })

  test('C34 the payload is the very object of the client, and its functions do what they do', async () => {
    const calls: string[] = []
    const { spans } = await process([{}], async payload => {
      await payload.heartbeat()
      calls.push('heartbeat')
      const resume = payload.pause()
      resume()
      calls.push('pause')
    })
    expect(calls).toEqual(['heartbeat', 'pause'])
    expect(sdk.spans()).toHaveLength(spans.length)
    const payload = Object.freeze({ topic: 't', partition: 0, message: Object.freeze({ value: null }) })
    let run: any
    let seen: unknown
    const consumer = driver.api.traceConsumer({
      run: (config: any) => void (run = config),
      subscribe() {},
    }) as any
    consumer.run({ eachMessage: (given: unknown) => void (seen = given) })
    run.eachMessage(payload)
    expect(seen).toBe(payload)
  })

  test('C34 commits and seeks give no spans unless asked for', async () => {
    const t = newTopic()
    await driver.put(t, {})
    const commit = async () => {
      const consumer = await driver.consume(
        [t],
        { eachMessage: async () => {} },
        { groupId: `g-${Math.random()}` },
      )
      await until(() => sdk.named(`process ${t}`).length > 0, 'the message')
      await consumer.commitOffsets([{ topic: t, partition: 0, offset: '1' }])
      consumer.seek({ topic: t, partition: 0, offset: '1' })
    }
    await commit()
    expect(sdk.spans().map(span => span.name)).toEqual([`process ${t}`])
    await driver.settle()
    await driver.put(t, {})
    sdk.reset()
    driver.configure({ commitSpans: true })
    await commit()
    const [span] = sdk.named(`commit ${t}`)
    expect(span!.kind).toBe(SpanKind.CLIENT)
    expect(attributesOf(span)).toMatchObject({
      'messaging.operation.name': 'commit',
      'messaging.operation.type': 'settle',
      'messaging.destination.name': t,
    })
  })

  test('C35 a frozen run config serves two consumers and stays as it was', async () => {
    const [t1, t2] = [newTopic(), newTopic()]
    const eachMessage = async () => {}
    const config = Object.freeze({ eachMessage })
    for (const t of [t1, t2]) {
      await driver.put(t, {})
      await driver.consume([t], config, { groupId: `group-${t}` })
    }
    await until(() => sdk.spans().length === 2, 'two messages')
    expect(
      sdk
        .spans()
        .map(span => span.name)
        .sort(),
    ).toEqual([`process ${t1}`, `process ${t2}`])
    expect(config.eachMessage).toBe(eachMessage)
  })

  if (client === 'KJ') {
    test('C35 run, stop and run again with the same config gives one span per message', async () => {
      const t = newTopic()
      const config = { eachMessage: async () => {} }
      await driver.put(t, {})
      const consumer = await driver.consume([t], config, { groupId: `group-${t}` })
      await until(() => sdk.spans().length === 1, 'the first message')
      await consumer.stop()
      await driver.put(t, {})
      await consumer.run(config)
      await until(() => sdk.spans().length === 2, 'the second message')
      expect(sdk.spans()).toHaveLength(2)
    })
  }

  test.each<[string, PutRecord['key'], string | undefined]>([
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0, 1]), undefined],
    ['four bytes of an integer', Buffer.from([0, 0, 0, 7]), undefined],
    ['text', Buffer.from('order-1'), 'order-1'],
    ['nothing but present', '', ''],
    ['none', null, undefined],
  ])('C36 a key of %s', async (_, key, recorded) => {
    driver.configure({ captureKey: true })
    const { spans } = await process([{ key: key! }])
    expect(attributesOf(spans[0])['messaging.kafka.message.key']).toBe(recorded)
  })

  test('C36 a function decides what is recorded of a key', async () => {
    driver.configure({ captureKey: key => `${String(key).slice(0, 2)}…` })
    const { spans } = await process([{ key: 'customer-4711' }])
    expect(attributesOf(spans[0])['messaging.kafka.message.key']).toBe('cu…')
  })

  test.each<[string, number | undefined, (value: unknown) => boolean]>([
    ['from 50 ms ago', -50, value => (value as number) >= 50 && (value as number) < 1000],
    ['from the future', 60_000, value => value === 0],
  ])('C37 time in the queue of a message %s', async (_, offsetMs, isRight) => {
    driver.configure({ captureQueueTime: true })
    const { spans } = await process([{ timestamp: String(Date.now() + offsetMs!) }])
    expect(isRight(attributesOf(spans[0])['kafka.record.queue_time_ms'])).toBe(true)
  })

  test('C37 time in the queue is unknown without a timestamp, and not recorded when not wanted', async () => {
    let run: any
    const consumer = driver.api.traceConsumer({
      run: (config: any) => void (run = config),
      subscribe() {},
    }) as any
    consumer.run({ eachMessage: () => {} })
    for (const timestamp of [undefined, '-1', '', null, 'later']) {
      run.eachMessage({ topic: 't', partition: 0, message: { value: null, timestamp } })
    }
    driver.api.traceConsumer(consumer, { captureQueueTime: false })
    run.eachMessage({ topic: 't', partition: 0, message: { value: null, timestamp: '1' } })
    expect(sdk.spans()).toHaveLength(6)
    for (const span of sdk.spans())
      expect(attributesOf(span)).not.toHaveProperty(['kafka.record.queue_time_ms'])
  })

  test('C38 the value of a handler is kept, and its span ends when it is done', async () => {
    let run: any
    const consumer = driver.api.traceConsumer({
      run: (config: any) => void (run = config),
      subscribe() {},
    }) as any
    let finish: (value: string) => void = () => {}
    consumer.run({ eachMessage: () => new Promise(resolve => void (finish = resolve)) })
    const payload = () => ({ topic: 't', partition: 0, message: { value: null } })
    const result = run.eachMessage(payload())
    await new Promise(resolve => setImmediate(resolve))
    expect(sdk.spans()).toHaveLength(0)
    finish('done')
    expect(await result).toBe('done')
    expect(sdk.spans()).toHaveLength(1)
    consumer.run({ eachMessage: () => {} })
    expect(run.eachMessage(payload())).toBeUndefined()
    expect(sdk.spans()).toHaveLength(2)
  })

  test('C42 withMessageContext gives the context of the sender without a span', async () => {
    const message = { headers: { traceparent: Buffer.from(traceparent(4)), baggage: 'k=v' } }
    const result = driver.api.withMessageContext(message, () => {
      expect(trace.getSpanContext(context.active())).toMatchObject({ traceId: traceId(4), spanId: spanId(4) })
      expect(propagation.getActiveBaggage()?.getEntry('k')?.value).toBe('v')
      return 'result'
    })
    expect(result).toBe('result')
    const failure = new Error('mine')
    expect(() =>
      driver.api.withMessageContext(message, () => {
        throw failure
      }),
    ).toThrow(failure)
    expect(sdk.spans()).toEqual([])
  })

  test('C43 traceMessage in an instrumented handler reuses its span', async () => {
    const { t, spans } = await process([{}], ({ topic, message }) =>
      driver.api.traceMessage(message, { topic }, async span => {
        span.setAttribute('mine', true)
      }),
    )
    expect(sdk.named(`process ${t}`)).toHaveLength(1)
    expect(attributesOf(spans[0]).mine).toBe(true)
  })

  test('the span around run() is neither parent nor context of any message', async () => {
    const t = newTopic()
    await driver.put(t, {})
    const seen: unknown[] = []
    await inSpan(async () => {
      await driver.consume(
        [t],
        { eachMessage: async () => void seen.push(activeTrace()) },
        { groupId: `group-${t}` },
      )
    }, 'startup')
    await until(() => sdk.named(`process ${t}`).length === 1, 'the message')
    const startup = sdk.named('startup')[0]!.spanContext()
    const [span] = sdk.named(`process ${t}`)
    expect(span!.parentSpanContext).toBeUndefined()
    expect(span!.links).toEqual([])
    expect(seen).not.toContain(startup.traceId)
  })

  test('parent "link-only" starts a new trace that links to the sender', async () => {
    driver.configure({ parent: 'link-only' })
    const { spans } = await process([{ headers: { traceparent: traceparent(1) } }])
    expect(spans[0]!.parentSpanContext).toBeUndefined()
    expect(spans[0]!.links.map(link => link.context.traceId)).toEqual([traceId(1)])
  })

  test('links "when-not-parent" leaves out the link to the parent', async () => {
    driver.configure({ links: 'when-not-parent' })
    const { spans } = await process([{ headers: { traceparent: traceparent(1) } }])
    expect(spans[0]!.parentSpanContext?.traceId).toBe(traceId(1))
    expect(spans[0]!.links).toEqual([])
  })

  test('an ambient span is linked, or the parent if that is wanted', async () => {
    let run: any
    const consumer = driver.api.traceConsumer({
      run: (config: any) => void (run = config),
      subscribe() {},
    }) as any
    consumer.run({ eachMessage: () => {} })
    const payload = () => ({
      topic: 't',
      partition: 0,
      message: { headers: { traceparent: traceparent(1) } },
    })
    const ambient = { traceId: traceId(6), spanId: spanId(6), traceFlags: 1 }
    const within = trace.setSpanContext(ROOT_CONTEXT, ambient)
    context.with(within, () => run.eachMessage(payload()))
    driver.api.traceConsumer(consumer, { parent: 'ambient' })
    context.with(within, () => run.eachMessage(payload()))
    const [first, second] = sdk.named('process t')
    expect(first!.parentSpanContext?.traceId).toBe(traceId(1))
    expect(first!.links.map(link => link.context.traceId)).toEqual([traceId(1), traceId(6)])
    expect(second!.parentSpanContext?.traceId).toBe(traceId(6))
    expect(second!.links.map(link => link.context.traceId)).toEqual([traceId(1)])
  })

  test('hostile baggage reaches neither the handler nor what the handler sends', async () => {
    const out = newTopic()
    const producer = await driver.producer()
    const seen: unknown[] = []
    await process([{ headers: { baggage: 'good=1,bad=2;☃,evil=3;a\r\nb,__proto__=x,p=%zz' } }], async () => {
      const entries = propagation.getActiveBaggage()?.getAllEntries() ?? []
      seen.push(entries.map(([key, { value }]) => [key, value]))
      await producer.send({ topic: out, messages: [{ value: 'v' }] })
    })
    expect(seen).toEqual([[['good', '1']]])
    const [record] = await driver.wire(out)
    expect(headerNames(record)).toEqual(['traceparent', 'baggage'])
    expect(headerValues(record, 'baggage')[0]).toMatch(/^[\x20-\x7e]+$/)
  })
})
