// Types are kept exactly: what goes in comes out, for each client. The compiler is what tests this; `tsc -p` reads the
// file like any other, and the negative cases keep it honest.
import type {
  KafkaConsumer as ConfluentConsumer,
  Producer as ConfluentProducer,
  KafkaJS,
} from '@confluentinc/kafka-javascript'
import type {
  MessagesStream,
  Consumer as PlatformaticConsumer,
  Producer as PlatformaticProducer,
} from '@platformatic/kafka'
import type { Consumer, EachBatchPayload, EachMessagePayload, Kafka, KafkaMessage, Producer } from 'kafkajs'
import type { HighLevelProducer, KafkaConsumer, Message, Producer as RdProducer } from 'node-rdkafka'
import {
  eachBatch,
  injectHeaders,
  instrumentKafka,
  otelSerializers,
  traceConsumer,
  traceMessage,
  traceProducer,
  withMessageContext,
} from '../src/index.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Calls that compile when what comes out has the very type of what went in. */
function keeps<A>(_value: A) {
  return <B>(_out: B, ..._proof: Equal<A, B> extends true ? [] : ['the type changed']) => {}
}

/** Never called: there is nothing to run in here. */
export function checkTypes(given: {
  kafkajs: Kafka
  kafkajsProducer: Producer
  kafkajsConsumer: Consumer
  confluent: KafkaJS.Kafka
  confluentProducer: KafkaJS.Producer
  confluentConsumer: KafkaJS.Consumer
  confluentRdProducer: ConfluentProducer
  confluentRdConsumer: ConfluentConsumer
  rdProducer: RdProducer
  rdHighLevel: HighLevelProducer
  rdConsumer: KafkaConsumer
  platformaticProducer: PlatformaticProducer<string, { id: string }, string, string>
  platformaticConsumer: PlatformaticConsumer<string, { id: string }, string, string>
  platformaticStream: MessagesStream<string, { id: string }, string, string>
  message: KafkaMessage
  rdMessage: Message
}) {
  keeps(given.kafkajs)(instrumentKafka(given.kafkajs, { captureKey: true }))
  keeps(given.confluent)(instrumentKafka(given.confluent))
  keeps(given.kafkajsProducer)(traceProducer(given.kafkajsProducer))
  keeps(given.confluentProducer)(traceProducer(given.confluentProducer))
  keeps(given.confluentRdProducer)(traceProducer(given.confluentRdProducer))
  keeps(given.rdProducer)(traceProducer(given.rdProducer))
  keeps(given.rdHighLevel)(traceProducer(given.rdHighLevel))
  keeps(given.platformaticProducer)(traceProducer(given.platformaticProducer))
  keeps(given.kafkajsConsumer)(traceConsumer(given.kafkajsConsumer))
  keeps(given.confluentConsumer)(traceConsumer(given.confluentConsumer))
  keeps(given.confluentRdConsumer)(traceConsumer(given.confluentRdConsumer))
  keeps(given.rdConsumer)(traceConsumer(given.rdConsumer))
  keeps(given.platformaticConsumer)(traceConsumer(given.platformaticConsumer))
  keeps(given.platformaticStream)(traceConsumer(given.platformaticStream))
  // @ts-expect-error: a producer is not a consumer, so this would be seen
  keeps(given.kafkajsProducer)(given.kafkajsConsumer)
  // @ts-expect-error: nor is any
  keeps(given.kafkajsProducer)(given.kafkajsProducer as any)

  // Results of functions: a value stays a value, a promise stays that promise.
  keeps(1 as number)(withMessageContext(given.message, () => 1 as number))
  keeps(Promise.resolve('x'))(traceMessage(given.rdMessage, {}, () => Promise.resolve('x')))

  // A handler with `each` is a handler that the client takes, and the payload in it is the client's own.
  const handler = eachBatch(async (payload: EachBatchPayload, each) => {
    keeps(payload.batch.messages)(given.message as unknown as KafkaMessage[])
    for (const message of payload.batch.messages) keeps(1 as number)(each(message, () => 1 as number))
  })
  const config: Parameters<Consumer['run']>[0] = { eachBatch: handler }
  // The parameter is the client's own too where the compiler infers it.
  void given.kafkajsConsumer.run({ eachBatch: eachBatch(async ({ resolveOffset }) => resolveOffset('1')) })
  const single = async (payload: EachMessagePayload) => payload.heartbeat()
  void given.kafkajsConsumer.run({ eachMessage: single, ...config })

  // Headers come out in the shape they went in.
  const record = { source: 'billing' }
  keeps(record)(injectHeaders(record))
  keeps({} as Record<string, string>)(injectHeaders(undefined))
  const map = new Map<Buffer, Buffer>()
  keeps(map)(injectHeaders(map))
  const serializers = { headerKey: (text?: string) => Buffer.from(text ?? ''), extra: 1 as const }
  keeps(serializers)(otelSerializers(serializers))
}

test('a traced object is the object itself, whatever the client', () => {
  const clients = [
    { send() {}, sendBatch() {} },
    { send() {}, sendBatch() {}, _getInternalClient() {} },
    { produce() {}, poll() {} },
    { send() {}, asStream() {} },
  ]
  for (const client of clients) expect(traceProducer(client)).toBe(client)
  const consumers = [
    { run() {}, subscribe() {} },
    { run() {}, _getInternalClient() {} },
    { consume() {}, commitMessage() {} },
    { consume() {}, joinGroup() {} },
    { isActive() {}, isConnected() {}, pipe() {} },
  ]
  for (const client of consumers) expect(traceConsumer(client)).toBe(client)
  const kafka = { producer() {}, consumer() {} }
  expect(instrumentKafka(kafka)).toBe(kafka)
})
