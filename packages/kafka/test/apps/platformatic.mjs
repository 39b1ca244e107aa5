// @platformatic/kafka as it is, against the development broker. One process per mode of activation.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { suppressTracing } from '@opentelemetry/core'
import { B3Propagator } from '@opentelemetry/propagator-b3'
import {
  Consumer,
  jsonDeserializer,
  jsonSerializer,
  MessagesStreamModes,
  Producer,
  serializersFrom,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import * as sources from '../../src/index.ts'
import { startBroker } from '../support/broker.ts'
import { deepFreeze, inSpan, spanId, traceId, traceparent, until } from '../support/traces.ts'
import { headerNames, headerValues, readWire } from '../support/wire.ts'
import { check, configure, imports, options, runCases, sdk } from './check.mjs'

// With the preload active as well, the application's import is yet another copy.
const api =
  process.env.TEST_PRELOAD === '1' ? createRequire(import.meta.url)(process.env.TEST_COMMONJS_COPY) : sources
const broker = await startBroker()
const open = []
const newTopic = broker.newTopic
const activeSpan = () => trace.getSpanContext(context.active())?.spanId

function newProducer(more = {}) {
  const bare = new Producer({
    clientId: 'app',
    bootstrapBrokers: [broker.address],
    serializers: stringSerializers,
    autocreateTopics: true,
    ...more,
  })
  const producer = imports ? api.traceProducer(bare, options()) : bare
  assert.equal(producer, bare)
  open.push(producer)
  return producer
}

async function consume(topic, more = {}) {
  const bare = new Consumer({
    clientId: 'app',
    groupId: `group-${topic}`,
    bootstrapBrokers: [broker.address],
    deserializers: stringDeserializers,
    maxWaitTime: 20,
    ...more,
  })
  const consumer = imports ? api.traceConsumer(bare, options()) : bare
  const stream = await consumer.consume({
    topics: [topic],
    mode: MessagesStreamModes.EARLIEST,
    autocommit: true,
  })
  open.push({ close: () => stream.close().then(() => consumer.close(true)) })
  return stream
}

async function closeAll() {
  for (const client of open.splice(0)) await client.close(true)
}

/** A producer that nobody instruments, for contexts from elsewhere. */
async function put(topic, headers, more = {}) {
  const producer = new Producer({
    clientId: 'other',
    bootstrapBrokers: [broker.address],
    autocreateTopics: true,
  })
  api.untrace(producer)
  const entries = Object.entries(headers).map(([name, value]) => [Buffer.from(name), Buffer.from(value)])
  await producer.send({ messages: [{ topic, value: Buffer.from('v'), headers: new Map(entries), ...more }] })
  await producer.close()
  sdk.reset()
}

async function sendInS(messages, more = {}) {
  const producer = newProducer(more)
  let parent
  const result = await inSpan(span => {
    parent = span.spanContext().spanId
    return producer.send({ messages })
  })
  return { result, parent, producer }
}

const wire = topic => readWire(broker.address, topic)
const named = name => sdk.named(name)
const attributesOf = span => span?.attributes ?? {}
const has = (actual, expected) => {
  for (const [key, value] of Object.entries(expected)) assert.deepEqual(actual[key], value, key)
}

check('C01 one message gives one send span, and its context is on the wire', async () => {
  const t = newTopic()
  configure({ captureKey: true })
  const { parent } = await sendInS([{ topic: t, key: 'k', value: 'v' }])
  const [span, ...others] = named(`send ${t}`)
  assert.deepEqual(others, [])
  assert.equal(span.kind, SpanKind.PRODUCER)
  assert.equal(span.parentSpanContext.spanId, parent)
  assert.equal(span.status.code, SpanStatusCode.UNSET)
  has(span.attributes, {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.destination.name': t,
    'messaging.kafka.message.key': 'k',
    'messaging.client.id': 'app',
    'messaging.batch.message_count': undefined,
  })
  const { traceId: own, spanId: id } = span.spanContext()
  assert.deepEqual(headerValues((await wire(t))[0], 'traceparent'), [`00-${own}-${id}-01`])
})

check('C02 deep-frozen messages are sent, and the caller objects stay as they were', async () => {
  const t = newTopic()
  const messages = deepFreeze([
    { topic: t, value: 'a', headers: { own: '1' } },
    { topic: t, value: 'b' },
  ])
  const before = structuredClone(messages)
  await sendInS(messages)
  assert.deepEqual(messages, before)
  assert.deepEqual((await wire(t)).map(headerNames), [['own', 'traceparent'], ['traceparent']])
})

check('C02 a Map of headers is not written to', async () => {
  const t = newTopic()
  const headers = new Map([['own', '1']])
  await sendInS([{ topic: t, value: 'a', headers }])
  assert.deepEqual([...headers], [['own', '1']])
  assert.deepEqual(headerNames((await wire(t))[0]), ['own', 'traceparent'])
})

check('C03 three messages to one topic give one span with a count', async () => {
  const t = newTopic()
  await sendInS(['a', 'b', 'c'].map(value => ({ topic: t, value })))
  const [span, ...others] = named(`send ${t}`)
  assert.deepEqual(others, [])
  assert.equal(span.attributes['messaging.batch.message_count'], 3)
  const own = span.spanContext().spanId
  const parents = (await wire(t)).map(record => headerValues(record, 'traceparent').join())
  assert.equal(parents.length, 3)
  for (const parent of parents) assert.match(parent, new RegExp(own))
})

check('C04 createSpans gives a create span per message and a client span with links', async () => {
  const t = newTopic()
  configure({ createSpans: true, captureKey: true })
  await sendInS(['a', 'b', 'c'].map(key => ({ topic: t, key, value: 'v', partition: 0 })))
  const creates = named(`create ${t}`)
  assert.deepEqual(
    creates.map(span => span.attributes['messaging.kafka.message.key']),
    ['a', 'b', 'c'],
  )
  const [send] = named(`send ${t}`)
  assert.equal(send.kind, SpanKind.CLIENT)
  const ids = creates.map(span => span.spanContext().spanId)
  assert.deepEqual(
    send.links.map(link => link.context.spanId),
    ids,
  )
  assert.deepEqual(
    (await wire(t)).map(record => headerValues(record, 'traceparent')[0].split('-')[2]),
    ids,
  )
})

check('C06 one send to two topics gives two spans, and the order on the wire stays', async () => {
  const [t1, t2] = [newTopic(), newTopic()]
  await sendInS([
    { topic: t1, value: '1' },
    { topic: t2, value: '2' },
    { topic: t1, value: '3' },
  ])
  assert.deepEqual(
    sdk
      .spans()
      .map(span => span.name)
      .sort(),
    ['S', `send ${t1}`, `send ${t2}`],
  )
  assert.equal(attributesOf(named(`send ${t1}`)[0])['messaging.batch.message_count'], 2)
  assert.deepEqual(
    (await wire(t1)).map(record => String(record.value)),
    ['1', '3'],
  )
  for (const t of [t1, t2]) {
    const own = named(`send ${t}`)[0].spanContext().spanId
    for (const record of await wire(t)) assert.match(headerValues(record, 'traceparent')[0], new RegExp(own))
  }
})

check('C07 sending nothing gives what the library gives, and no span', async () => {
  const producer = newProducer()
  const outcome = send =>
    send.then(
      value => ['value', value],
      error => ['error', error.message],
    )
  const traced = await outcome(producer.send({ messages: [] }))
  api.untrace(producer)
  assert.deepEqual(traced, await outcome(producer.send({ messages: [] })))
  assert.deepEqual(sdk.spans(), [])
})

check('C08 C09 C10 partition, tombstone and empty values', async () => {
  const t = newTopic()
  const producer = newProducer()
  await producer.send({ messages: [{ topic: t, value: null, partition: 0 }] })
  await producer.send({ messages: [{ topic: t, value: '' }] })
  const [tombstone, empty] = named(`send ${t}`)
  has(tombstone.attributes, {
    'messaging.destination.partition.id': '0',
    'messaging.kafka.message.tombstone': true,
  })
  assert.equal(empty.attributes['messaging.kafka.message.tombstone'], undefined)
})

check('C13 C14 baggage and other formats', async () => {
  const t = newTopic()
  const producer = newProducer()
  const baggage = propagation.createBaggage({ u: { value: 'é' } })
  await context.with(propagation.setBaggage(context.active(), baggage), () =>
    producer.send({ messages: [{ topic: t, value: 'v' }] }),
  )
  sdk.setPropagator(new B3Propagator())
  await producer.send({ messages: [{ topic: t, value: 'v' }] })
  propagation.disable()
  const result = await producer.send({ messages: [{ topic: t, value: 'v' }] })
  assert.ok(result)
  const records = await wire(t)
  assert.deepEqual(headerValues(records[0], 'baggage'), ['u=%C3%A9'])
  assert.deepEqual(records.slice(1).map(headerNames), [['b3'], []])
  sdk.setPropagator(globalThis.testW3c())
})

check('C15 an unsampled trace travels on, marked as unsampled', async () => {
  const t = newTopic()
  const producer = newProducer()
  const unsampled = { traceId: traceId(7), spanId: spanId(7), traceFlags: 0, isRemote: true }
  await context.with(trace.setSpanContext(context.active(), unsampled), () =>
    producer.send({ messages: [{ topic: t, value: 'v' }] }),
  )
  assert.deepEqual(sdk.spans(), [])
  assert.match(headerValues((await wire(t))[0], 'traceparent')[0], new RegExp(`^00-${traceId(7)}-\\w+-00$`))
})

check('C16 with tracing suppressed there is no span and no header', async () => {
  const t = newTopic()
  const producer = newProducer()
  await context.with(suppressTracing(context.active()), () =>
    producer.send({ messages: [{ topic: t, value: 'v' }] }),
  )
  assert.deepEqual(sdk.spans(), [])
  assert.deepEqual(headerNames((await wire(t))[0]), [])
})

check('C17 a rejection reaches the caller as the library made it, and the span names its code', async () => {
  const producer = newProducer({ autocreateTopics: false, retries: 0 })
  const failure = await producer.send({ messages: [{ topic: '..', value: 'v' }] }).catch(error => error)
  api.untrace(producer)
  const untouched = await producer.send({ messages: [{ topic: '..', value: 'v' }] }).catch(error => error)
  assert.equal(failure.constructor, untouched.constructor)
  assert.equal(failure.message, untouched.message)
  const [span] = named('send ..')
  assert.equal(span.status.code, SpanStatusCode.ERROR)
  assert.match(span.attributes['error.type'], /^(UNKNOWN_TOPIC_OR_PARTITION|INVALID_TOPIC_EXCEPTION)$/)
})

check('C18 partition and offset of a single message are on the span, the offset as a number', async () => {
  const t = newTopic()
  const { producer } = await sendInS([{ topic: t, value: 'first' }])
  const result = await producer.send({ messages: [{ topic: t, value: 'second' }] })
  assert.equal(result.offsets[0].offset, 1n)
  has(attributesOf(named(`send ${t}`)[1]), {
    'messaging.destination.partition.id': '0',
    'messaging.kafka.offset': 1,
  })
})

check('C19 sends of a transaction are sends', async () => {
  const t = newTopic()
  const producer = newProducer({ idempotent: true, transactionalId: `tx-${t}` })
  const transaction = await producer.beginTransaction()
  await transaction.send({ messages: [{ topic: t, value: 'a' }] })
  await transaction.commit()
  assert.deepEqual(
    sdk.spans().map(span => span.name),
    [`send ${t}`],
  )
  assert.deepEqual(headerNames((await wire(t))[0]), ['traceparent'])
})

check('C23 the callback runs in the context of the caller, and send returns undefined', async () => {
  const t = newTopic()
  const producer = newProducer()
  const { own, seen } = await inSpan(
    span =>
      new Promise((resolve, reject) => {
        const returned = producer.send({ messages: [{ topic: t, value: 'v' }] }, error => {
          if (error) reject(error)
          else resolve({ own: span.spanContext().spanId, seen: activeSpan() })
        })
        assert.equal(returned, undefined)
      }),
  )
  assert.equal(seen, own)
  assert.equal(named(`send ${t}`).length, 1)
})

check('a producer stream sends in the context each message was written in', async () => {
  const t = newTopic()
  const producer = newProducer()
  const stream = producer.asStream({ batchSize: 3, batchTime: 1000 })
  const parents = []
  for (const value of ['a', 'b']) {
    await inSpan(span => {
      parents.push(span.spanContext().spanId)
      stream.write({ topic: t, value })
    })
  }
  stream.write({ topic: t, value: 'c' })
  await once(stream, 'flush')
  await stream.close()
  const spans = named(`send ${t}`)
  assert.deepEqual(
    spans.map(span => span.parentSpanContext?.spanId),
    [...parents, undefined],
  )
  const onWire = (await wire(t)).map(record => headerValues(record, 'traceparent')[0].split('-')[2])
  assert.deepEqual(
    onWire,
    spans.map(span => span.spanContext().spanId),
  )
})

for (const [name, serializers, arrives] of [
  ['no', undefined, true],
  ['string', stringSerializers, true],
  ['JSON', serializersFrom(jsonSerializer), false],
  ['wrapped JSON', 'wrapped', true],
]) {
  check(`headers with ${name} serializers`, async () => {
    const t = newTopic()
    const used =
      serializers === 'wrapped' ? api.otelSerializers(serializersFrom(jsonSerializer)) : serializers
    const value = name === 'no' ? Buffer.from('v') : 'v'
    const own = name === 'no' ? new Map([[Buffer.from('own'), Buffer.from('1')]]) : { own: '1' }
    await sendInS([{ topic: t, key: value, value, headers: own }], { serializers: used })
    const [record] = await wire(t)
    const [span] = named(`send ${t}`)
    const { traceId: trace, spanId: id } = span.spanContext()
    assert.deepEqual(headerValues(record, 'traceparent'), arrives ? [`00-${trace}-${id}-01`] : [])
    assert.equal(record.headers.length, arrives ? 2 : 1)
    assert.equal(span.kind, arrives ? SpanKind.PRODUCER : SpanKind.CLIENT)
    assert.equal(
      sdk.said.some(line => line.includes('ORG_OTEL_KAFKA_SERIALIZERS')),
      !arrives,
    )
  })
}

check('C40 a data listener runs in the span of its message until its promise settles', async () => {
  const t = newTopic()
  for (const n of [1, 2]) await put(t, { traceparent: traceparent(n) })
  const stream = await consume(t)
  const seen = []
  let finish
  const listener = async message => {
    seen.push([message.offset, activeSpan()])
    if (seen.length === 1) await new Promise(resolve => (finish = resolve))
    seen.push(activeSpan())
  }
  stream.on('data', listener)
  while (seen.length < 3) await new Promise(resolve => setTimeout(resolve, 2))
  assert.equal(named(`process ${t}`).length, 1)
  finish()
  await new Promise(resolve => setImmediate(resolve))
  const spans = named(`process ${t}`).sort(
    (a, b) => a.attributes['messaging.kafka.offset'] - b.attributes['messaging.kafka.offset'],
  )
  assert.deepEqual(
    spans.map(span => span.parentSpanContext.traceId),
    [traceId(1), traceId(2)],
  )
  const [first, second] = spans.map(span => span.spanContext().spanId)
  assert.deepEqual(seen, [[0n, first], [1n, second], second, first])
  has(spans[0].attributes, {
    'messaging.consumer.group.name': `group-${t}`,
    'messaging.client.id': 'app',
    'messaging.destination.partition.id': '0',
    'messaging.kafka.offset': 0,
  })
  stream.off('data', listener)
  assert.equal(stream.listenerCount('data'), 0)
})

check('C40 what is only buffered has no span', async () => {
  const t = newTopic()
  for (const n of [1, 2, 3]) await put(t, { traceparent: traceparent(n) })
  const stream = await consume(t)
  const [message] = await once(stream, 'data')
  stream.pause()
  assert.equal(message.offset, 0n)
  await new Promise(resolve => setTimeout(resolve, 50))
  assert.ok(named(`process ${t}`).length < 3)
  assert.equal(named(`process ${t}`).length, 1)
})

for (const [name, more] of [
  ['Buffer', { deserializers: undefined }],
  ['string', {}],
  // What this one does not understand it drops, so that only the bytes on the wire still have the context.
  [
    'tolerant JSON',
    { deserializers: { ...stringDeserializers, headerKey: tolerantJson, headerValue: tolerantJson } },
  ],
]) {
  check(`C41 traceMessage finds the sender with ${name} header deserializers`, async () => {
    const t = newTopic()
    await put(t, { traceparent: traceparent(4), baggage: 'k=v' })
    const stream = await consume(t, more)
    for await (const message of stream) {
      await api.traceMessage(message, {}, async () => {
        assert.equal(propagation.getActiveBaggage()?.getEntry('k')?.value, 'v')
      })
      break
    }
    const [span, ...others] = named(`process ${t}`)
    assert.deepEqual(others, [])
    assert.deepEqual([span.parentSpanContext.traceId, span.links.length], [traceId(4), 1])
    assert.equal(span.attributes['messaging.consumer.group.name'], `group-${t}`)
  })
}

function tolerantJson(data) {
  try {
    return jsonDeserializer(data)
  } catch {
    return undefined
  }
}

check('C41 headers that another library wrote as JSON are understood through the deserializer', async () => {
  const t = newTopic()
  await put(t, { '"traceparent"': JSON.stringify(traceparent(5)) })
  const stream = await consume(t, {
    deserializers: { ...stringDeserializers, headerKey: jsonDeserializer, headerValue: jsonDeserializer },
  })
  for await (const message of stream) {
    api.traceMessage(message, {}, () => {})
    break
  }
  assert.equal(named(`process ${t}`)[0].parentSpanContext.traceId, traceId(5))
})

check('C30 B3 headers in the mixed case of Java are understood', async () => {
  const t = newTopic()
  await put(t, { 'X-B3-TraceId': traceId(8), 'X-B3-SpanId': spanId(8), 'X-B3-Sampled': '1' })
  sdk.setPropagator(new B3Propagator())
  const stream = await consume(t)
  await once(stream, 'data')
  sdk.setPropagator(globalThis.testW3c())
  assert.equal(named(`process ${t}`)[0].parentSpanContext.traceId, traceId(8))
})

check('C37 the time in the queue is recorded where the record has a timestamp', async () => {
  const t = newTopic()
  await put(t, {}, { timestamp: BigInt(Date.now() - 50) })
  await put(t, {}, { timestamp: BigInt(Date.now() + 60_000) })
  const stream = await consume(t)
  let heard = 0
  stream.on('data', () => heard++)
  await until(() => heard === 2, 'two messages')
  const [past, future] = named(`process ${t}`).map(span => span.attributes['kafka.record.queue_time_ms'])
  assert.ok(past >= 50 && past < 60_000, String(past))
  assert.equal(future, 0)
  configure({ captureQueueTime: false })
  const silent = await consume(t, { groupId: `silent-${t}` })
  await once(silent, 'data')
  assert.equal('kafka.record.queue_time_ms' in named(`process ${t}`)[2].attributes, false)
})

check('C48 messages collected over two topics have their topics and partitions on the links', async () => {
  const [t1, t2] = [newTopic(), newTopic()]
  await put(t1, { traceparent: traceparent(1) })
  await put(t2, { traceparent: traceparent(2) })
  const messages = []
  for (const t of [t1, t2]) {
    for await (const message of await consume(t)) {
      messages.push(message)
      break
    }
  }
  const links = api.messageLinks(messages)
  assert.deepEqual(
    links.map(link => link.context.traceId),
    [1, 2].map(traceId),
  )
  assert.deepEqual(
    links.map(link => link.attributes),
    [t1, t2].map(topic => ({
      'messaging.kafka.offset': 0,
      'messaging.destination.name': topic,
      'messaging.destination.partition.id': '0',
    })),
  )
})

check('C42 withMessageContext gives the context of the sender without a span', async () => {
  const t = newTopic()
  await put(t, { traceparent: traceparent(6) })
  const stream = await consume(t)
  for await (const message of stream) {
    api.withMessageContext(message, () =>
      assert.equal(trace.getSpanContext(context.active()).traceId, traceId(6)),
    )
    break
  }
  assert.deepEqual(sdk.spans(), [])
})

check('consumeEach processes every message once, at most as many at a time as wanted', async () => {
  const t = newTopic()
  for (const n of [1, 2, 3, 4]) await put(t, { traceparent: traceparent(n) })
  const stream = await consume(t)
  let running = 0
  let most = 0
  let handled = 0
  const wrong = []
  await api.consumeEach(
    stream,
    async message => {
      most = Math.max(most, ++running)
      const own = trace.getSpanContext(context.active()).traceId
      await new Promise(resolve => setTimeout(resolve, 5))
      if (trace.getSpanContext(context.active()).traceId !== own) wrong.push(message.offset)
      running--
      if (++handled === 4) void stream.close()
    },
    { concurrency: 2 },
  )
  assert.deepEqual([most, handled, wrong], [2, 4, []])
  assert.deepEqual(
    named(`process ${t}`)
      .map(span => span.parentSpanContext.traceId)
      .sort(),
    [1, 2, 3, 4].map(traceId),
  )
})

check('consumeEach stops at the first failure and rejects with it', async () => {
  const t = newTopic()
  for (const n of [1, 2, 3]) await put(t, { traceparent: traceparent(n) })
  const stream = await consume(t)
  const failure = new Error('mine')
  const error = await api.consumeEach(stream, () => Promise.reject(failure), { concurrency: 2 }).catch(e => e)
  assert.equal(error, failure)
  assert.equal(named(`process ${t}`)[0].status.code, SpanStatusCode.ERROR)
})

check('consumeEach with room for more messages fails before the next one comes', async () => {
  const t = newTopic()
  await put(t, { traceparent: traceparent(1) })
  const stream = await consume(t)
  const handled = []
  const failure = new Error('mine')
  const handle = async message => {
    handled.push(message.offset)
    throw failure
  }
  const error = await api.consumeEach(stream, handle, { concurrency: 3 }).catch(e => e)
  assert.equal(error, failure)
  await put(t, { traceparent: traceparent(2) })
  await new Promise(resolve => setTimeout(resolve, 100))
  assert.deepEqual(handled, [0n])
})

check('C51 tracing again changes nothing', async () => {
  const t = newTopic()
  const producer = newProducer()
  assert.equal(api.traceProducer(api.traceProducer(producer)), producer)
  await producer.send({ messages: [{ topic: t, value: 'v' }] })
  assert.equal(named(`send ${t}`).length, 1)
  assert.deepEqual(headerNames((await wire(t))[0]), ['traceparent'])
})

check('C52 without an SDK the options pass by identity', async () => {
  const seen = []
  class Spy extends Producer {
    send(...args) {
      seen.push(args)
      return super.send(...args)
    }
  }
  const t = newTopic()
  const bare = new Spy({
    clientId: 'app',
    bootstrapBrokers: [broker.address],
    serializers: stringSerializers,
    autocreateTopics: true,
  })
  const producer = imports ? api.traceProducer(bare, options()) : bare
  open.push(producer)
  const given = { messages: [{ topic: t, value: 'v' }] }
  await sdk.without(() => producer.send(given))
  assert.equal(seen.length, 1)
  assert.equal(seen[0][0], given)
  await producer.send(given)
  assert.notEqual(seen[1][0], given)
  assert.deepEqual((await wire(t)).map(headerNames), [[], ['traceparent']])
})

check('C59 metrics count each delivery once, with the units of the conventions', async () => {
  const t = newTopic()
  await sendInS(['a', 'b', 'c'].map(value => ({ topic: t, value })))
  const stream = await consume(t)
  let heard = 0
  // A message that is counted when it is handed out, and again by a helper, would be one too many.
  stream.on('data', message => api.traceMessage(message, {}, () => void heard++))
  await until(() => heard === 3, 'three messages')
  const { scopeMetrics } = await sdk.metrics()
  const found = scopeMetrics.flatMap(scope => scope.metrics)
  const points = name =>
    found
      .filter(one => one.descriptor.name === name)
      .flatMap(one => one.dataPoints)
      .filter(point => point.attributes['messaging.destination.name'] === t)
      .map(point => point.value.count ?? point.value)
  assert.deepEqual(points('messaging.client.sent.messages'), [3])
  assert.deepEqual(points('messaging.client.consumed.messages'), [3])
  assert.deepEqual(points('messaging.client.operation.duration'), [1])
  assert.deepEqual(points('messaging.process.duration'), [3])
  const units = Object.fromEntries(found.map(({ descriptor }) => [descriptor.name, descriptor.unit]))
  has(units, {
    'messaging.client.sent.messages': '{message}',
    'messaging.client.consumed.messages': '{message}',
    'messaging.client.operation.duration': 's',
    'messaging.process.duration': 's',
  })
})

check('C55 without propagation there are client spans and no headers', async () => {
  const t = newTopic()
  configure({ propagation: false })
  await sendInS([{ topic: t, value: 'v' }])
  assert.equal(named(`send ${t}`)[0].kind, SpanKind.CLIENT)
  assert.deepEqual(headerNames((await wire(t))[0]), [])
})

check('C56 a hook that throws changes nothing', async () => {
  const t = newTopic()
  configure({
    producerHook() {
      throw new Error('hook')
    },
  })
  await sendInS([{ topic: t, value: 'v' }])
  assert.equal(named(`send ${t}`).length, 1)
  assert.ok(sdk.said.some(line => line.includes('producerHook: Error: hook')))
  sdk.said.length = 0
})

check('C57 an ignored topic has no span and no header, also beside others', async () => {
  const [t, quiet] = [newTopic(), newTopic()]
  configure({ ignoreTopics: [quiet] })
  await sendInS([
    { topic: t, value: 'v' },
    { topic: quiet, value: 'v' },
  ])
  assert.deepEqual(
    sdk
      .spans()
      .map(span => span.name)
      .sort(),
    ['S', `send ${t}`],
  )
  assert.deepEqual(headerNames((await wire(quiet))[0]), [])
})

check('C58 untrace gives back the functions of the library', async () => {
  const t = newTopic()
  const producer = newProducer()
  api.untrace(producer)
  await producer.send({ messages: [{ topic: t, value: 'v' }] })
  assert.deepEqual(sdk.spans(), [])
  assert.equal(Object.hasOwn(producer, 'send'), false)
})

await runCases()
await closeAll()
await broker.stop()
process.exit(0)
