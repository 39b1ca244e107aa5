import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { gzipSync } from 'node:zlib'
import { post, send, traceId, traceRequest } from '../../test/otlp.ts'
import { limits } from './limits.ts'
import { type Receiver, startReceiver } from './receiver.ts'

let receiver: Receiver
beforeEach(async () => {
  receiver = await startReceiver()
})
afterEach(() => receiver.close())

const json = { 'content-type': 'application/json' }
const tracePath = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'

/** One unary gRPC call with these frame bytes. */
async function grpc(body: Buffer, headers: Record<string, string> = {}): Promise<Record<string, string>> {
  const session = connectHttp2(receiver.grpcUrl)
  session.on('error', () => {})
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': tracePath,
      'content-type': 'application/grpc',
      ...headers,
    })
    const answer: Record<string, string> = {}
    stream.on('response', response => Object.assign(answer, response))
    stream.on('trailers', trailers => Object.assign(answer, trailers))
    stream.on('error', () => {})
    stream.resume()
    stream.end(body)
    await once(stream, 'close')
    return answer
  } finally {
    session.destroy()
  }
}

function frame(message: Buffer, compressed = 0): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = compressed
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

test.each<[string, number, () => Promise<Response>]>([
  ['a body that is not JSON', 400, () => post(receiver, 'traces', '{"resourceSpans":[')],
  ['a trace id that is not hex', 400, () => post(receiver, 'traces', spanWith({ traceId: 'xyz' }))],
  ['a trace id of eight bytes', 400, () => post(receiver, 'traces', spanWith({ traceId: 'ab'.repeat(8) }))],
  ['a trace id of zeros', 400, () => post(receiver, 'traces', spanWith({ traceId: '0'.repeat(32) }))],
  [
    'a time that is not a number',
    400,
    () => post(receiver, 'traces', spanWith({ startTimeUnixNano: 'noon' })),
  ],
  ['a time below zero', 400, () => post(receiver, 'traces', spanWith({ startTimeUnixNano: '-1' }))],
  ['brackets without end', 400, () => post(receiver, 'traces', '['.repeat(100_000))],
  [
    'an unknown path',
    404,
    () => fetch(`${receiver.url}/v1/profiles`, { method: 'POST', headers: json, body: '{}' }),
  ],
  ['GET', 405, () => fetch(`${receiver.url}/v1/traces`)],
  ['a form', 415, () => fetch(`${receiver.url}/v1/traces`, { method: 'POST', body: 'a=1' })],
  ['an unknown encoding', 415, () => encoded(Buffer.from('x'), 'br2')],
  ['bytes that are not gzip', 400, () => encoded(Buffer.from('nonsense'), 'gzip')],
  ['a gzip bomb', 413, () => encoded(gzipSync(Buffer.alloc(64 * 1024 * 1024)), 'gzip')],
  [
    'a compressed body beyond the limit',
    413,
    () => encoded(Buffer.alloc(limits.compressedBytes + 1), 'gzip'),
  ],
  ['a million values', 413, () => post(receiver, 'traces', `{"x":[${'1,'.repeat(2_100_000)}1]}`)],
  [
    'a web page',
    403,
    () =>
      fetch(`${receiver.url}/v1/traces`, {
        method: 'POST',
        headers: { ...json, origin: 'http://evil.example' },
        body: '{}',
      }),
  ],
])('%s over HTTP is answered with %i, and the receiver goes on', async (_, status, run) => {
  expect((await run()).status).toBe(status)
  const { rejected, lastRejection } = receiver.stats
  expect(Object.values(rejected)).toEqual([1])
  expect(lastRejection).not.toContain('nonsense')
  expect(receiver.store.size).toMatchObject({ traces: 0, logs: 0, series: 0 })
  expect((await send(receiver, [{ id: '1' }])).status).toBe(200)
})

test('a refusal says where in the request the problem is', async () => {
  const response = await post(
    receiver,
    'traces',
    spanWith({ attributes: [{ key: 'a', value: { intValue: 'x' } }] }),
  )
  expect(await response.json()).toEqual({
    code: 3,
    message: 'resourceSpans[0].scopeSpans[0].spans[0].attributes[0].value.intValue: expected an integer',
  })
})

test('one bad span in a request stores none of it', async () => {
  const request = traceRequest([{ id: '1' }, { id: '2' }]) as any
  request.resourceSpans[1].scopeSpans[0].spans[0].spanId = ''
  expect((await post(receiver, 'traces', request)).status).toBe(400)
  expect(receiver.store.traces()).toEqual([])
})

test('a Host that is not this machine is refused, because a web page could have sent it', async () => {
  const request = httpRequest(`${receiver.url}/v1/traces`, {
    method: 'POST',
    headers: { ...json, host: 'evil.example' },
  })
  request.end('{}')
  const [response] = await once(request, 'response')
  response.resume()
  expect(response.statusCode).toBe(421)
})

test.each<[string, Buffer, Record<string, string>, string]>([
  ['a frame shorter than its prefix', Buffer.from([0, 0]), {}, '3'],
  [
    'a frame that promises more',
    Buffer.concat([frame(Buffer.alloc(0)).subarray(0, 4), Buffer.from([9])]),
    {},
    '3',
  ],
  ['truncated protobuf', frame(Buffer.from([0x0a, 0x05, 0x01])), {}, '3'],
  ['compressed without saying how', frame(Buffer.from([1]), 1), {}, '3'],
  ['an unknown method', frame(Buffer.alloc(0)), { ':path': '/x/Y' }, '12'],
  ['an unknown encoding', frame(Buffer.from([1]), 1), { 'grpc-encoding': 'snappy' }, '12'],
  ['a gzip bomb', frame(gzipSync(Buffer.alloc(64 * 1024 * 1024)), 1), { 'grpc-encoding': 'gzip' }, '8'],
  ['more than the limit', frame(Buffer.alloc(limits.inflatedBytes + 1)), {}, '8'],
])('%s over gRPC is answered with a status, and the receiver goes on', async (_, body, headers, status) => {
  expect(await grpc(body, headers)).toMatchObject({ ':status': 200, 'grpc-status': status })
  expect(await grpc(frame(Buffer.alloc(0)))).toMatchObject({ 'grpc-status': '0' })
})

test('bytes that are neither protocol close the connection', async () => {
  for (const bytes of [
    Buffer.from('PRI * HTTP/9.9\r\n\r\n'),
    Buffer.from([22, 3, 1, 2, 0]),
    Buffer.from('\r\n'),
  ]) {
    const socket = connect(receiver.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.resume()
    socket.end(bytes)
    await once(socket, 'close')
  }
  expect((await send(receiver, [{ id: '1' }])).status).toBe(200)
})

test('the HTTP/2 preface is recognised when it comes byte by byte', async () => {
  const socket = connect(receiver.port, '127.0.0.1')
  socket.setNoDelay(true)
  for (const byte of Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')) {
    socket.write(Buffer.from([byte]))
    await new Promise(resolve => setImmediate(resolve))
  }
  // An empty SETTINGS frame; the answer is the server's own SETTINGS frame (type 4).
  socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer[3]).toBe(4)
  socket.destroy()
})

test('fixed ports serve both protocols, so the usual swap works', async () => {
  const ports = await Promise.all([startReceiver(), startReceiver()])
  const [a, b] = ports.map(each => each.port) as [number, number]
  await Promise.all(ports.map(each => each.close()))
  await using both = await startReceiver({ port: a, grpcPort: b })
  expect([both.url, both.grpcUrl]).toEqual([`http://127.0.0.1:${a}`, `http://127.0.0.1:${b}`])
  expect((await post({ ...both, url: both.grpcUrl }, 'traces', traceRequest([{ id: '1' }]))).status).toBe(200)
})

test('localhost is both loopback addresses, on the same port', async () => {
  await using both = await startReceiver({ host: 'localhost' })
  expect(both.url).toBe(`http://localhost:${both.port}`)
  const hosts = hasIpv6() ? ['127.0.0.1', '[::1]'] : ['127.0.0.1']
  for (const host of hosts) {
    const target = { ...both, url: `http://${host}:${both.port}` }
    expect((await post(target, 'traces', traceRequest([{ id: '1' }]))).status).toBe(200)
  }
  await both.close()
  await expect(send(both, [{ id: '1' }])).rejects.toThrow()
})

test('many large requests at once are told to come again, and do not add up in memory', async () => {
  const headers = { ':method': 'POST', ':path': tracePath, 'content-type': 'application/grpc' }
  // Each sends four megabytes of its body and then waits, so that all of them are in flight.
  const sessions = Array.from({ length: 20 }, () => connectHttp2(receiver.grpcUrl))
  const statuses = sessions.map(async session => {
    session.on('error', () => {})
    const stream = session.request(headers)
    stream.on('error', () => {})
    stream.write(Buffer.alloc(4 * 1024 * 1024))
    const [trailers] = await once(stream.resume(), 'trailers')
    return trailers['grpc-status']
  })
  expect(await Promise.any(statuses)).toBe('14')
  for (const session of sessions) session.destroy()
  expect(receiver.stats.rejected.busy).toBeGreaterThan(0)
  expect((await send(receiver, [{ id: '1' }])).status).toBe(200)
})

test.each([
  ['nothing', ''],
  ['half of the HTTP/2 preface', 'PRI * HT'],
  ['half of the headers', 'POST /v1/traces HTTP/1.1\r\nhost: localhost\r\nx: '],
  [
    'half of the body',
    'POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
  ],
  ['only the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'],
])('a client that sends %s and then waits is cut off', async (_, bytes) => {
  await using impatient = await startReceiver({ limits: { slowClientMs: 100, idleMs: 100 } })
  const socket = connect(impatient.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  if (bytes !== '') socket.write(bytes, 'latin1')
  await once(socket, 'close')
})

test('a port in use is an error, and nothing stays open', async () => {
  await expect(startReceiver({ port: 0, grpcPort: receiver.port })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  })
})

describe('faults', () => {
  test('status answers with the status and Retry-After as often as asked, then heals', async () => {
    await receiver.fail({ mode: 'status', status: 429, retryAfter: 7, times: 2 })
    const statuses = []
    for (let i = 0; i < 3; i++) {
      const response = await send(receiver, [{ id: '1' }])
      statuses.push([response.status, response.headers.get('retry-after')])
    }
    expect(statuses).toEqual([
      [429, '7'],
      [429, '7'],
      [200, null],
    ])
    expect(receiver.stats).toMatchObject({ failed: 2, accepted: 1 })
  })

  test('status over gRPC is the matching code with a RetryInfo', async () => {
    await receiver.fail({ mode: 'status', status: 503, retryAfter: 3 })
    const answer = await grpc(frame(Buffer.alloc(0)))
    expect(answer['grpc-status']).toBe('14')
    expect(Buffer.from(answer['grpc-status-details-bin']!, 'base64').toString('latin1')).toContain(
      'google.rpc.RetryInfo',
    )
  })

  test('a fault for one signal leaves the others alone', async () => {
    await receiver.fail({ mode: 'status', status: 500, signal: 'metrics' })
    expect((await send(receiver, [{ id: '1' }])).status).toBe(200)
    expect((await post(receiver, 'metrics', {})).status).toBe(500)
  })

  test('refuse frees the port until it is healed', async () => {
    await receiver.fail({ mode: 'refuse' })
    await expect(send(receiver, [{ id: '1' }])).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
    await receiver.heal()
    expect((await send(receiver, [{ id: '1' }])).status).toBe(200)
  })

  test('hang never answers; healing drops the connection', async () => {
    await receiver.fail({ mode: 'hang' })
    const hanging = send(receiver, [{ id: '1' }])
    const state = await Promise.race([
      hanging.catch(() => 'failed'),
      receiver.store
        .waitFor(() => receiver.stats.failed === 1, { timeoutMs: 200 })
        .catch(() => 'still hanging'),
    ])
    expect(state).toBe('still hanging')
    await receiver.heal()
    await expect(hanging).rejects.toThrow()
  })

  test('reset closes the connection without an answer', async () => {
    await receiver.fail({ mode: 'reset', times: 1 })
    await expect(send(receiver, [{ id: '1' }])).rejects.toThrow()
    expect((await send(receiver, [{ id: '1' }])).status).toBe(200)
  })

  test('partial accepts nothing and says how many were refused', async () => {
    await receiver.fail({ mode: 'partial', rejected: 5, times: 1 })
    expect(await (await send(receiver, [{ id: '1' }])).json()).toMatchObject({
      partialSuccess: { rejectedSpans: '5', errorMessage: 'injected' },
    })
  })

  test('slow answers correctly, later', async () => {
    await receiver.fail({ mode: 'slow', delayMs: 30 })
    expect((await send(receiver, [{ id: '1' }])).status).toBe(200)
    expect(receiver.store.trace(traceId('a'))!.spans).toHaveLength(1)
  })
})

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some(list => list?.some(each => each.address === '::1'))
}

function spanWith(fields: object): object {
  const request = traceRequest([{ id: '1' }]) as any
  Object.assign(request.resourceSpans[0].scopeSpans[0].spans[0], fields)
  return request
}

function encoded(body: Buffer, encoding: string): Promise<Response> {
  return fetch(`${receiver.url}/v1/traces`, {
    method: 'POST',
    headers: { ...json, 'content-encoding': encoding },
    body: new Uint8Array(body),
  })
}
