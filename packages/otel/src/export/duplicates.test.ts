// OTLP is at-least-once: a request whose answer is lost goes again. These are the cases in which it is not lost, only
// late, and sending again would make two of one.
import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { Collector, until } from '../../test/export/collector.ts'
import { endedSpan, exportConfig, target } from '../../test/export/samples.ts'
import type { OtlpTarget } from '../config/config.ts'
import { createExport } from './export.ts'
import { createGrpcSender } from './grpc-sender.ts'
import { createHttpSender } from './http-sender.ts'
import type { Shipment } from './sender.ts'

const shipment: Shipment = { signal: 'traces', bytes: Buffer.from('abc'), gzipped: false, items: 1 }
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** Accepts everything on a thread of its own, so that it goes on while this one stands still. Counts in `counter[0]`. */
const elsewhere = `
const { parentPort, workerData } = require('node:worker_threads')
const counter = new Int32Array(workerData.shared)
const served = () => { Atomics.add(counter, 0, 1); Atomics.notify(counter, 0) }
const server = workerData.protocol === 'grpc'
  ? require('node:http2').createServer().on('stream', stream => stream.on('error', () => {}).resume().on('end', () => {
      served()
      setTimeout(() => stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' }, { endStream: true }), workerData.afterMs)
    }))
  : require('node:http').createServer((req, res) => req.resume().on('end', () => { served(); setTimeout(() => res.end(), workerData.afterMs) }))
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))
`

describe.each([
  ['http/protobuf', createHttpSender],
  ['grpc', createGrpcSender],
] as const)('%s', (protocol, create) => {
  const open = () => {
    const sender = create()
    cleanups.push(() => sender.close())
    return sender
  }

  test('an answer that came while the process stood still is read, though its deadline is over', async () => {
    const shared = new SharedArrayBuffer(4)
    const counter = new Int32Array(shared)
    const worker = new Worker(elsewhere, { eval: true, workerData: { shared, protocol, afterMs: 50 } })
    cleanups.push(() => worker.terminate())
    const port = await new Promise<number>(resolve => worker.once('message', resolve))
    const sender = open()
    // The first call makes the connection.
    expect(await sender.send(target(protocol, port, '/v1/traces'), shipment, 5000)).toMatchObject({
      kind: 'accepted',
    })
    const outcome = sender.send(target(protocol, port, '/v1/traces'), shipment, 500)
    await until(() => Atomics.load(counter, 0) === 2, 'the request arrives')
    // A long garbage collection, a debugger, a suspended machine. From here the loop comes to its timers first.
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 800))
    expect(await outcome).toMatchObject({ kind: 'accepted' })
    expect(Atomics.load(counter, 0)).toBe(2)
  })

  test('a request that gets no answer does not take another one on the same way with it', async () => {
    const c = await Collector.start(protocol === 'grpc' ? 'grpc' : 'http')
    cleanups.push(() => c.stop())
    const sender = open()
    const to: OtlpTarget = target(protocol, c.port, '/v1/traces')
    expect(await sender.send(to, shipment, 5000)).toMatchObject({ kind: 'accepted' })
    c.reply = (_, index) => (index === 1 ? 'hang' : { afterMs: 500 })
    const first = sender.send(to, shipment, 300)
    await until(() => c.seen.length === 2, 'the first arrives')
    const second = sender.send(to, shipment, 5000)
    expect(await first).toMatchObject({ kind: 'retry' })
    expect(await second).toMatchObject({ kind: 'accepted' })
    expect(c.seen).toHaveLength(3)
  })

  test('an answer after which the collector closes counts', async () => {
    const c = await Collector.start(protocol === 'grpc' ? 'grpc' : 'http')
    cleanups.push(() => c.stop())
    c.reply = () => {
      for (const session of c.sessions) session.close()
      return { afterMs: 50, headers: { connection: 'close' } }
    }
    const e = createExport(exportConfig({ protocol, port: c.port }))
    cleanups.push(() => e.shutdown(10))
    for (let i = 0; i < 3; i++) {
      e.spans.add(endedSpan())
      await e.flush(3000)
    }
    expect(c.seen).toHaveLength(3)
    expect(e.account.lines()[0]!.exported).toBe(3)
  })
})

test('a gRPC call that the collector had looked at before it hung up waits before it goes again', async () => {
  const c = await Collector.start('grpc')
  cleanups.push(() => c.stop())
  c.reply = () => {
    // GOAWAY that covers this call, then the end: it may have been accepted.
    for (const session of c.sessions) {
      session.goaway(0, 1)
      setTimeout(() => session.destroy(), 50)
    }
    return 'hang'
  }
  const sender = createGrpcSender()
  cleanups.push(() => sender.close())
  expect(await sender.send(target('grpc', c.port), shipment, 3000)).toMatchObject({ kind: 'retry' })
  expect(c.seen).toHaveLength(1)
})

test('a gRPC answer that is too long is not asked for again', async () => {
  const c = await Collector.start('grpc')
  cleanups.push(() => c.stop())
  c.reply = () => ({ body: Buffer.alloc(5 << 20) })
  const sender = createGrpcSender()
  cleanups.push(() => sender.close())
  expect(await sender.send(target('grpc', c.port), shipment, 3000)).toMatchObject({ kind: 'refused' })
})

test('an HTTP answer that was written when the connection broke is read before the break', async () => {
  // Reads the request, answers, and resets at once.
  const sockets = new Set<Socket>()
  const seen: number[] = []
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', chunk => {
      if (!chunk.includes('abc')) return
      seen.push(chunk.length)
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', () => socket.resetAndDestroy())
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => server.close())
  const { port } = server.address() as AddressInfo
  const sender = createHttpSender()
  cleanups.push(() => sender.close())
  for (let i = 0; i < 3; i++) {
    const outcome = await sender.send(target('http/protobuf', port, '/v1/traces'), shipment, 3000)
    expect(outcome).toMatchObject({ kind: 'accepted' })
  }
  expect(seen).toHaveLength(3)
})
