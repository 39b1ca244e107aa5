// What applications hand over that nobody expects: results that are almost promises, records that cannot be read,
// options of the wrong type. All of it has to end as it would without us.
import { context, trace } from '@opentelemetry/api'
import {
  eachBatch,
  extractContext,
  messageLinks,
  startProcessSpan,
  traceConsumer,
  traceMessage,
  traceProducer,
} from '../../src/index.ts'
import { attributesOf, type Sdk, startSdk } from '../support/sdk.ts'
import { traceId, traceparent } from '../support/traces.ts'

let sdk: Sdk
beforeEach(() => {
  sdk = startSdk()
})
afterEach(() => sdk.shutdown())

const message = () => ({ topic: 'orders', value: 'v', headers: { traceparent: traceparent(1) } })
const activeTrace = () => trace.getSpanContext(context.active())?.traceId

describe('what a handler returns', () => {
  test('a query builder does its work once, in the span of the message', async () => {
    const seen: unknown[] = []
    const query = {
      // biome-ignore lint/suspicious/noThenProperty: this is what query builders are
      then(resolve: (rows: string[]) => void) {
        seen.push(activeTrace())
        setImmediate(resolve, ['row'])
      },
    }
    const rows = await traceMessage(message(), {}, () => query as unknown as Promise<string[]>)
    expect(rows).toEqual(['row'])
    expect(seen).toEqual([traceId(1)])
    expect(sdk.spans()).toHaveLength(1)
  })

  test('the then of another promise library runs in the span too, and what it returns comes out', async () => {
    const derived = Promise.resolve('derived')
    const other = {
      seen: undefined as unknown,
      // biome-ignore lint/suspicious/noThenProperty: this is what promise libraries are
      then(resolve: (value: string) => void) {
        this.seen = activeTrace()
        resolve('value')
        return derived
      },
      catch() {},
    }
    expect(traceMessage(message(), {}, () => other as unknown as Promise<string>)).toBe(derived)
    expect(other.seen).toBe(traceId(1))
    expect(sdk.spans()).toHaveLength(1)
  })

  test.each<[string, unknown]>([
    ['an error', new Error('no')],
    ['null', null],
    ['undefined', undefined],
    ['text', 'no'],
  ])('%s that it rejects with is what the caller gets, of every kind of promise', async (_, reason) => {
    const rejects = [
      async () => {
        throw reason
      },
      () => Promise.reject(reason),
      // biome-ignore lint/suspicious/noThenProperty: a thenable that is no promise
      () => ({ then: (_done: unknown, failed: (error: unknown) => void) => void failed(reason) }),
    ]
    for (const reject of rejects) {
      const outcome = await traceMessage(message(), {}, reject as () => Promise<unknown>).then(
        () => 'resolved',
        (error: unknown) => ({ error }),
      )
      expect(outcome).toEqual({ error: reason })
      expect((outcome as { error: unknown }).error).toBe(reason)
    }
    expect(sdk.spans().map(span => span.status.code)).toEqual([2, 2, 2])
  })

  test('a then that cannot be read rejects, as await would, and ends the span', async () => {
    const failure = new Error('unreadable')
    const odd = Object.defineProperty({}, 'then', {
      get() {
        throw failure
      },
    })
    await expect(traceMessage(message(), {}, () => odd as Promise<void>)).rejects.toBe(failure)
    expect(sdk.spans()).toHaveLength(1)
  })

  test('an object with a then that is no function is a value', () => {
    // biome-ignore lint/suspicious/noThenProperty: no function
    const value = { then: 'later' }
    expect(traceMessage(message(), {}, () => value)).toBe(value)
    expect(sdk.spans()).toHaveLength(1)
  })
})

describe('a record that throws when it is read', () => {
  class Unreadable extends Error {}
  const reject = () => {
    throw new Unreadable()
  }
  const readOnce = (record: { topic?: unknown; messages?: unknown; topicMessages?: unknown }) =>
    Promise.resolve().then(() => [record.topic, record.messages, record.topicMessages, { ...record }])
  const unreadable = (...names: string[]) =>
    names.reduce((record, name) => Object.defineProperty(record, name, { get: reject, enumerable: true }), {
      topic: 'orders',
      messages: [{ value: 'v', topic: 'orders' }],
    })

  test.each([['topic'], ['messages'], ['acks']])(
    '%s: the rejection is the one of the client, for kafkajs',
    async name => {
      const producer = traceProducer({ send: readOnce, sendBatch: readOnce })
      for (const run of [
        () => producer.send(unreadable(name)),
        () =>
          producer.sendBatch(Object.defineProperty({}, 'topicMessages', { get: reject, enumerable: true })),
        () => producer.sendBatch({ topicMessages: [unreadable(name)] }).then(() => reject()),
      ]) {
        // Sent or rejected by the client, never thrown by us.
        const outcome = run()
        await expect(outcome).rejects.toBeInstanceOf(Unreadable)
      }
    },
  )

  test.each([['messages'], ['acks']])('%s: the same for platformatic', async name => {
    const producer = traceProducer({ send: readOnce, asStream() {} })
    await expect(producer.send(unreadable(name))).rejects.toBeInstanceOf(Unreadable)
  })
})

describe('options that no compiler looked at', () => {
  test('what is no possible value is said once, and the default stays', async () => {
    const wrong = {
      ignoreTopics: 'health',
      parent: 'sender',
      createSpans: 'yes',
      producerHook: 1,
      captureKey: null,
    } as object
    const sent: string[] = []
    const client = () => ({
      send: async (record: { topic: string }) => void sent.push(record.topic),
      sendBatch() {},
    })
    for (const producer of [traceProducer(client(), wrong), traceProducer(client(), wrong)]) {
      await producer.send({ topic: 'health', messages: [{ key: 'k', value: 'v' }] } as never)
    }
    expect(sent).toEqual(['health', 'health'])
    expect(sdk.named('send health')).toHaveLength(2)
    expect(sdk.said.map(line => /ORG_OTEL_KAFKA_OPTION (\w+):/.exec(line)?.[1]).sort()).toEqual(
      Object.keys(wrong).sort(),
    )
    expect(sdk.said.find(line => line.includes('ignoreTopics'))).toContain(
      'expected an array of names and regular expressions; using []',
    )
  })

  test('what is no text is not recorded as a key', async () => {
    const producer = traceProducer(
      { send: async (_: object) => {}, sendBatch() {} },
      { captureKey: () => ({ secret: 1 }) as unknown as string },
    )
    await producer.send({ topic: 'orders', messages: [{ key: 'k', value: 'v' }] })
    expect(attributesOf(sdk.named('send orders')[0])).not.toHaveProperty(['messaging.kafka.message.key'])
  })

  test('helpers without their second argument, and messages that are none, still run the handler', async () => {
    for (const odd of [undefined, null, 7, 'text', {}, Object.freeze({}), Object.freeze([])]) {
      expect(traceMessage(odd as never, undefined as never, () => 'done')).toBe('done')
      startProcessSpan(odd as never, undefined as never).end()
    }
    // Two for each of those that have headers to ask for; null and undefined are not even that.
    expect(sdk.spans()).toHaveLength(10)
  })

  test('a frozen payload with frozen messages is processed in every mode of a batch', async () => {
    let run: any
    const consumer = traceConsumer(
      { run: (config: unknown) => void (run = config), subscribe() {} },
      { batchMessageSpans: 'iterate' },
    ) as any
    const messages = Object.freeze([Object.freeze(message())])
    const payload = Object.freeze({ batch: Object.freeze({ topic: 'orders', partition: 0, messages }) })
    const seen: unknown[] = []
    const handle = async (given: typeof payload) => {
      for (const one of given.batch.messages) seen.push(one)
    }
    consumer.run({ eachBatch: handle })
    await run.eachBatch(payload)
    consumer.run({
      eachBatch: eachBatch(async (given: typeof payload, each) => {
        for (const one of given.batch.messages) each(one, () => seen.push(one))
      }),
    })
    await run.eachBatch(payload)
    expect(seen).toEqual([messages[0], messages[0]])
    expect(sdk.said.filter(line => line.includes('INTERNAL'))).toEqual([])
  })
})

describe('hostile headers in a batch', () => {
  const mega = 10_000_000
  const hostile: [string, object][] = [
    ['a traceparent of 10 MB', { traceparent: Buffer.alloc(mega, 'a') }],
    ['a traceparent of 10 MB of text', { traceparent: 'a'.repeat(mega) }],
    ['baggage of 10 MB', { baggage: 'a=1,'.repeat(mega / 4) }],
    [
      'a header named __proto__',
      JSON.parse('{"__proto__":{"traceparent":"x"},"constructor":"x","baggage":"__proto__=1"}'),
    ],
    [
      'a getter that throws',
      Object.defineProperty({}, 'traceparent', { get: () => nothing(), enumerable: true }),
    ],
  ]
  function nothing(): never {
    throw new Error('not readable')
  }

  test.each(hostile)('%s: no link, no cost, and the other messages keep theirs', (_, headers) => {
    const good = { headers: { traceparent: traceparent(2) } }
    const batch = [{ headers }, good]
    for (let i = 0; i < 20; i++) messageLinks(batch)
    let fastest = Number.POSITIVE_INFINITY
    for (let i = 0; i < 10; i++) {
      const started = performance.now()
      const links = messageLinks(batch)
      fastest = Math.min(fastest, performance.now() - started)
      expect(links.map(link => link.context.traceId)).toEqual([traceId(2)])
    }
    expect(fastest).toBeLessThan(1)
    extractContext(headers as never)
    expect(({} as Record<string, unknown>).traceparent).toBeUndefined()
  })
})
