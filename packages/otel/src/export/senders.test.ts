// What the senders promise beyond delivery: TLS, privacy from the application, and noticing dead connections.
import { AsyncLocalStorage } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { createSecureServer, createServer } from 'node:http2'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Collector, until, wire } from '../../test/export/collector.ts'
import { endedSpan, exportConfig, target } from '../../test/export/samples.ts'
import { createExport } from './export.ts'
import { createGrpcSender } from './grpc-sender.ts'
import { createHttpSender } from './http-sender.ts'
import type { Sender, Shipment } from './sender.ts'

const fixture = (name: string) => join(__dirname, '../../test/export/fixtures', name)
const read = (name: string) => readFileSync(fixture(name))
const shipment: Shipment = { signal: 'traces', bytes: Buffer.alloc(0), gzipped: false, items: 0 }
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function secureServer(kind: 'http' | 'grpc', mutual: boolean): Promise<number> {
  const options = {
    key: read('leaf.key'),
    cert: read('leaf.pem'),
    ca: read('ca.pem'),
    requestCert: mutual,
    rejectUnauthorized: mutual,
  }
  const server =
    kind === 'http'
      ? https.createServer(options, (req, res) => req.resume().on('end', () => res.end()))
      : createSecureServer(options).on('stream', stream => {
          stream.on('error', () => {})
          stream.respond(
            { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' },
            { endStream: true },
          )
        })
  server.on('tlsClientError', () => {})
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const sockets = new Set<any>()
  server.on('connection', s => sockets.add(s))
  cleanups.push(() => {
    for (const s of sockets) s.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

describe.each<['http' | 'grpc', () => Sender]>([
  ['http', createHttpSender],
  ['grpc', createGrpcSender],
])('%s over TLS', (kind, create) => {
  const protocol = kind === 'http' ? 'http/protobuf' : 'grpc'
  const secure = (port: number, tls: object) =>
    target(protocol, port, '', { endpoint: `https://127.0.0.1:${port}`, tls: { insecure: false, ...tls } })
  const open = () => {
    const sender = create()
    cleanups.push(() => sender.close())
    return sender
  }

  test('a certificate of the given authority is trusted', async () => {
    const port = await secureServer(kind, false)
    const outcome = await open().send(secure(port, { caFile: fixture('ca.pem') }), shipment, 3000)
    expect(outcome).toMatchObject({ kind: 'accepted' })
  })

  test('any other is not, and the reason is said', async () => {
    const port = await secureServer(kind, false)
    const outcome = await open().send(secure(port, {}), shipment, 3000)
    expect(outcome).toMatchObject({ kind: 'retry', unreachable: true })
    expect((outcome as any).says).toMatch(/certificate|issuer/i)
  })

  test('a client certificate opens a door that is shut without it', async () => {
    const port = await secureServer(kind, true)
    const ca = { caFile: fixture('ca.pem') }
    const mine = { ...ca, clientCertFile: fixture('client.pem'), clientKeyFile: fixture('client.key') }
    expect(await open().send(secure(port, ca), shipment, 3000)).toMatchObject({ kind: 'retry' })
    expect(await open().send(secure(port, mine), shipment, 3000)).toMatchObject({ kind: 'accepted' })
  })

  test('a certificate file that does not exist is not fatal', async () => {
    const port = await secureServer(kind, false)
    const outcome = await open().send(secure(port, { caFile: '/nowhere/ca.pem' }), shipment, 3000)
    expect(outcome.kind).toBe('retry')
  })

  test('https to a port that speaks plain HTTP is explained, without the words of OpenSSL', async () => {
    const plain = kind === 'http' ? http.createServer() : createServer()
    plain.listen(0, '127.0.0.1')
    await once(plain, 'listening')
    cleanups.push(() => plain.close())
    const { port } = plain.address() as AddressInfo
    const outcome = await open().send(secure(port, {}), shipment, 3000)
    expect(outcome).toMatchObject({ kind: 'retry', unreachable: true })
    const { says } = outcome as { says: string }
    expect(says).toMatch(/wrong version number.*; the port does not speak TLS: write http:\/\/$/)
    expect(says).not.toMatch(/openssl|routines|\n/i)
  })

  test('the reason that nobody could be reached is the one of the connection', async () => {
    const closed = http.createServer().listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const { port } = closed.address() as AddressInfo
    await new Promise(resolve => closed.close(resolve))
    for (const host of ['127.0.0.1', 'localhost']) {
      const there = { ...secure(port, {}), endpoint: `http://${host}:${port}` }
      const outcome = await open().send(there, shipment, 3000)
      expect(outcome).toMatchObject({ kind: 'retry', code: 'ECONNREFUSED', unreachable: true })
      expect((outcome as { says: string }).says).toMatch(/^connect ECONNREFUSED (127\.0\.0\.1|::1):\d+$/)
    }
  })

  test.each([
    ['a header value with a line break', { headers: { 'x-a': 'b\r\nc' } }],
    ['an endpoint that is not one', { endpoint: 'http://' }],
  ])('%s is refused, not thrown', async (_, change) => {
    const outcome = await open().send({ ...secure(1, {}), ...change }, shipment, 3000)
    expect(outcome.kind).not.toBe('accepted')
  })
})

describe('the application does not see our requests', () => {
  test('not through node:http, and not in the context of its own request', async () => {
    const c = await Collector.start('http')
    cleanups.push(() => c.stop())
    const storage = new AsyncLocalStorage<string>()
    const requests = jest.fn()
    const stores: unknown[] = []
    const listen = (name: string, listener: (message: unknown) => void) => {
      channel(name).subscribe(listener)
      cleanups.push(() => channel(name).unsubscribe(listener))
    }
    for (const name of ['http.client.request.created', 'http.client.request.start']) listen(name, requests)
    listen('net.client.socket', () => stores.push(storage.getStore()))
    const original = http.request
    http.request = requests as any
    cleanups.push(() => {
      http.request = original
    })
    const e = createExport(exportConfig({ port: c.port }))
    cleanups.push(() => e.shutdown(10))
    storage.run('a request of the application', () => {
      for (let i = 0; i < 512; i++) e.spans.add(endedSpan()) // leaves at once, by size
      e.logs.add({ scope: { name: 'l' }, observedMs: 1, body: 'leaves by timer' })
    })
    await until(() => c.accepted.length === 2, 'both requests arrive')
    expect(requests).not.toHaveBeenCalled()
    expect(stores.length).toBeGreaterThan(0)
    for (const store of stores) expect(store).toBeUndefined()
  })
})

test('headers of the user replace ours, and cannot change where the body ends', async () => {
  const c = await Collector.start('http')
  cleanups.push(() => c.stop())
  const sender = createHttpSender()
  cleanups.push(() => sender.close())
  const headers = {
    Host: 'collector.example',
    authorization: 'Bearer t',
    'Content-Length': '3',
    'Transfer-Encoding': 'chunked',
  }
  const to = { ...target('http/protobuf', c.port, '/v1/traces'), headers }
  const body = Buffer.from('a body of 20 bytes..')
  expect(await sender.send(to, { ...shipment, bytes: body }, 3000)).toMatchObject({ kind: 'accepted' })
  expect(c.seen[0]!.headers).toMatchObject({
    host: 'collector.example',
    authorization: 'Bearer t',
    'content-length': '20',
  })
  expect(c.seen[0]!.headers).not.toHaveProperty('transfer-encoding')
})

test('a connection is not used beyond the time the collector keeps it', async () => {
  let connections = 0
  const server = http.createServer((request, response) => request.resume().on('end', () => response.end()))
  server.keepAliveTimeout = 1000
  server.on('connection', () => connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(() => server.close())
  const sender = createHttpSender()
  cleanups.push(() => sender.close())
  const to = target('http/protobuf', (server.address() as AddressInfo).port, '/')
  for (let i = 1; i <= 2; i++) {
    expect(await sender.send(to, shipment, 3000)).toMatchObject({ kind: 'accepted' })
    expect(connections).toBe(i)
  }
})

test('a gRPC connection that died without a word is noticed by ping, long before the deadline', async () => {
  const c = await Collector.start('grpc')
  cleanups.push(() => c.stop())
  const sender = createGrpcSender({ intervalMs: 50, timeoutMs: 100 })
  cleanups.push(() => sender.close())
  const line = await wire(c.port)
  cleanups.push(() => line.close())
  const to = target('grpc', line.port)
  expect(await sender.send(to, shipment, 5000)).toMatchObject({ kind: 'accepted' })
  c.reply = () => 'hang'
  // A collector that is alive and slow answers pings: the call may take its time.
  const slow = sender.send(to, shipment, 600)
  expect(await slow).toMatchObject({ kind: 'retry', code: 'DEADLINE_EXCEEDED' })
  // A dead one does not.
  c.reply = () => 'ok'
  expect(await sender.send(to, shipment, 5000)).toMatchObject({ kind: 'accepted' })
  line.cut()
  const began = performance.now()
  expect(await sender.send(to, shipment, 60_000)).toMatchObject({ kind: 'retry', code: 'UNAVAILABLE' })
  expect(performance.now() - began).toBeLessThan(5000)
  expect(await sender.send(to, shipment, 5000)).toMatchObject({ kind: 'accepted' })
})
