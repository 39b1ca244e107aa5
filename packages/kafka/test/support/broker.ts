// The broker behind the tests: the development broker, or with KAFKA_BROKERS a real one.
import { startKafkaBroker } from '@org/otel-devtools/kafka-broker'

export interface Broker {
  readonly address: string
  /** A topic of one partition that nobody else uses. */
  newTopic(): string
  stop(): Promise<void>
}

/** Topics a real broker is asked for at once: more than any suite needs. */
const prepared = 120

export async function startBroker(): Promise<Broker> {
  const given = process.env.KAFKA_BROKERS
  const prefix = `conformance-${process.pid}-${Date.now().toString(36)}`
  let topics = 0
  const newTopic = () => `${prefix}-${++topics}`
  if (given === undefined) {
    const { address, stop } = await startKafkaBroker({ partitions: 1, joinDelayMs: 5 })
    return { address, newTopic, stop }
  }
  const { Kafka, logLevel } = await import('kafkajs')
  const admin = new Kafka({ brokers: [given], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const topicNames = Array.from({ length: prepared }, (_, i) => `${prefix}-${i + 1}`)
  await admin.createTopics({
    topics: topicNames.map(topic => ({ topic, numPartitions: 1 })),
    waitForLeaders: false,
  })
  // Asking for an offset is what only the leader of a partition answers.
  await untilKnown(() => Promise.all(topicNames.map(topic => admin.fetchTopicOffsets(topic))))
  return {
    address: given,
    newTopic,
    async stop() {
      await admin.deleteTopics({ topics: topicNames })
      await admin.disconnect()
    },
  }
}

/** A broker that has created topics may take a moment to admit it. */
async function untilKnown(ask: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + 20_000
  for (;;) {
    try {
      await ask()
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }
}
