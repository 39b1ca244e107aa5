// Trace context and baggage, into headers and out of them.

import { types } from 'node:util'
import {
  type Context,
  context,
  INVALID_SPANID,
  INVALID_TRACEID,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from '@opentelemetry/api'
import { guard, swallow } from './guard.ts'
import {
  Carrier,
  getter,
  type HeaderPairs,
  type Injected,
  type KafkaHeaders,
  Replaced,
  writeHeaders,
} from './headers.ts'
import { registry } from './registry.ts'

const pairSetter = {
  set(pairs: [string, string][], key: string, value: string) {
    pairs.push([key, value])
  },
}

/** What the configured propagators want to write for this context, in their order. */
export function collectPairs(from: Context): HeaderPairs {
  const pairs: [string, string][] = []
  guard('inject', () => propagation.inject(from, pairs, pairSetter))
  return pairs
}

/**
 * Headers with the trace context and baggage of `ctx` in them, in the shape they came in. The given headers are not
 * changed; a context that was in them, in any spelling, is replaced. Nothing to write: the same object comes back.
 *
 * @param headers kafkajs record, rdkafka array, Map or `[key, value]` tuples; `undefined` gives a new record
 * @example
 * ```ts
 * import { injectHeaders } from '@org/otel-kafka'
 *
 * const headers = injectHeaders({ source: 'billing' })
 * // { source: 'billing', traceparent: '00-…-01' }
 * ```
 */
export function injectHeaders<H extends KafkaHeaders>(
  headers: H,
  ctx: Context = context.active(),
): Injected<H> {
  const pairs = collectPairs(ctx)
  if (pairs.length === 0) return (headers ?? {}) as Injected<H>
  const encode = types.isMap(headers) && usesBuffers(headers as Map<unknown, unknown>) ? toBuffer : undefined
  const replaced = Replaced.by(pairs)
  return writeHeaders(headers, pairs, replaced, encode, encode) as Injected<H>
}

const toBuffer = (text: string) => Buffer.from(text)

function usesBuffers(headers: Map<unknown, unknown>): boolean {
  for (const key of headers.keys()) return types.isUint8Array(key)
  return false
}

/**
 * The context a message was sent in: its span context and baggage on top of `base`. Never throws, whatever the
 * headers hold; what is malformed, too long or unsafe in later HTTP headers is left out.
 *
 * @param headers headers of any supported client, as received
 * @param base default: the root context, so nothing of the consumer's own leaks in
 * @example
 * ```ts
 * import { context } from '@opentelemetry/api'
 * import { extractContext } from '@org/otel-kafka'
 *
 * function handle(message: { headers?: Record<string, Buffer> }) {
 *   context.with(extractContext(message.headers), () => console.error('in the context of the sender'))
 * }
 * ```
 */
export function extractContext(headers: KafkaHeaders, base: Context = ROOT_CONTEXT): Context {
  return extractAny(headers, base)
}

export function extractAny(headers: unknown, base: Context): Context {
  if (headers === null || typeof headers !== 'object') return base
  try {
    return propagation.extract(base, new Carrier(headers), getter) ?? base
  } catch (error) {
    swallow('extract', error)
    return base
  }
}

/** Anything a consumer hands out: only these fields are looked at, and all of them may be missing. */
export interface AnyMessage {
  readonly headers?: unknown
  readonly key?: unknown
  readonly value?: unknown
  readonly offset?: unknown
  readonly timestamp?: unknown
  readonly topic?: string
  readonly partition?: number
}

/** Context of the sender of a message, on top of `base`. */
export function messageContext(message: AnyMessage, base: Context): Context {
  const entries = (message as { headerEntries?: unknown }).headerEntries
  if (!Array.isArray(entries)) return extractAny(message.headers, base)
  const found = extractAny(registry.wireHeaders.get(message), base)
  // Another library may have put JSON text on the wire; then only the deserialized headers make sense.
  return found === base ? extractAny(entries, base) : found
}

/**
 * The span context a message was sent in, or `undefined` when it carries none that is valid.
 *
 * @example
 * ```ts
 * import { creationContext } from '@org/otel-kafka'
 *
 * const sender = creationContext({ headers: { traceparent: Buffer.from('00-…') } })
 * if (sender) console.error(sender.traceId)
 * ```
 */
export function creationContext(message: AnyMessage): SpanContext | undefined {
  return validSpanContext(messageContext(message, ROOT_CONTEXT))
}

export function validSpanContext(from: Context): SpanContext | undefined {
  const found = trace.getSpanContext(from)
  return found && isValid(found) ? found : undefined
}

/** Propagators have looked at every digit; what is left to exclude is the context that says "none". */
function isValid({ traceId, spanId }: SpanContext): boolean {
  return (
    traceId.length === 32 && spanId.length === 16 && traceId !== INVALID_TRACEID && spanId !== INVALID_SPANID
  )
}
