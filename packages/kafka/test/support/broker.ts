// The broker behind the quick tests: the development broker, one partition per topic unless told otherwise.
import { type KafkaBroker, startKafkaBroker } from '@org/otel-devtools/kafka-broker'

export type Broker = KafkaBroker

export function startBroker(partitions = 1): Promise<KafkaBroker> {
  return startKafkaBroker({ partitions, joinDelayMs: 5 })
}
