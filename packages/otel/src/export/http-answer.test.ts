// Answers as Node's own server writes them, cut at every place; and bytes that are no answer.
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { AnswerReader } from './http-answer.ts'

const kinds: Record<string, (response: ServerResponse) => void> = {
  'with a length': response => response.setHeader('content-length', 5).end('hello'),
  'with nothing': response => response.setHeader('content-length', 0).end(),
  'in chunks': response => {
    response.write('he')
    response.write('l'.repeat(300))
    response.end('o')
  },
  'in chunks with trailers': response => {
    response.setHeader('trailer', 'x-sum')
    response.write('hello')
    response.addTrailers({ 'x-sum': '1' })
    response.end()
  },
  'after informational ones': response => {
    response.writeEarlyHints({ link: '</a>; rel=preload' })
    response.writeContinue()
    response.writeHead(202, 'Why not', { 'Retry-After': ' 7 ' }).end('hello')
  },
  'without a body': response => response.writeHead(204).end(),
  'that closes': response => response.setHeader('connection', 'close').end('hello'),
  'until the end': response => {
    response.useChunkedEncodingByDefault = false
    response.setHeader('connection', 'close')
    response.removeHeader('content-length')
    response.write('hello')
    response.end()
  },
}
const written: Record<string, Buffer> = {}

beforeAll(async () => {
  const server = createServer((request, response) => {
    request.resume()
    kinds[decodeURIComponent(request.url!.slice(1))]!(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  for (const kind of Object.keys(kinds)) {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    // Half closed: the server answers as ever, and then closes.
    socket.end(`GET /${encodeURIComponent(kind)} HTTP/1.1\r\nhost: a\r\n\r\n`)
    await once(socket, 'close')
    written[kind] = Buffer.concat(chunks)
  }
  server.close()
})

function readAll(parts: readonly Buffer[]): AnswerReader {
  const reader = new AnswerReader()
  for (const part of parts) if (!reader.isDone) reader.push(part)
  reader.end()
  return reader
}

const show = (reader: AnswerReader) => {
  const { status, headers, keepsAlive, isDone, body } = reader
  return { status, headers, keepsAlive, isDone, body: body.toString() }
}

test.each(Object.keys(kinds))('an answer %s is the same however it is cut', kind => {
  const bytes = written[kind]!
  const whole = show(readAll([bytes]))
  expect(whole.isDone).toBe(true)
  for (let i = 1; i < bytes.length; i++)
    expect(show(readAll([bytes.subarray(0, i), bytes.subarray(i)]))).toEqual(whole)
  expect(show(readAll(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))))).toEqual(whole)
})

test('status, headers, body and whether the connection stays are those that were sent', () => {
  const read = (kind: string) => show(readAll([written[kind]!]))
  expect(read('with a length')).toMatchObject({ status: 200, body: 'hello', keepsAlive: true })
  expect(read('with nothing')).toMatchObject({ status: 200, body: '', keepsAlive: true })
  expect(read('in chunks')).toMatchObject({ body: `he${'l'.repeat(300)}o`, keepsAlive: true })
  expect(read('in chunks with trailers')).toMatchObject({ body: 'hello', keepsAlive: true })
  expect(read('after informational ones')).toMatchObject({ status: 202, headers: { 'retry-after': '7' } })
  expect(read('without a body')).toMatchObject({ status: 204, body: '', keepsAlive: true })
  expect(read('that closes')).toMatchObject({ body: 'hello', keepsAlive: false })
  expect(written['until the end']!.toString()).not.toMatch(/content-length|chunked/i)
  expect(read('until the end')).toMatchObject({ body: 'hello', keepsAlive: false })
})

test.each([
  'SSH-2.0-OpenSSH_9.6\r\n',
  Buffer.from([0, 0, 18, 4, 0, 0, 0, 0, 0]),
  'HTTP/2.0 200 OK\r\n\r\n',
  'HTTP/1.1 20 OK\r\n\r\n',
  'HTTP/1.1 2000 OK\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n',
  'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n',
  'HTTP/1.1 200 OK\r\ncontent-length: 5, 6\r\n\r\n',
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n',
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffff\r\n',
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n',
  `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}`,
  `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;${'y'.repeat(70_000)}`,
])('%p is not an answer', bytes => {
  const reader = new AnswerReader()
  expect(() => reader.push(Buffer.from(bytes as string))).toThrow(
    expect.objectContaining({ code: 'ERR_NOT_HTTP' }),
  )
})

test('what comes after the answer, or what never ends, does not stay on the connection', () => {
  const twice = readAll([Buffer.concat([written['with a length']!, Buffer.from('HTTP/1.1 408')])])
  expect(show(twice)).toMatchObject({ status: 200, body: 'hello', keepsAlive: false })
  const endless = new AnswerReader()
  endless.push(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'))
  for (let i = 0; i < 5; i++) endless.push(Buffer.alloc(1 << 20))
  expect(endless.isTooLong).toBe(true)
  endless.end()
  expect(endless.body).toHaveLength(0)
})
