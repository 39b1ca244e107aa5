import { traceRequest } from '../../test/otlp.ts'
import { decodeJson } from './json.ts'
import { limits } from './limits.ts'
import { decodeProtobuf } from './protobuf.ts'
import { readLogs, readMetrics, readSpans } from './records.ts'
import { Rejection } from './rejection.ts'
import { allMessages, type Decoded, type Message, requests, scalars } from './schema.ts'

const readers = { traces: readSpans, metrics: readMetrics, logs: readLogs }
const signals = ['traces', 'metrics', 'logs'] as const

/** A message with every field of the table set, nested ones too: the widest input the schema allows. */
function fullMessage(message: Message, depth = 0): Decoded {
  const result: Decoded = {}
  for (const field of message.byName.values()) {
    if (field.message !== undefined && depth > 9) continue
    const value =
      field.message === undefined ? sample(field.scalar!, field.name) : fullMessage(field.message, depth + 1)
    result[field.name] = field.repeated ? [value] : value
  }
  return result
}

function sample(scalar: keyof typeof scalars, name: string): unknown {
  const values: Record<keyof typeof scalars, unknown> = {
    string: 'text ☃',
    bytes: new Uint8Array([0, 255]),
    id: name.toLowerCase().includes('trace') ? 'ab'.repeat(16) : 'cd'.repeat(8),
    bool: true,
    enum: 2,
    uint32: 2 ** 32 - 1,
    sint32: -(2 ** 31),
    int64: -(2n ** 63n),
    uint64: 2n ** 64n - 1n,
    fixed64: 2n ** 62n,
    sfixed64: -5n,
    double: -0.5,
    fixed32: 2 ** 31,
  }
  return values[scalar]
}

/** The reverse of the decoder, for tests only. */
function encode(message: Message, value: Decoded): Buffer {
  const parts: Buffer[] = []
  for (const [number, field] of message.byNumber) {
    const items = field.repeated ? ((value[field.name] as unknown[]) ?? []) : [value[field.name]]
    for (const item of items) {
      if (item === undefined) continue
      if (field.message !== undefined) {
        const body = encode(field.message, item as Decoded)
        parts.push(varint(BigInt(number * 8 + 2)), varint(BigInt(body.length)), body)
      } else {
        const body = encodeScalar(field.scalar!, item)
        const wire = scalars[field.scalar!]
        parts.push(varint(BigInt(number * 8 + wire)))
        if (wire === 2) parts.push(varint(BigInt(body.length)))
        parts.push(body)
      }
    }
  }
  return Buffer.concat(parts)
}

function encodeScalar(scalar: keyof typeof scalars, value: any): Buffer {
  const eight = Buffer.alloc(8)
  switch (scalar) {
    case 'string':
      return Buffer.from(value)
    case 'bytes':
      return Buffer.from(value)
    case 'id':
      return Buffer.from(value, 'hex')
    case 'double':
      eight.writeDoubleLE(value)
      return eight
    case 'fixed64':
      eight.writeBigUInt64LE(value)
      return eight
    case 'sfixed64':
      eight.writeBigInt64LE(value)
      return eight
    case 'fixed32': {
      const four = Buffer.alloc(4)
      four.writeUInt32LE(value)
      return four
    }
    case 'sint32':
      return varint(BigInt.asUintN(32, (BigInt(value) << 1n) ^ (BigInt(value) >> 31n)))
    default:
      return varint(BigInt.asUintN(64, BigInt(value)))
  }
}

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  while (value > 127n) {
    bytes.push(Number(value & 127n) | 128)
    value >>= 7n
  }
  bytes.push(Number(value))
  return Buffer.from(bytes)
}

function toJson(value: unknown): string {
  return JSON.stringify(value, (_, item) =>
    typeof item === 'bigint'
      ? item.toString()
      : item instanceof Uint8Array
        ? Buffer.from(item).toString('base64')
        : item,
  )
}

test('every type in the table is a scalar or a message of the table', () => {
  for (const message of allMessages.values()) {
    for (const field of message.byNumber.values()) {
      expect([message.name, field.name, field.scalar ?? field.message?.name]).not.toContain(undefined)
    }
  }
})

test.each(signals)('%s with every field set decode to the same from protobuf and from JSON', signal => {
  const message = requests[signal]
  const full = fullMessage(message)
  expect(decodeProtobuf(encode(message, full), message)).toEqual(full)
  expect(decodeJson(toJson(full), message)).toEqual(full)
})

test('unknown fields are skipped in protobuf and in JSON', () => {
  const unknown = Buffer.concat([
    varint(15n * 8n),
    varint(7n),
    varint(20n * 8n + 2n),
    varint(2n),
    Buffer.from('xx'),
  ])
  expect(decodeProtobuf(unknown, requests.traces)).toEqual({})
  expect(decodeJson('{"newField":{"a":[1]},"__proto__":{"x":1}}', requests.traces)).toEqual({})
})

test('packed and unpacked lists of numbers are the same list', () => {
  const message = allMessages.get('Buckets')!
  const packed = Buffer.concat([varint(18n), varint(3n), Buffer.from([1, 2, 3])])
  const unpacked = Buffer.from([16, 1, 16, 2, 16, 3])
  expect(decodeProtobuf(packed, message)).toEqual({ bucketCounts: [1n, 2n, 3n] })
  expect(decodeProtobuf(unpacked, message)).toEqual({ bucketCounts: [1n, 2n, 3n] })
})

test('JSON takes numbers for 64-bit integers, snake_case names, NaN as text and null as absent', () => {
  const metric = {
    name: 'm',
    gauge: { data_points: [{ asDouble: 'NaN', timeUnixNano: 5, exemplars: null }] },
  }
  const request = decodeJson(
    toJson({ resource_metrics: [{ scope_metrics: [{ metrics: [metric] }] }] }),
    requests.metrics,
  )
  expect(readMetrics(request)).toMatchObject([
    { name: 'm', point: { value: Number.NaN, timeNano: 5n, exemplars: [] } },
  ])
})

test('attribute values nested deeper than the limit are refused in both encodings', () => {
  const any = allMessages.get('AnyValue')!
  let value: Decoded = { stringValue: 'x' }
  for (let i = 0; i < limits.depth * 3; i++) value = { arrayValue: { values: [value] } }
  expect(() => decodeProtobuf(encode(any, value), any)).toThrow(/too deeply nested/)
  expect(() => decodeJson(toJson(value), any)).toThrow(/too deeply nested/)
})

test('a body of two-byte messages is refused before it becomes objects', () => {
  const many = Buffer.alloc((limits.items + 1) * 2)
  for (let i = 0; i < many.length; i += 2) many[i] = 10
  expect(() => decodeProtobuf(many, requests.traces)).toThrow(/more than 500000 items/)
})

test('what is too long or too much is cut and counted, not refused', () => {
  const request = traceRequest([{ id: '1', name: 'n'.repeat(5000) }]) as any
  const span = request.resourceSpans[0].scopeSpans[0].spans[0]
  span.attributes = Array.from({ length: 200 }, (_, i) => ({
    key: `k${i}`,
    value: { stringValue: 'v'.repeat(70_000) },
  }))
  span.events = Array.from({ length: 130 }, () => ({ name: 'e' }))
  const [read] = readSpans(decodeJson(JSON.stringify(request), requests.traces))
  expect(read!.name).toHaveLength(limits.nameChars)
  expect(Object.keys(read!.attributes)).toHaveLength(limits.attributes)
  expect((read!.attributes.k0 as string).length).toBe(limits.valueChars)
  expect(read!.dropped).toEqual({ attributes: 72, events: 2, links: 0 })
})

test('an attribute called __proto__ is data', () => {
  const request = traceRequest([{ id: '1', attributes: JSON.parse('{"__proto__":"x"}') }])
  const [span] = readSpans(decodeJson(JSON.stringify(request), requests.traces))
  expect(Object.keys(span!.attributes)).toEqual(['__proto__'])
  expect(Object.getPrototypeOf(span!.attributes)).toBe(Object.prototype)
})

test('integers beyond the safe range stay exact', () => {
  const request = traceRequest([{ id: '1' }]) as any
  request.resourceSpans[0].scopeSpans[0].spans[0].attributes = [
    { key: 'big', value: { intValue: '9007199254740993' } },
  ]
  expect(readSpans(decodeJson(JSON.stringify(request), requests.traces))[0]!.attributes.big).toBe(
    9007199254740993n,
  )
})

test('20,000 mutated requests give a result or a Rejection, and nothing else', () => {
  const random = seeded(20261121)
  const seeds = signals.map(signal => encode(requests[signal], fullMessage(requests[signal])))
  let decoded = 0
  let rejected = 0
  for (let i = 0; i < 20_000; i++) {
    const which = i % 3
    const bytes = mutate(seeds[which]!, random)
    try {
      readers[signals[which]!](decodeProtobuf(bytes, requests[signals[which]!]))
      decoded++
    } catch (error) {
      if (!(error instanceof Rejection)) throw error
      rejected++
    }
  }
  // Both happen often: the mutations are neither harmless nor all the same.
  expect(decoded).toBeGreaterThan(1000)
  expect(rejected).toBeGreaterThan(1000)
}, 60_000)

test('5,000 mutated JSON requests give a result or a Rejection, and nothing else', () => {
  const random = seeded(7)
  const seeds = signals.map(signal => Buffer.from(toJson(fullMessage(requests[signal]))))
  for (let i = 0; i < 5_000; i++) {
    const which = i % 3
    try {
      readers[signals[which]!](
        decodeJson(mutate(seeds[which]!, random).toString('utf8'), requests[signals[which]!]),
      )
    } catch (error) {
      if (!(error instanceof Rejection)) throw error
    }
  }
}, 60_000)

/** Flips, overwrites, cuts, repeats: one to eight small wounds. */
function mutate(seed: Buffer, random: () => number): Buffer {
  let bytes = Buffer.from(seed)
  const wounds = 1 + Math.floor(random() * 8)
  for (let i = 0; i < wounds; i++) {
    const at = Math.floor(random() * bytes.length)
    const kind = random()
    if (kind < 0.4) bytes[at]! ^= 1 << Math.floor(random() * 8)
    else if (kind < 0.6) bytes[at] = Math.floor(random() * 256)
    else if (kind < 0.7) bytes = bytes.subarray(0, at)
    else if (kind < 0.85)
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + Math.floor(random() * 4))])
    else bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - 9))])
    if (bytes.length === 0) return bytes
  }
  return bytes
}

/** mulberry32: the same mutations on every run. */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
