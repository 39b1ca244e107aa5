// The native half of @confluentinc/kafka-javascript and node-rdkafka, in memory: what their JavaScript calls and
// nothing else. It keeps every `produce` as it arrived, which is what would go on the wire.

export interface Produced {
  readonly topic: string
  readonly partition: number
  readonly value: Buffer | null
  readonly key: unknown
  readonly timestamp: unknown
  readonly opaque: unknown
  readonly headers: readonly Record<string, string | Buffer>[] | null | undefined
}

interface Stored {
  value: Buffer | null
  key: Buffer | null
  topic: string
  partition: number
  offset: number
  timestamp: number
  size: number
  headers?: Record<string, Buffer>[]
}

type Callbacks = {
  global?: Record<string, (...args: unknown[]) => void>
  event?: {
    delivery_cb?: (error: unknown, report: unknown) => void
    queue_non_empty_cb?: () => void
    event_cb?: (type: string, data: unknown) => void
  }
}

const errUnknownTopic = 3
const assignPartitions = -175

/** One broker: producers append to it and consumers read from it. */
export class FakeCluster {
  readonly produced: Produced[] = []
  readonly topics = new Map<string, Stored[]>()
  private readonly consumers = new Set<() => void>()

  recordsOf(topic: string): Produced[] {
    return this.produced.filter(record => record.topic === topic)
  }

  /** Puts a record in without a producer, headers as given: for contexts that come from elsewhere. */
  put(topic: string, record: Partial<Stored>): void {
    const stored = this.topics.get(topic) ?? []
    this.topics.set(topic, stored)
    stored.push({
      value: Buffer.from('v'),
      key: null,
      partition: 0,
      timestamp: Date.now(),
      size: 1,
      ...record,
      topic,
      offset: stored.length,
    })
    for (const wake of this.consumers) wake()
  }

  watch(wake: () => void): () => void {
    this.consumers.add(wake)
    return () => this.consumers.delete(wake)
  }
}

export function fakeLibrdkafka(cluster: FakeCluster) {
  class Client {
    readonly globalConf: Record<string, unknown>
    protected callbacks: Callbacks = {}

    constructor(globalConf: Record<string, unknown>) {
      this.globalConf = globalConf
    }

    configureCallbacks(add: boolean, callbacks: Callbacks) {
      this.callbacks = add ? callbacks : {}
    }

    connect(done: (error: unknown, info: unknown) => void) {
      setImmediate(() => done(null, { name: 'fake#1' }))
    }

    getMetadata(_options: unknown, done: (error: unknown, metadata: unknown) => void) {
      setImmediate(() => done(null, { topics: [], brokers: [] }))
    }

    disconnect(done: () => void) {
      setImmediate(done)
    }
  }

  class Producer extends Client {
    produce(
      topic: string,
      partition: number,
      value: Buffer | null,
      key: unknown,
      timestamp: unknown,
      opaque: unknown,
      headers: Produced['headers'],
    ): number {
      for (const header of headers ?? []) checkHeader(header)
      cluster.produced.push({ topic, partition, value, key, timestamp, opaque, headers })
      if (topic === 'queue-full') return -184
      const offset = cluster.topics.get(topic)?.length ?? 0
      if (topic !== 'missing') {
        cluster.put(topic, {
          value: value === null ? null : Buffer.from(value),
          key: key === null || key === undefined ? null : Buffer.from(key as string),
          partition: partition === -1 ? 0 : partition,
          // One key per object, the first: what src/producer.cc reads.
          headers: (headers ?? []).map(header => {
            const name = Object.keys(header)[0]!
            return { [name]: Buffer.from(header[name] as string) }
          }),
          ...(typeof timestamp === 'number' && timestamp > 0 && { timestamp }),
        })
      }
      const report = { topic, partition: partition === -1 ? 0 : partition, offset, key, opaque }
      const error =
        topic === 'missing' ? { message: 'Broker: Unknown topic or partition', code: errUnknownTopic } : null
      setImmediate(() => this.callbacks.event?.delivery_cb?.(error, report))
      return 0
    }

    poll() {}
    setPollInBackground() {}
    flush(_timeoutMs: number, done: (error: unknown) => void) {
      setImmediate(() => done(null))
    }
    initTransactions(_timeoutMs: number, done: (error: unknown) => void) {
      setImmediate(() => done(null))
    }
    beginTransaction(done: (error: unknown) => void) {
      setImmediate(() => done(null))
    }
    commitTransaction(_timeoutMs: number, done: (error: unknown) => void) {
      setImmediate(() => done(null))
    }
    abortTransaction(_timeoutMs: number, done: (error: unknown) => void) {
      setImmediate(() => done(null))
    }
  }

  class KafkaConsumer extends Client {
    private readonly position = new Map<string, number>()
    private subscribed: (string | RegExp)[] = []
    private assigned = false
    private stopWatching: (() => void) | undefined
    readonly committed: unknown[] = []

    private isSubscribed(topic: string): boolean {
      return this.subscribed.some(entry => (typeof entry === 'string' ? entry === topic : entry.test(topic)))
    }

    subscribe(topics: (string | RegExp)[]) {
      this.subscribed = topics
      this.stopWatching ??= cluster.watch(() =>
        setImmediate(() => this.callbacks.event?.queue_non_empty_cb?.()),
      )
      return 0
    }

    unsubscribe() {
      this.stopWatching?.()
      this.subscribed = []
      return 0
    }

    private take(limit: number): Stored[] {
      const taken: Stored[] = []
      for (const [topic, records] of cluster.topics) {
        if (!this.isSubscribed(topic)) continue
        for (let at = this.position.get(topic) ?? 0; at < records.length && taken.length < limit; at++) {
          taken.push({ ...records[at]! })
          this.position.set(topic, at + 1)
        }
      }
      return taken
    }

    consume(_timeoutMs: number, limit: number, ...rest: unknown[]) {
      const done = rest.at(-1) as (error: unknown, messages: unknown[], eofs: unknown[]) => void
      setImmediate(() => {
        const rebalance = this.callbacks.global?.rebalance_cb
        if (!this.assigned && rebalance) {
          this.assigned = true
          const partitions = [...cluster.topics.keys()].filter(topic => this.isSubscribed(topic))
          rebalance(
            { code: assignPartitions, message: 'Local: Assign partitions' },
            partitions.map(topic => ({ topic, partition: 0 })),
          )
        }
        // confluent asks for one at first and for more as it learns the rate; here it is always warm.
        done(null, this.take(rest.length > 1 ? Math.max(limit, 32) : limit), [])
      })
    }

    consumeLoop(
      _timeoutMs: number,
      _retryMs: number,
      deliver: (error: unknown, message: unknown, eof: unknown, warning: unknown) => void,
    ) {
      const pump = () => {
        for (const message of this.take(1000)) deliver(null, message, null, null)
      }
      this.stopWatching ??= cluster.watch(() => setImmediate(pump))
      setImmediate(pump)
    }

    assign() {}
    incrementalAssign() {}
    unassign() {}
    incrementalUnassign() {}
    assignments() {
      return [...cluster.topics.keys()]
        .filter(t => this.isSubscribed(t))
        .map(topic => ({ topic, partition: 0 }))
    }
    assignmentLost() {
      return false
    }
    rebalanceProtocol() {
      return 'EAGER'
    }
    offsetsStore() {}
    offsetsStoreSingle() {}
    commit(offsets: unknown) {
      this.committed.push(offsets)
      return 0
    }
    commitCb(offsets: unknown, done: (error: unknown) => void) {
      this.committed.push(offsets)
      setImmediate(() => done(null))
    }
    getWatermarkOffsets(topic: string) {
      return { lowOffset: 0, highOffset: cluster.topics.get(topic)?.length ?? 0 }
    }
    seek(toppar: { topic: string; offset: number }, _timeoutMs: number, done: (error: unknown) => void) {
      this.position.set(toppar.topic, Number(toppar.offset))
      setImmediate(() => done(null))
    }
    pause() {}
    resume() {}
  }

  return {
    Producer,
    KafkaConsumer,
    AdminClient: class {},
    Topic: class {},
    features: () => 'fake',
    librdkafkaVersion: '2.15.1',
    err2str: (code: number) => `error ${code}`,
  }
}

function checkHeader(header: Record<string, unknown>) {
  const value = header[Object.keys(header)[0]!]
  // NewHeader of the binding: anything else aborts or throws.
  if (typeof value !== 'string' && !Buffer.isBuffer(value))
    throw new TypeError('Header value must be string or Buffer')
}
