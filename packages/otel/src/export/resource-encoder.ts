// What every request of a process begins with: who sends it.
import type { Attributes } from '@opentelemetry/api'
import { ProtoWriter } from './protobuf.ts'

export interface Resource {
  readonly attributes: Attributes
  readonly schemaUrl?: string
}

/** Encoded once, copied into every request: field 1 (Resource) and field 3 (schema_url) of ResourceSpans and its like. */
export interface EncodedResource {
  readonly head: Buffer
  readonly tail: Buffer
}

export function encodeResource(resource: Resource): EncodedResource {
  const head = new ProtoWriter()
  head.byte(0x0a)
  const at = head.open()
  for (const key of Object.keys(resource.attributes)) {
    const value = resource.attributes[key]
    if (value !== undefined) head.keyValue(0x0a, key, value)
  }
  head.close(at)
  const tail = new ProtoWriter(128)
  if (resource.schemaUrl) {
    tail.byte(0x1a)
    tail.string(resource.schemaUrl)
  }
  return { head: head.finish(), tail: tail.finish() }
}
