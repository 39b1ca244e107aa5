export { type BatchOptions, type BatchPayload, type EachInBatch, eachBatch } from './batch.ts'
export { instrumentKafka, traceConsumer, traceProducer, untrace } from './client.ts'
export { type ConsumeOptions, consumeEach } from './consume-each.ts'
export type { HeaderValue, Injected, KafkaHeaders } from './headers.ts'
export { type LinkOptions, messageLinks } from './links.ts'
export {
  type MessageMeta,
  type ProcessSpan,
  startProcessSpan,
  traceMessage,
  withMessageContext,
} from './message.ts'
export type { ClientInfo, HookInfo, KafkaOptions } from './options.ts'
export { type AnyMessage, creationContext, extractContext, injectHeaders } from './propagate.ts'
export { otelSerializers } from './serializers.ts'
