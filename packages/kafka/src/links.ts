// Links from a batch to the senders of its messages.
import { type Attributes, type Link, propagation, ROOT_CONTEXT, type SpanContext } from '@opentelemetry/api'
import { isTombstone, readKey, readOffset, readPartition } from './facts.ts'
import { guard } from './guard.ts'
import { decodeLatin1, mentions, Replaced } from './headers.ts'
import { getNames } from './names.ts'
import type { Settings } from './options.ts'
import { defaultSettings } from './options.ts'
import { type AnyMessage, messageContext, validSpanContext } from './propagate.ts'

/** Default of OTEL_SPAN_LINK_COUNT_LIMIT. The SDK would keep the last ones and say so only at the end. */
export const maxLinks = 128

/** On a span whose links reached the limit: how many more messages brought the context of a sender. */
export const unlinkedMessages = 'kafka.batch.unlinked_messages'

/**
 * Messages behind the last link that bring a context. They are only counted: whether their senders are among the linked
 * ones would have to be read from every header.
 */
export function countUnlinked(messages: Iterable<AnyMessage>, links: readonly Link[], max: number): number {
  if (links.length < max) return 0
  const fields = Replaced.of(propagation.fields())
  let count = 0
  for (const message of messages) {
    const headers = message === null || typeof message !== 'object' ? undefined : message.headers
    if (headers !== null && headers !== undefined && mentions(headers, fields)) count++
  }
  return Math.max(0, count - links.length)
}

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
  const isW3c = propagation.fields().includes('traceparent')
  for (const message of messages) {
    if (links.length >= max) break
    if (message === null || typeof message !== 'object') continue
    const text = isW3c ? readTraceparent(message) : undefined
    if (text !== undefined && seen.has(text)) continue
    const sender = text === undefined ? validSpanContext(messageContext(message, ROOT_CONTEXT)) : parse(text)
    if (!sender) continue
    const id = text ?? `00-${sender.traceId}-${sender.spanId}-0${sender.traceFlags}`
    if (seen.has(id)) continue
    seen.add(id)
    const attributes = describe(message)
    links.push(attributes ? { context: sender, attributes } : { context: sender })
  }
  return links
}

const traceparent = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/
const noTrace = '0'.repeat(32)
const noSpan = '0'.repeat(16)

/**
 * The one header that nearly every message has, to be read without the detour over a context: a batch has many of them.
 * Undefined for anything unusual, which is left to the propagators: another version, a list, a tracestate, another shape.
 */
function readTraceparent({ headers }: AnyMessage): string | undefined {
  if (headers === null || typeof headers !== 'object') return undefined
  try {
    const record = headers as Record<string, unknown>
    const raw = record.traceparent
    if (raw === undefined || record.tracestate !== undefined || !Object.hasOwn(record, 'traceparent'))
      return undefined
    const text =
      typeof raw === 'string' ? raw : Buffer.isBuffer(raw) && raw.length === 55 ? decodeLatin1(raw) : ''
    return traceparent.test(text) ? text : undefined
  } catch {
    // One message that cannot be read must not cost the batch its span.
    return undefined
  }
}

function parse(text: string): SpanContext | undefined {
  const traceId = text.slice(3, 35)
  const spanId = text.slice(36, 52)
  if (traceId === noTrace || spanId === noSpan) return undefined
  return { traceId, spanId, traceFlags: Number.parseInt(text.slice(53), 16), isRemote: true }
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
  if (isTombstone(message)) names.put(attributes, 'tombstone', true)
  if (withDestination) {
    if (typeof message.topic === 'string') attributes['messaging.destination.name'] = message.topic
    const partition = readPartition(message.partition)
    if (partition !== undefined) attributes['messaging.destination.partition.id'] = partition
  }
  return attributes
}
