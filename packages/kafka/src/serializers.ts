// Header serializers of platformatic decide what reaches the wire: strings through one that writes JSON get quotes
// nobody else understands.

import type { HeaderEncoding } from './outgoing.ts'
import { registry } from './registry.ts'

interface HeaderSerializers {
  headerKey?: ((data?: any, metadata?: any) => unknown) | undefined
  headerValue?: ((data?: any, metadata?: any) => unknown) | undefined
}

/**
 * Serializers that put trace headers on the wire as plain text and leave everything else to the given ones. Needed
 * with serializers that would turn the text into something else, JSON or Avro for example.
 *
 * @example
 * ```ts
 * import { jsonSerializer, Producer, serializersFrom } from '@platformatic/kafka'
 * import { otelSerializers } from '@org/otel-kafka'
 *
 * const producer = new Producer({
 *   clientId: 'shop',
 *   bootstrapBrokers: ['localhost:9092'],
 *   serializers: otelSerializers(serializersFrom(jsonSerializer)),
 * })
 * ```
 */
export function otelSerializers<S extends object>(serializers: S): S {
  const { headerKey, headerValue } = serializers as HeaderSerializers
  const passRaw = (serialize: NonNullable<HeaderSerializers['headerKey']>) =>
    function (this: unknown, data?: unknown, metadata?: unknown) {
      if (typeof data === 'object' && data !== null && registry.rawBuffers.has(data)) return data
      return serialize.call(this, data, metadata)
    }
  return {
    ...serializers,
    ...(headerKey && { headerKey: passRaw(headerKey) }),
    ...(headerValue && { headerValue: passRaw(headerValue) }),
  }
}

const asText = (text: string) => text
const asBuffer = (text: string) => {
  const buffer = Buffer.from(text)
  registry.rawBuffers.add(buffer)
  return buffer
}
const sample = '00-abc'

/** The form of text that these serializers put on the wire unchanged, or null when there is none. */
export function probeSerializers(serializers: unknown): HeaderEncoding | null {
  const { headerKey, headerValue } = (serializers ?? {}) as HeaderSerializers
  const name = choose(headerKey)
  const value = choose(headerValue)
  return name && value ? { name, value } : null
}

function choose(serialize: HeaderSerializers['headerKey']): typeof asText | typeof asBuffer | null {
  // Without a serializer the library takes Buffers only.
  if (typeof serialize !== 'function') return asBuffer
  for (const encode of [asText, asBuffer]) {
    const written = guardQuietly(() => serialize(encode(sample)))
    if (Buffer.isBuffer(written) && written.equals(Buffer.from(sample))) return encode
  }
  return null
}

/** The user's serializer may throw for a type it does not expect: that is an answer, not a failure. */
function guardQuietly(fn: () => unknown): unknown {
  try {
    return fn()
  } catch {
    return undefined
  }
}
