// Puts encoded items into an Export*ServiceRequest. The frame is the same for the three signals:
// request { resource_x = 1 { resource = 1, scope_x = 2 { scope = 1, item = 2, schema_url = 3 }, schema_url = 3 } }
import type { Attributes } from '@opentelemetry/api'
import { Lease } from './lease.ts'
import { ProtoWriter } from './protobuf.ts'
import type { EncodedResource } from './resource-encoder.ts'

export interface ScopeLike {
  readonly name: string
  readonly version?: string | undefined
  readonly schemaUrl?: string | undefined
  readonly attributes?: Attributes | undefined
}

/** The items of one scope: length-prefixed fields 2, one after the other. */
export interface ScopeChunk {
  readonly scope: EncodedScope
  readonly items: Uint8Array
}

export interface EncodedScope {
  readonly head: Uint8Array
  readonly tail: Uint8Array
}

export function encodeScope(scope: ScopeLike): EncodedScope {
  const head = new ProtoWriter(128)
  head.byte(0x0a)
  const at = head.open()
  head.byte(0x0a)
  head.string(scope.name)
  if (scope.version) {
    head.reserve(4)
    head.byte(0x12)
    head.string(scope.version)
  }
  for (const key of Object.keys(scope.attributes ?? {})) head.keyValue(0x1a, key, scope.attributes?.[key])
  head.close(at)
  const tail = new ProtoWriter(128)
  if (scope.schemaUrl) {
    tail.byte(0x1a)
    tail.string(scope.schemaUrl)
  }
  return { head: head.finish(), tail: tail.finish() }
}

/** Every byte copied once. The caller is the first user of the lease. */
export function frameRequest(resource: EncodedResource, chunks: readonly ScopeChunk[]): Lease {
  const inner = chunks.map(c => c.scope.head.length + c.items.length + c.scope.tail.length)
  let body = resource.head.length + resource.tail.length
  for (const n of inner) body += 1 + varintBytes(n) + n
  const lease = Lease.take(1 + varintBytes(body) + body)
  const out = new ProtoWriter(lease.bytes)
  out.byte(0x0a)
  out.varint(body)
  out.raw(resource.head)
  for (const [i, chunk] of chunks.entries()) {
    out.byte(0x12)
    out.varint(inner[i]!)
    out.raw(chunk.scope.head)
    out.raw(chunk.items)
    out.raw(chunk.scope.tail)
  }
  out.raw(resource.tail)
  return lease
}

function varintBytes(value: number): number {
  let n = 1
  while (value > 127) {
    value >>>= 7
    n++
  }
  return n
}
