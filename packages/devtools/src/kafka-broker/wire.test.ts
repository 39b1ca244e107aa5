import { once } from 'node:events'
import { connect } from 'node:net'
import { startKafkaBroker } from './broker.ts'
import { crc32c, splitBatches } from './record-batch.ts'
import { Reader, WireError, Writer } from './wire.ts'

test('what the writer writes the reader reads', () => {
  const bytes = new Writer()
    .int8(-1)
    .bool(true)
    .int16(-2)
    .int32(3)
    .int64(-4n)
    .string('☃')
    .string(null)
    .bytes(Buffer.from([1]))
    .array([1, 2], item => new Writer().int32(item))
    .toBuffer()
  const reader = new Reader(bytes)
  expect([reader.int8(), reader.bool(), reader.int16(), reader.int32(), reader.int64()]).toEqual([
    -1,
    true,
    -2,
    3,
    -4n,
  ])
  expect([reader.nullableString(), reader.nullableString(), reader.bytes()]).toEqual([
    '☃',
    null,
    Buffer.from([1]),
  ])
})

test('a frame that promises more than it has is an error, not an allocation', () => {
  expect(() => new Reader(new Writer().int32(2 ** 31 - 1).toBuffer()).array(() => 0)).toThrow(WireError)
  expect(() => new Reader(new Writer().int16(100).toBuffer()).string()).toThrow(WireError)
})

test('the checksum is CRC-32C and a batch that fails it is not accepted', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(splitBatches(Buffer.alloc(100))).toBeUndefined()
})

test.each([
  ['garbage', Buffer.from('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')],
  ['an unknown request', frame(new Writer().int16(999).int16(0).int32(1).string('x').toBuffer())],
  ['an unknown version', frame(new Writer().int16(1).int16(99).int32(1).string('x').toBuffer())],
  ['a truncated request', frame(new Writer().int16(0).int16(7).int32(1).string('x').int32(9).toBuffer())],
])('%s closes the connection and nothing else', async (_, bytes) => {
  await using broker = await startKafkaBroker()
  const bad = connect(broker.port, '127.0.0.1')
  bad.on('error', () => {})
  bad.write(bytes)
  await once(bad, 'close')
  const good = connect(broker.port, '127.0.0.1')
  good.write(frame(new Writer().int16(18).int16(0).int32(7).string('x').toBuffer()))
  const [answer] = (await once(good, 'data')) as [Buffer]
  expect(answer.readInt32BE(4)).toBe(7)
  good.destroy()
})

test('an ApiVersions request from the future is answered with the list in version 0', async () => {
  await using broker = await startKafkaBroker()
  const socket = connect(broker.port, '127.0.0.1')
  socket.write(frame(new Writer().int16(18).int16(4).int32(7).string('x').toBuffer()))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  const reader = new Reader(answer.subarray(8))
  const unsupportedVersion = 35
  expect(reader.int16()).toBe(unsupportedVersion)
  const list = reader.array(() => ({ key: reader.int16(), min: reader.int16(), max: reader.int16() }))
  expect(list).toContainEqual({ key: 18, min: 0, max: 3 })
  expect(list).toContainEqual({ key: 0, min: 3, max: 7 })
  socket.destroy()
})

function frame(body: Buffer): Buffer {
  return new Writer().bytes(body).toBuffer()
}
