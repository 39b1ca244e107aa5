import { randomUUID } from 'node:crypto'
import { type Consumer, type EachMessagePayload, Kafka, logLevel, type Producer } from 'kafkajs'
import { type KafkaBroker, startKafkaBroker } from './broker.ts'

let broker: KafkaBroker
let kafka: Kafka
const open: (Consumer | Producer)[] = []

beforeAll(async () => {
  broker = await startKafkaBroker()
  kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING, retry: { retries: 2 } })
})
afterEach(async () => {
  await Promise.all(open.splice(0).map(client => client.disconnect()))
})
afterAll(() => broker.stop())

async function producer(options = {}): Promise<Producer> {
  const created = kafka.producer(options)
  open.push(created)
  await created.connect()
  return created
}

/** A consumer of `topic` from the beginning, with a list that fills and a wait for its length. */
async function consume(topic: string, options: { groupId?: string; readUncommitted?: boolean } = {}) {
  const consumer = kafka.consumer({
    groupId: options.groupId ?? randomUUID(),
    maxWaitTimeInMs: 50,
    heartbeatInterval: 100,
    readUncommitted: options.readUncommitted ?? false,
  })
  open.push(consumer)
  const messages: EachMessagePayload[] = []
  let wake = () => {}
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const joined = new Promise<Record<string, number[]>>(resolve => {
    consumer.on(consumer.events.GROUP_JOIN, event => resolve(event.payload.memberAssignment))
  })
  await consumer.run({
    eachMessage: async payload => {
      messages.push(payload)
      wake()
    },
  })
  const received = async (count: number) => {
    while (messages.length < count) {
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
    return messages
  }
  return { consumer, messages, joined, received }
}

const newTopic = () => `t-${randomUUID()}`

test('a message travels from send to eachMessage within half a second, with key and headers as they were', async () => {
  const topic = newTopic()
  const started = performance.now()
  const p = await producer()
  const headers = { traceparent: '00-a-b-01', multi: ['1', '2'], binary: Buffer.from([0, 255]) }
  await p.send({ topic, messages: [{ key: 'k', value: 'v', headers }] })
  const { received } = await consume(topic)
  const [payload] = await received(1)
  const took = performance.now() - started
  const { message } = payload!
  expect(message.key!.toString()).toBe('k')
  expect(message.value!.toString()).toBe('v')
  expect(message.headers!.traceparent!.toString()).toBe('00-a-b-01')
  expect((message.headers!.multi as Buffer[]).map(String)).toEqual(['1', '2'])
  expect(message.headers!.binary).toEqual(Buffer.from([0, 255]))
  expect(took).toBeLessThan(500)
})

test('a consumer that already waits gets a new message at once, not at the end of its wait', async () => {
  const topic = newTopic()
  const p = await producer()
  await p.send({ topic, messages: [{ value: 'first' }] })
  const { received } = await consume(topic)
  await received(1)
  const sent = performance.now()
  await p.send({ topic, messages: [{ value: 'second' }] })
  await received(2)
  expect(performance.now() - sent).toBeLessThan(200)
})

test('gzip batches, null values and a hundred messages in one send keep their order', async () => {
  const topic = newTopic()
  const p = await producer()
  const messages = Array.from({ length: 100 }, (_, i) => ({ value: String(i), partition: 0 }))
  await p.send({ topic, messages, compression: 1 })
  await p.send({ topic, messages: [{ key: 'tombstone', value: null, partition: 0 }] })
  const { received } = await consume(topic)
  const all = await received(101)
  expect(all.slice(0, 100).map(each => each.message.value!.toString())).toEqual(messages.map(m => m.value))
  expect(all[100]!.message.value).toBeNull()
  expect(all.map(each => Number(each.message.offset))).toEqual(Array.from({ length: 101 }, (_, i) => i))
})

test('sendBatch writes to several topics and eachBatch reads them', async () => {
  const topics = [newTopic(), newTopic()]
  const p = await producer()
  await p.sendBatch({ topicMessages: topics.map(topic => ({ topic, messages: [{ value: topic }] })) })
  const consumer = kafka.consumer({ groupId: randomUUID(), maxWaitTimeInMs: 50 })
  open.push(consumer)
  await consumer.connect()
  await consumer.subscribe({ topics, fromBeginning: true })
  const seen = new Set<string>()
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachBatch: async ({ batch }) => {
          for (const message of batch.messages) seen.add(message.value!.toString())
          if (seen.size === 2) resolve()
        },
      })
      .catch(reject)
  })
  expect([...seen].sort()).toEqual([...topics].sort())
})

test('two consumers of a group share the partitions, and the one that stays takes over all of them', async () => {
  const topic = newTopic()
  const groupId = randomUUID()
  const p = await producer()
  await p.send({ topic, messages: [{ value: 'x', partition: 0 }] })
  const first = await consume(topic, { groupId })
  await first.received(1)
  const second = await consume(topic, { groupId })
  const secondShare = (await second.joined)[topic]!
  expect(secondShare.length).toBeGreaterThan(0)
  expect(secondShare.length).toBeLessThan(3)
  const alone = new Promise<number[]>(resolve => {
    second.consumer.on(second.consumer.events.GROUP_JOIN, event => {
      const share = event.payload.memberAssignment[topic]!
      if (share.length === 3) resolve(share)
    })
  })
  await first.consumer.disconnect()
  expect((await alone).sort()).toEqual([0, 1, 2])
})

test('a group goes on where it committed', async () => {
  const topic = newTopic()
  const groupId = randomUUID()
  const p = await producer()
  await p.send({ topic, messages: [{ value: 'one', partition: 0 }] })
  const before = await consume(topic, { groupId })
  await before.received(1)
  await before.consumer.disconnect()
  await p.send({ topic, messages: [{ value: 'two', partition: 0 }] })
  const after = await consume(topic, { groupId })
  const [payload] = await after.received(1)
  expect(payload!.message.value!.toString()).toBe('two')
})

test('an idempotent producer resending is not possible to tell from one that does not', async () => {
  const topic = newTopic()
  const p = await producer({ idempotent: true, maxInFlightRequests: 1 })
  for (const value of ['a', 'b', 'c']) await p.send({ topic, messages: [{ value, partition: 0 }] })
  const { received } = await consume(topic)
  expect((await received(3)).map(each => each.message.value!.toString())).toEqual(['a', 'b', 'c'])
})

test('read_committed sees what was committed and nothing that was aborted', async () => {
  const topic = newTopic()
  const p = await producer({ transactionalId: randomUUID(), idempotent: true, maxInFlightRequests: 1 })
  const inTransaction = async (value: string, end: 'commit' | 'abort') => {
    const transaction = await p.transaction()
    await transaction.send({ topic, messages: [{ value, partition: 0 }] })
    await transaction[end]()
  }
  await inTransaction('lost', 'abort')
  await inTransaction('kept', 'commit')
  await inTransaction('lost too', 'abort')
  await inTransaction('last', 'commit')
  const committed = await consume(topic)
  expect((await committed.received(2)).map(each => each.message.value!.toString())).toEqual(['kept', 'last'])
  const everything = await consume(topic, { readUncommitted: true })
  expect(await everything.received(4)).toHaveLength(4)
})

test('offsets sent in a transaction are committed with it', async () => {
  const topic = newTopic()
  const groupId = randomUUID()
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
  const p = await producer({ transactionalId: randomUUID(), idempotent: true, maxInFlightRequests: 1 })
  const committed = async () =>
    (await admin.fetchOffsets({ groupId, topics: [topic] }))[0]!.partitions[0]!.offset
  const topics = [{ topic, partitions: [{ partition: 0, offset: '7' }] }]
  const aborted = await p.transaction()
  await aborted.send({ topic, messages: [{ value: 'x' }] })
  await aborted.sendOffsets({ consumerGroupId: groupId, topics })
  await aborted.abort()
  expect(await committed()).toBe('-1')
  const kept = await p.transaction()
  await kept.send({ topic, messages: [{ value: 'x' }] })
  await kept.sendOffsets({ consumerGroupId: groupId, topics })
  await kept.commit()
  expect(await committed()).toBe('7')
  await admin.disconnect()
})

test('admin creates, lists, measures, grows and deletes', async () => {
  const topic = newTopic()
  const admin = kafka.admin()
  await admin.connect()
  expect(await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] })).toBe(true)
  expect(await admin.createTopics({ topics: [{ topic }] })).toBe(false)
  expect(await admin.listTopics()).toContain(topic)
  await admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] })
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  expect(topics[0]!.partitions).toHaveLength(4)
  const p = await producer()
  await p.send({ topic, messages: [{ value: '1', partition: 1 }] })
  const offsets = await admin.fetchTopicOffsets(topic)
  expect(offsets.find(each => each.partition === 1)).toMatchObject({ low: '0', high: '1' })
  const byTime = await admin.fetchTopicOffsetsByTimestamp(topic, 1)
  expect(byTime.find(each => each.partition === 1)!.offset).toBe('0')
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 1, offset: '1' }] })
  expect((await admin.fetchTopicOffsets(topic)).find(each => each.partition === 1)!.low).toBe('1')
  expect((await admin.describeCluster()).brokers).toHaveLength(1)
  await admin.deleteTopics({ topics: [topic] })
  expect(await admin.listTopics()).not.toContain(topic)
  await admin.disconnect()
})

test('groups can be listed, described and, when empty, deleted', async () => {
  const topic = newTopic()
  const groupId = `g-${randomUUID()}`
  const p = await producer()
  await p.send({ topic, messages: [{ value: 'x' }] })
  const { consumer, received } = await consume(topic, { groupId })
  await received(1)
  const admin = kafka.admin()
  await admin.connect()
  expect((await admin.listGroups()).groups.map(group => group.groupId)).toContain(groupId)
  const described = await admin.describeGroups([groupId])
  expect(described.groups[0]).toMatchObject({ state: 'Stable', protocolType: 'consumer' })
  expect(described.groups[0]!.members).toHaveLength(1)
  await expect(admin.deleteGroups([groupId])).rejects.toThrow()
  await consumer.disconnect()
  await admin.deleteGroups([groupId])
  expect((await admin.listGroups()).groups.map(group => group.groupId)).not.toContain(groupId)
  await admin.disconnect()
})

test('beyond its bytes the broker forgets the oldest records and readers go on with what is left', async () => {
  await using small = await startKafkaBroker({ maxBytes: 100_000, partitions: 1 })
  const client = new Kafka({ brokers: [small.address], logLevel: logLevel.NOTHING })
  const p = client.producer()
  await p.connect()
  for (let i = 0; i < 20; i++) await p.send({ topic: 'full', messages: [{ value: 'x'.repeat(10_000) }] })
  const admin = client.admin()
  await admin.connect()
  const [partition] = await admin.fetchTopicOffsets('full')
  expect(Number(partition!.high)).toBe(20)
  expect(Number(partition!.low)).toBeGreaterThan(9)
  await Promise.all([p.disconnect(), admin.disconnect()])
})

test('topics beyond a thousand are refused, not remembered', async () => {
  await using small = await startKafkaBroker({ partitions: 1 })
  const admin = new Kafka({ brokers: [small.address], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const topics = Array.from({ length: 1001 }, (_, i) => ({ topic: `t${i}` }))
  await expect(admin.createTopics({ topics })).rejects.toThrow()
  expect(small.topics()).toHaveLength(1000)
  await admin.disconnect()
})
