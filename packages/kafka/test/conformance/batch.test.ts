// Conformance C: batches. Cases C44-C47, C49, C50.
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { combinations, type Driver, loaders, type PutRecord } from '../support/drivers.ts'
import { attributesOf, type Sdk, startSdk } from '../support/sdk.ts'
import { inSpan, spanId, traceId, traceparent, until } from '../support/traces.ts'

const activeSpan = () => trace.getSpanContext(context.active())?.spanId

describe.each(combinations)('%s by %s: a consumer of batches', (client, mode) => {
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

  /** Consumes the records as one batch; the client may deliver them as several, so the handler is told which is first. */
  async function process(records: PutRecord[], eachBatch: (payload: any) => Promise<void>) {
    const t = newTopic()
    for (const record of records) await driver.put(t, record)
    let handled = 0
    const handler = async function (this: unknown, payload: any) {
      try {
        await eachBatch.call(this, payload)
      } finally {
        handled += payload.batch.messages.length
      }
    }
    await driver.consume([t], { eachBatch: handler }, { groupId: `group-${t}` })
    await until(() => handled >= records.length, 'the batch')
    await until(() => sdk.spans().some(isBatch), 'its span')
    return { t, batches: sdk.spans().filter(isBatch), all: sdk.named(`process ${t}`) }
  }
  const isBatch = (span: { attributes: object }) => 'messaging.batch.message_count' in span.attributes

  const two = () => [1, 2].map(n => ({ key: `k${n}`, headers: { traceparent: traceparent(n) } }))

  test('C44 a batch of two gives one root span that links to both senders', async () => {
    driver.configure({ captureKey: true })
    const { t, all } = await process(two(), async () => {})
    expect(all).toHaveLength(1)
    const [span] = all
    expect(span!.kind).toBe(SpanKind.CONSUMER)
    expect(span!.parentSpanContext).toBeUndefined()
    expect(attributesOf(span)).toMatchObject({
      'messaging.operation.type': 'process',
      'messaging.batch.message_count': 2,
      'messaging.destination.name': t,
      'messaging.destination.partition.id': '0',
      'messaging.consumer.group.name': `group-${t}`,
      'messaging.client.id': 'app',
    })
    expect(attributesOf(span)).not.toHaveProperty(['messaging.kafka.offset'])
    expect(span!.links.map(({ context: { spanId }, attributes }) => [spanId, attributes])).toEqual([
      [spanId(1), { 'messaging.kafka.offset': 0, 'messaging.kafka.message.key': 'k1' }],
      [spanId(2), { 'messaging.kafka.offset': 1, 'messaging.kafka.message.key': 'k2' }],
    ])
  })

  test('C45 each() gives a message its own span, context and baggage', async () => {
    const seen: unknown[] = []
    const records = two().map((record, i) => ({
      ...record,
      headers: { ...record.headers, baggage: `n=${i}` },
    }))
    const { t, batches, all } = await process(
      records,
      driver.api.eachBatch(async ({ batch }, each) => {
        for (const message of batch.messages) {
          await each(message, async span => {
            await new Promise(resolve => setTimeout(resolve, 5))
            const own = propagation.getActiveBaggage()?.getEntry('n')?.value
            seen.push([activeSpan() === span.spanContext().spanId, own])
          })
        }
        seen.push(activeSpan())
      }),
    )
    const messages = all.filter(span => !isBatch(span))
    expect(messages.map(span => span.parentSpanContext?.spanId)).toEqual([spanId(1), spanId(2)])
    const batch = batches[0]!.spanContext()
    expect(messages.map(span => span.links.map(link => link.context.spanId))).toEqual([
      [batch.spanId],
      [batch.spanId],
    ])
    expect(messages.map(span => attributesOf(span)['messaging.kafka.offset'])).toEqual([0, 1])
    expect(seen).toEqual([[true, '0'], [true, '1'], batch.spanId])
    const ms = (duration: [number, number]) => duration[0] * 1000 + duration[1] / 1e6
    for (const span of messages)
      expect(ms(span.duration as never)).toBeLessThan(ms(batches[0]!.duration as never))
    expect(t).toBeDefined()
  })

  test('C46 messages of one sender give one link', async () => {
    const { batches } = await process(
      [1, 1].map(n => ({ headers: { traceparent: traceparent(n) } })),
      async () => {},
    )
    expect(batches[0]!.links).toHaveLength(1)
    expect(attributesOf(batches[0])).not.toHaveProperty(['kafka.batch.unlinked_messages'])
  })

  test('C47 a handler that fails after the first message marks the batch, not that message', async () => {
    const failure = new Error('second')
    const caught: unknown[] = []
    let calls = 0
    const handler = driver.api.eachBatch(async ({ batch }, each) => {
      if (calls++ > 0) return
      try {
        await each(batch.messages[0]!, async () => {})
        throw failure
      } catch (error) {
        caught.push(error)
        throw error
      }
    })
    const { all, batches } = await process(
      [1, 2, 3].map(n => ({ headers: { traceparent: traceparent(n) } })),
      handler,
    )
    expect(caught).toEqual([failure])
    const messages = all.filter(span => !isBatch(span))
    expect(messages).toHaveLength(1)
    expect(messages[0]!.status.code).toBe(SpanStatusCode.UNSET)
    expect(batches[0]!.status).toEqual({ code: SpanStatusCode.ERROR, message: 'second' })
  })

  test('C47 the error of a batch handler is the very object that arrives at the client', async () => {
    let run: any
    const consumer = driver.api.traceConsumer({
      run: (config: any) => void (run = config),
      subscribe() {},
    }) as any
    const failure = new Error('mine')
    consumer.run({ eachBatch: () => Promise.reject(failure) })
    const batch = { topic: 't', partition: 0, messages: [{ value: null }] }
    await expect(run.eachBatch({ batch })).rejects.toBe(failure)
  })

  test('C49 "iterate" gives each turn of a for...of its own context, whatever ends the loop', async () => {
    driver.configure({ batchMessageSpans: 'iterate' })
    const log: unknown[] = []
    let outer: string | undefined
    const { all, batches } = await process(
      [1, 2, 3].map(n => ({ headers: { traceparent: traceparent(n) } })),
      async ({ batch }) => {
        outer = activeSpan()
        const at = () => trace.getSpanContext(context.active())?.traceId
        for (const _ of batch.messages) {
          log.push(at())
          await new Promise(resolve => setTimeout(resolve, 1))
          log.push(at())
        }
        log.push(activeSpan() === outer)
        for (const _ of batch.messages) break
        log.push(activeSpan() === outer)
        try {
          for (const _ of batch.messages) throw new Error('body')
        } catch {
          log.push(activeSpan() === outer)
        }
      },
    )
    expect(log).toEqual([1, 1, 2, 2, 3, 3].map(traceId).concat([true, true, true] as never))
    expect(outer).toBe(batches[0]!.spanContext().spanId)
    const parents = all.filter(span => !isBatch(span)).map(span => span.parentSpanContext?.traceId)
    expect(parents).toEqual([1, 2, 3, 1, 1].map(traceId))
  })

  test('C49 each.messages does the same without the option, and the frame outside never changes', async () => {
    const log: unknown[] = []
    const handler = driver.api.eachBatch(async ({ batch }, each) => {
      for (const message of each.messages) {
        log.push(trace.getSpanContext(context.active())?.traceId, batch.messages.includes(message))
        await Promise.resolve()
      }
    })
    await inSpan(async span => {
      let run: any
      const consumer = driver.api.traceConsumer({
        run: (config: any) => void (run = config),
        subscribe() {},
      }) as any
      consumer.run({ eachBatch: handler })
      const messages = [1, 2].map(n => ({ value: null, headers: { traceparent: traceparent(n) } }))
      const running = run.eachBatch({ batch: { topic: 't', partition: 0, messages } })
      expect(activeSpan()).toBe(span.spanContext().spanId)
      await running
      expect(activeSpan()).toBe(span.spanContext().spanId)
    })
    expect(log).toEqual([traceId(1), true, traceId(2), true])
  })

  test('C50 500 messages in mode "none" give one span with their number', async () => {
    driver.configure({ batchMessageSpans: 'none' })
    let run: any
    const consumer = driver.api.traceConsumer(
      { run: (config: any) => void (run = config), subscribe() {} },
      {
        batchMessageSpans: 'none',
      },
    ) as any
    const seen = new Set<unknown>()
    consumer.run({
      eachBatch: driver.api.eachBatch(async ({ batch }, each) => {
        for (const message of batch.messages) await each(message, async () => void seen.add(activeSpan()))
      }),
    })
    const messages = Array.from({ length: 500 }, (_, i) => {
      const id = (i + 1).toString(16).padStart(16, '0')
      return { value: null, offset: String(i), headers: { traceparent: `00-${traceId(1)}-${id}-01` } }
    })
    await run.eachBatch({ batch: { topic: 't', partition: 0, messages } })
    expect(sdk.spans()).toHaveLength(1)
    expect(attributesOf(sdk.spans()[0])['messaging.batch.message_count']).toBe(500)
    const { links, droppedLinksCount } = sdk.spans()[0]!
    expect([links.length, links[0]!.context.spanId, droppedLinksCount]).toEqual([
      128,
      `${'0'.repeat(15)}1`,
      0,
    ])
    // What is not among them is counted, not lost without a word.
    expect(attributesOf(sdk.spans()[0])['kafka.batch.unlinked_messages']).toBe(500 - 128)
    expect([...seen]).toEqual([sdk.spans()[0]!.spanContext().spanId])
  })

  test('the helper alone, without an instrumented consumer, gives the same spans', async () => {
    const handler = driver.api.eachBatch(
      async ({ batch }, each) => {
        for (const message of batch.messages) await each(message, async () => {})
      },
      { groupId: 'mine' },
    )
    const messages = [1, 2].map(n => ({ value: null, headers: { traceparent: traceparent(n) } }))
    await handler({ batch: { topic: 't', partition: 0, messages } })
    const spans = sdk.named('process t')
    expect(spans.filter(isBatch)).toHaveLength(1)
    expect(spans).toHaveLength(3)
    expect(spans.every(span => span.attributes['messaging.consumer.group.name'] === 'mine')).toBe(true)
  })
})
