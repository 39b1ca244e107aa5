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
  test('not through a patched http.request, not without the mark, not in the context of its own request', async () => {
    const c = await Collector.start('http')
    cleanups.push(() => c.stop())
    const storage = new AsyncLocalStorage<string>()
    const seen: { untraced: unknown; store: string | undefined }[] = []
    const mark = Symbol.for('org.otel.untraced')
    const listener = (message: any) =>
      seen.push({
        untraced: message.request[mark] ?? message.request.agent?.[mark],
        store: storage.getStore(),
      })
    const channels = ['http.client.request.created', 'http.client.request.start'].map(n => channel(n))
    for (const one of channels) one.subscribe(listener)
    cleanups.push(() => {
      for (const one of channels) one.unsubscribe(listener)
    })
    const original = http.request
    const patched = jest.fn()
    http.request = patched as any
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
    expect(patched).not.toHaveBeenCalled()
    expect(seen.length).toBeGreaterThan(0)
    for (const one of seen) expect(one).toEqual({ untraced: true, store: undefined })
  })
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
