// The receiver: every port speaks gRPC and HTTP, so the usual mistake (4317 and 4318 swapped) just works.
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { Store, type StoreBounds } from '../store/store.ts'
import { type Fault, Faults } from './fault.ts'
import { buildGrpcServer } from './grpc.ts'
import { buildHttpServer } from './http.ts'
import { Intake, type IntakeStats, type ReceivedRequest } from './intake.ts'
import { limits as defaultLimits, type RequestLimits } from './limits.ts'
import { sniff } from './sniff.ts'

export interface ReceiverOptions {
  /**
   * Address to listen on. Default `127.0.0.1`. `localhost` is 127.0.0.1 and, where there is one, ::1 too.
   * Anything that is not loopback also serves foreign Host headers.
   */
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
  /** More ports with the same service, for clients with fixed ones (4317, 4318). */
  readonly grpcPort?: number
  readonly httpPort?: number
  readonly bounds?: Partial<StoreBounds>
  /** Other limits than the defaults for what one request may hold and how long it may take. */
  readonly limits?: Partial<RequestLimits>
  /** Do not keep the process alive for it. Default false. */
  readonly unref?: boolean
}

export interface Receiver {
  readonly port: number
  /** For OTLP over HTTP, `http://127.0.0.1:4318`; append nothing, SDKs add `/v1/traces`. */
  readonly url: string
  /** For OTLP over gRPC. The same port unless `grpcPort` was given. */
  readonly grpcUrl: string
  readonly store: Store
  /** The last 1000 accepted requests. */
  readonly requests: readonly ReceivedRequest[]
  readonly stats: Readonly<IntakeStats>
  /** Makes the receiver misbehave; resolves when it does. */
  fail(fault: Fault): Promise<void>
  /** Ends the fault; resolves when requests succeed again. */
  heal(): Promise<void>
  /** Stops listening and closes every connection. What was received stays in `store`. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts an OTLP receiver on one port: gRPC and HTTP, protobuf and JSON, plain or compressed.
 * Rejects with the system error (`EADDRINUSE`, ...) when a port cannot be had.
 *
 *     const receiver = await startReceiver()
 *     // OTEL_EXPORTER_OTLP_ENDPOINT=${receiver.url} node --require @org/otel/register app.js
 *     const trace = await receiver.store.waitFor(store => store.traces()[0])
 *     await receiver.close()
 */
export async function startReceiver(options: ReceiverOptions = {}): Promise<Receiver> {
  const { host = '127.0.0.1', port = 0, grpcPort, httpPort, bounds, unref = false } = options
  const limits = { ...defaultLimits, ...options.limits }
  const intake = new Intake(new Store(bounds), limits)
  const faults = new Faults()
  const http1 = buildHttpServer(intake, faults, { loopbackOnly: isLoopback(host) })
  const http2 = buildGrpcServer(intake, faults)
  const sockets = new Set<Socket>()
  const onConnection = (socket: Socket) => {
    if (sockets.size >= limits.connections) return void socket.destroy()
    sockets.add(socket)
    if (unref) socket.unref()
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.setNoDelay(true)
    sniff(
      socket,
      limits.slowClientMs,
      () => http1.emit('connection', socket),
      () => http2.emit('connection', socket),
    )
  }

  const wanted = [port, grpcPort, httpPort].filter((p, i) => i === 0 || p !== undefined) as number[]
  let servers: Server[] = []
  let twins: Server[] = []
  const open = async (ports: readonly number[]) => {
    try {
      for (const each of ports) {
        const server = await listen(each, host === 'localhost' ? '127.0.0.1' : host, onConnection, unref)
        servers.push(server)
        if (host === 'localhost') {
          const twin = await listen(portOf(server), '::1', onConnection, unref).catch(skipMissingIpv6)
          if (twin !== undefined) twins.push(twin)
        }
      }
    } catch (error) {
      await shut()
      throw error
    }
  }
  const shut = async () => {
    const closing = [...servers, ...twins].map(server => new Promise(resolve => server.close(resolve)))
    servers = []
    twins = []
    for (const socket of sockets) socket.destroy()
    await Promise.all(closing)
  }
  await open(wanted)
  const ports = servers.map(portOf)
  const at = (which: number | undefined) => {
    const chosen = which === undefined ? ports[0]! : ports[wanted.indexOf(which, 1)]!
    return `http://${host.includes(':') ? `[${host}]` : host}:${chosen}`
  }

  let closed = false
  const receiver: Receiver = {
    port: ports[0]!,
    url: at(httpPort),
    grpcUrl: at(grpcPort),
    store: intake.store,
    requests: intake.requests,
    stats: intake.stats,
    async fail(fault) {
      await receiver.heal()
      faults.set(fault)
      if (fault.mode === 'refuse') await shut()
    },
    async heal() {
      const before = faults.last
      faults.set(undefined)
      // Hanging requests must fail, or their senders wait for their own timeout.
      if (before?.mode === 'hang') for (const socket of sockets) socket.destroy()
      if (servers.length === 0 && !closed) await open(ports)
    },
    async close() {
      closed = true
      await shut()
      http1.close()
      http2.close()
    },
    [Symbol.asyncDispose]: () => receiver.close(),
  }
  return receiver
}

function listen(
  port: number,
  host: string,
  onConnection: (socket: Socket) => void,
  unref: boolean,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(onConnection)
    if (unref) server.unref()
    server.once('error', reject)
    server.listen(port, host, () => {
      server.removeListener('error', reject)
      // Accepting can fail later (EMFILE); a listener without a handler would end the process.
      server.on('error', () => {})
      resolve(server)
    })
  })
}

function skipMissingIpv6(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'EADDRNOTAVAIL' && error.code !== 'EAFNOSUPPORT') throw error
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
