// Links from a batch to the senders of its messages.
import { type Attributes, type Link, ROOT_CONTEXT } from '@opentelemetry/api'
import { readKey, readOffset, readPartition } from './facts.ts'
import { guard } from './guard.ts'
import { getNames } from './names.ts'
import type { Settings } from './options.ts'
import { defaultSettings } from './options.ts'
import { type AnyMessage, messageContext, validSpanContext } from './propagate.ts'

/** Default of OTEL_SPAN_LINK_COUNT_LIMIT. The SDK would keep the last ones and say so only at the end. */
export const maxLinks = 128

export interface LinkOptions {
  /** Most links to return; default 128, the limit of the SDK. */
  max?: number
  /** `false`: links without the offset and, where messages tell, topic and partition. Default `true`. */
  attributes?: boolean
}

/**
 * One link per distinct sender among the messages, in their order. Messages without a valid context have none.
 *
 * @example
 * ```ts
 * import { trace } from '@opentelemetry/api'
 * import { messageLinks } from '@org/otel-kafka'
 *
 * function digest(messages: { headers?: Record<string, Buffer>; offset: string }[]) {
 *   trace.getTracer('digest').startActiveSpan('digest', { links: messageLinks(messages) }, span => span.end())
 * }
 * ```
 */
export function messageLinks(messages: Iterable<AnyMessage>, options: LinkOptions = {}): Link[] {
  return (
    guard('messageLinks', () =>
      collectLinks(messages, options.max ?? maxLinks, message =>
        options.attributes === false ? undefined : linkAttributes(message, defaultSettings, true),
      ),
    ) ?? []
  )
}

/** Stops as soon as `max` is reached: of a batch of 500 no more than that many are even looked at when they differ. */
export function collectLinks(
  messages: Iterable<AnyMessage>,
  max: number,
  describe: (message: AnyMessage) => Attributes | undefined,
): Link[] {
  const links: Link[] = []
  const seen = new Set<string>()
  for (const message of messages) {
    if (links.length >= max) break
    if (message === null || typeof message !== 'object') continue
    const sender = validSpanContext(messageContext(message, ROOT_CONTEXT))
    if (!sender) continue
    const id = sender.traceId + sender.spanId
    if (seen.has(id)) continue
    seen.add(id)
    const attributes = describe(message)
    links.push(attributes ? { context: sender, attributes } : { context: sender })
  }
  return links
}

/** What belongs to one message of a batch and so cannot be on the span. */
export function linkAttributes(
  message: AnyMessage,
  settings: Settings,
  withDestination: boolean,
): Attributes {
  const attributes: Attributes = {}
  const names = getNames()
  const offset = readOffset(message.offset)
  if (offset !== undefined) names.put(attributes, 'offset', offset)
  const key = readKey(message.key, settings)
  if (key !== undefined) names.put(attributes, 'key', key)
  if (message.value === null) names.put(attributes, 'tombstone', true)
  if (withDestination) {
    if (typeof message.topic === 'string') attributes['messaging.destination.name'] = message.topic
    const partition = readPartition(message.partition)
    if (partition !== undefined) attributes['messaging.destination.partition.id'] = partition
  }
  return attributes
}
