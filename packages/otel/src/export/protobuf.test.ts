import { decode } from '../../test/export/otlp.ts'
import { ProtoWriter } from './protobuf.ts'

function encodeKeyValue(tag: number, key: string, value: unknown): Buffer {
  const writer = new ProtoWriter(128)
  writer.keyValue(tag, key, value)
  return writer.finish()
}

function roundTrip(value: unknown, key = 'key'): any {
  const bytes = encodeKeyValue(0x0a, key, value)
  if (bytes.length === 0) return 'nothing'
  // The field itself is what KeyValueList calls `values`; strip tag and length by decoding a list.
  const list = decode('KeyValue', Buffer.concat([Buffer.from([0x12]), wrapLength(kvlist(bytes))]))
  return list.value.kvlistValue.values[0].value ?? {}
}
const wrapLength = (b: Buffer) => {
  const w = new ProtoWriter()
  w.bytes(b)
  return w.finish()
}
const kvlist = (b: Buffer) => Buffer.concat([Buffer.from([0x32]), wrapLength(b)])

class Hostile {
  get boom(): string {
    throw new Error('getter')
  }
}
const cyclic: any = { name: 'a' }
cyclic.self = cyclic
const hostileProxy = new Proxy(
  {},
  {
    ownKeys() {
      throw new Error('trap')
    },
  },
)

describe('values of applications', () => {
  test.each<[string, unknown, unknown]>([
    ['text', 'héllo', { stringValue: 'héllo' }],
    ['empty text', '', { stringValue: '' }],
    ['long text', 'x'.repeat(70_000), { stringValue: 'x'.repeat(70_000) }],
    ['a lone surrogate', 'a\ud800b', { stringValue: 'a\ufffdb' }],
    [
      'a long text with a lone surrogate',
      `${'x'.repeat(100)}\udc00`,
      { stringValue: `${'x'.repeat(100)}\ufffd` },
    ],
    ['zero', 0, { intValue: '0' }],
    ['a negative integer', -1, { intValue: '-1' }],
    ['the largest int32 and one', 2 ** 31, { intValue: '2147483648' }],
    ['the smallest safe integer', Number.MIN_SAFE_INTEGER, { intValue: '-9007199254740991' }],
    ['a fraction', 1.5, { doubleValue: 1.5 }],
    ['more than int64', 1e30, { doubleValue: 1e30 }],
    ['infinity', Number.POSITIVE_INFINITY, { doubleValue: Number.POSITIVE_INFINITY }],
    ['a bigint', 12345678901234567n, { intValue: '12345678901234567' }],
    ['a negative bigint', -2n, { intValue: '-2' }],
    ['a huge bigint', 2n ** 70n, { stringValue: String(2n ** 70n) }],
    ['bytes', new Uint8Array([1, 2, 255]), { bytesValue: '0102ff' }],
    ['a part of a buffer', Buffer.from('xabc').subarray(1), { bytesValue: '616263' }],
    [
      'an array',
      ['a', 1, false],
      { arrayValue: { values: [{ stringValue: 'a' }, { intValue: '1' }, { boolValue: false }] } },
    ],
    ['an array with holes', [undefined, null], { arrayValue: { values: [{}, {}] } }],
    [
      'a map',
      { a: { b: 1 } },
      {
        kvlistValue: {
          values: [
            { key: 'a', value: { kvlistValue: { values: [{ key: 'b', value: { intValue: '1' } }] } } },
          ],
        },
      },
    ],
    [
      'a Map',
      new Map([['k', 'v']]),
      { kvlistValue: { values: [{ key: 'k', value: { stringValue: 'v' } }] } },
    ],
    ['a date', new Date(0), { stringValue: '1970-01-01T00:00:00.000Z' }],
    ['no value', null, {}],
    ['a function', () => 1, {}],
    ['a symbol', Symbol('s'), {}],
  ])('%s is encoded as its own kind', (_, value, expected) => {
    expect(roundTrip(value)).toEqual(expected)
  })

  test('a cycle is cut where it closes', () => {
    expect(roundTrip(cyclic).kvlistValue.values[1]).toEqual({
      key: 'self',
      value: { stringValue: '[circular]' },
    })
  })

  test('nesting is cut at a bounded depth', () => {
    let deep: any = 'bottom'
    for (let i = 0; i < 1000; i++) deep = [deep]
    expect(JSON.stringify(roundTrip(deep))).toContain('[too deep]')
  })

  test('shared objects that would unfold to gigabytes are cut by size', () => {
    let wide: any = ['x'.repeat(1000)]
    for (let i = 0; i < 14; i++) wide = [wide, wide, wide, wide]
    expect(encodeKeyValue(0x0a, 'k', wide).length).toBeLessThan(4 << 20)
  })

  test.each<[string, unknown]>([
    ['a getter that throws', new Hostile()],
    [
      'a nested getter that throws',
      {
        get x() {
          throw new Error('x')
        },
      },
    ],
    ['a proxy that throws', hostileProxy],
    [
      'an object whose iterator throws',
      Object.assign([1], {
        [Symbol.iterator]() {
          throw new Error('it')
        },
      }),
    ],
  ])('%s is left out, and what came before stays whole', (_, value) => {
    const w = new ProtoWriter(16)
    w.keyValue(0x0a, 'before', 1)
    const before = w.pos
    const written = w.keyValue(0x0a, 'hostile', value)
    if (!written) expect(w.pos).toBe(before)
    w.keyValue(0x0a, 'after', 2)
    expect(() =>
      decode('KeyValue', Buffer.concat([Buffer.from([0x12]), wrapLength(kvlist(w.finish()))])),
    ).not.toThrow()
  })

  test('a key of any length and alphabet survives', () => {
    for (const key of [
      '',
      'k'.repeat(47),
      'k'.repeat(127),
      'k'.repeat(128),
      'schlüssel',
      'x'.repeat(20_000),
      '__proto__',
    ]) {
      const decoded = decode(
        'KeyValue',
        Buffer.concat([Buffer.from([0x12]), wrapLength(kvlist(encodeKeyValue(0x0a, key, 1)))]),
      )
      expect(decoded.value.kvlistValue.values[0].key ?? '').toBe(key)
    }
  })

  test('a ten megabyte text passes unharmed', () => {
    expect(roundTrip('y'.repeat(10 << 20)).stringValue).toHaveLength(10 << 20)
  })
})

test('times are exact to the nanosecond as long as the clock is', () => {
  const w = new ProtoWriter()
  w.hrTime([1_763_712_000, 123_456_789])
  w.hrTime([4_294_967_296, 999_999_999])
  const bytes = w.finish()
  expect(bytes.readBigUInt64LE(0)).toBe(1_763_712_000_123_456_789n)
  expect(bytes.readBigUInt64LE(8)).toBe(4_294_967_296_999_999_999n)
})

test.each([Number.NaN, -5, Number.POSITIVE_INFINITY])('a time of %p becomes zero', ms => {
  const w = new ProtoWriter()
  w.time(ms)
  expect(w.finish().readBigUInt64LE(0)).toBe(0n)
})
