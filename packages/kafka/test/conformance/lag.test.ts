// How far behind a consumer is, from what each client says about it in its own way.
import { channel } from 'node:diagnostics_channel'
import { type KafkaOptions, traceConsumer, untrace } from '../../src/index.ts'
import { type Sdk, startSdk } from '../support/sdk.ts'

let sdk: Sdk
beforeEach(() => {
  sdk = startSdk({ metrics: true })
})
afterEach(() => sdk.shutdown())

async function readLags(): Promise<unknown[]> {
  // Undefined while there is nothing to export at all.
  const exported = (await sdk.metrics()) as Awaited<ReturnType<Sdk['metrics']>> | undefined
  const lag = (exported?.scopeMetrics ?? [])
    .flatMap(scope => scope.metrics)
    .find(one => one.descriptor.name === 'kafka.consumer.records_lag')
  expect(lag?.descriptor.unit ?? '{record}').toBe('{record}')
  return (lag?.dataPoints ?? []).map(({ attributes, value }) => [
    attributes['messaging.destination.name'],
    attributes['messaging.destination.partition.id'],
    attributes['messaging.consumer.group.name'],
    value,
  ])
}

interface Client {
  consumer: object
  /** Partition 0 of "orders" and of "health", 7 behind. */
  deliver(): void
}

function kafkajs(): Client {
  const listeners = new Map<string, (event: object) => void>()
  const consumer = {
    run() {},
    subscribe() {},
    on(event: string, listener: (event: object) => void) {
      listeners.set(event, listener)
      return () => listeners.delete(event)
    },
  }
  const deliver = () => {
    for (const topic of ['orders', 'health'])
      listeners.get('consumer.start_batch_process')?.({ payload: { topic, partition: 0, offsetLag: '7' } })
  }
  return { consumer, deliver }
}

function confluent(): Client {
  let given: { eachBatch(payload: object): unknown }
  const consumer = { run: (config: typeof given) => void (given = config), _getInternalClient: () => null }
  const deliver = () => {
    consumer.run({ eachBatch: () => {} })
    for (const topic of ['orders', 'health'])
      given.eachBatch({ batch: { topic, partition: 0, messages: [], offsetLag: () => '7' } })
  }
  return { consumer, deliver }
}

function rdkafka(): Client {
  const message = (topic: string, offset: number) => ({ topic, partition: 0, offset, value: null })
  const consumer = {
    commitMessage() {},
    // The offset that the next message will get.
    getWatermarkOffsets: () => ({ lowOffset: 0, highOffset: 50 }),
    consume: (_: number, callback: (error: null, messages: object[]) => void) =>
      callback(
        null,
        ['orders', 'health'].flatMap(topic => [message(topic, 41), message(topic, 42)]),
      ),
  }
  return { consumer, deliver: () => consumer.consume(10, () => {}) }
}

function platformatic(): Client {
  const consumer = { consume() {}, joinGroup() {} }
  // -1: a partition of another member of the group.
  const lag = new Map([
    ['orders', [7n, -1n]],
    ['health', [7n]],
  ])
  return { consumer, deliver: () => channel('plt:kafka:consumer:lag').publish({ client: consumer, lag }) }
}

const clients = { kafkajs, confluent, rdkafka, platformatic }

describe.each(Object.keys(clients) as (keyof typeof clients)[])('%s', name => {
  function start(options: KafkaOptions = {}): Client {
    const client = clients[name]()
    traceConsumer(client.consumer, { groupId: 'billing', ...options })
    return client
  }

  test('the lag is the number of records behind the delivery, by topic, partition and group', async () => {
    start().deliver()
    expect(await readLags()).toEqual([
      ['orders', '0', 'billing', 7],
      ['health', '0', 'billing', 7],
    ])
  })

  test('an ignored topic has no lag either', async () => {
    start({ ignoreTopics: ['health'] }).deliver()
    expect(await readLags()).toEqual([['orders', '0', 'billing', 7]])
  })

  test('a client that is no longer traced has no lag', async () => {
    const client = start()
    untrace(client.consumer)
    client.deliver()
    expect(await readLags()).toEqual([])
  })
})
