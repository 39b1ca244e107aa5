// A collector that does as it is told: answers, refuses, hangs up, says nothing. Real sockets, loopback, port 0.
import { createServer, type Server } from 'node:http'
import {
  createServer as createHttp2Server,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { decode, type MessageName } from './otlp.ts'

export type Signal = 'traces' | 'metrics' | 'logs'

export interface Received {
  signal: Signal
  headers: Record<string, any>
  /** Uncompressed request bytes. */
  bytes: Buffer
  /** `undefined` when it is not protobuf. */
  message: any
  itemNames: string[]
}

export type Reply =
  | 'ok'
  | 'hang'
  | 'reset'
  /** Headers and half of the promised body, then a reset. */
  | 'reset-in-body'
  | {
      status?: number
      headers?: Record<string, string>
      body?: Buffer | string
      /** gRPC only. */
      grpcStatus?: number
      grpcMessage?: string
      grpcDetails?: Buffer
      trailersOnly?: boolean
      /** Breaks the connection instead of answering. */
      reset?: boolean
      /** Answers later; what a success accepts is accepted at once. */
      afterMs?: number
    }

const messages: Record<Signal, MessageName> = {
  traces: 'TraceRequest',
  metrics: 'MetricsRequest',
  logs: 'LogsRequest',
}

export class Collector {
  /** Everything that came in, whatever was answered. */
  readonly seen: Received[] = []
  /** What was answered with success. */
  readonly accepted: Received[] = []
  port = 0
  connections = 0
  reply: (request: Received, index: number) => Reply = () => 'ok'
  private readonly sockets = new Set<Socket>()
  readonly sessions = new Set<ServerHttp2Session>()
  private server: Server | Http2Server | undefined
  readonly kind: 'http' | 'grpc'

  constructor(kind: 'http' | 'grpc') {
    this.kind = kind
  }

  static async start(kind: 'http' | 'grpc', port = 0): Promise<Collector> {
    const collector = new Collector(kind)
    await collector.listen(port)
    return collector
  }

  listen(port = this.port): Promise<void> {
    const server = this.kind === 'http' ? this.httpServer() : this.grpcServer()
    this.server = server
    server.on('connection', (socket: Socket) => {
      this.connections++
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
      socket.on('error', () => {})
    })
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => {
        this.port = (server.address() as { port: number }).port
        resolve()
      })
    })
  }

  /** Closes the port and all connections; `listen` opens the same port again. */
  stop(): Promise<void> {
    const { server } = this
    if (server === undefined) return Promise.resolve()
    this.server = undefined
    return new Promise(resolve => {
      server.close(() => resolve())
      for (const socket of this.sockets) socket.destroy()
    })
  }

  /** Names of everything accepted: spans, metrics, or log bodies. */
  get names(): string[] {
    return this.accepted.flatMap(r => r.itemNames)
  }

  private receive(signal: Signal, headers: Record<string, any>, bytes: Buffer): Received {
    let message: any
    let itemNames: string[] = []
    try {
      message = decode(messages[signal], bytes)
      itemNames = namesOf(signal, message)
    } catch {}
    const received = { signal, headers, bytes, message, itemNames }
    this.seen.push(received)
    return received
  }

  private httpServer(): Server {
    return createServer((req, res) => {
      const chunks: Buffer[] = []
      req.on('error', () => {})
      req.on('data', (c: Buffer) => chunks.push(c))
      req.on('end', () => {
        const body = Buffer.concat(chunks)
        const plain = req.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
        const signal = (/v1\/(traces|metrics|logs)/.exec(req.url ?? '')?.[1] ?? 'traces') as Signal
        const received = this.receive(signal, { ...req.headers, ':path': req.url }, plain)
        const reply = this.reply(received, this.seen.length - 1)
        if (reply === 'hang') return
        if (reply === 'reset') return void req.socket.resetAndDestroy()
        if (reply === 'reset-in-body') {
          this.accepted.push(received)
          res.writeHead(200, { 'content-type': 'application/x-protobuf', 'content-length': 100 })
          res.write('half', () => req.socket.resetAndDestroy())
          return
        }
        const { status = 200, headers = {}, body: answer = '' } = reply === 'ok' ? {} : reply
        if (status < 300 && (reply === 'ok' || !reply.reset)) this.accepted.push(received)
        later(reply, () => {
          if (reply !== 'ok' && reply.reset) return void req.socket.resetAndDestroy()
          res.writeHead(status, { 'content-type': 'application/x-protobuf', ...headers })
          res.end(answer)
        })
      })
    })
  }

  private grpcServer(): Http2Server {
    const server = createHttp2Server()
    server.on('session', session => {
      this.sessions.add(session)
      session.on('close', () => this.sessions.delete(session))
      session.on('error', () => {})
    })
    server.on('stream', (stream: ServerHttp2Stream, headers) => {
      const chunks: Buffer[] = []
      stream.on('error', () => {})
      stream.on('data', (c: Buffer) => chunks.push(c))
      stream.on('end', () => {
        // A connection that broke also ends its streams.
        if (stream.destroyed || stream.aborted) return
        const all = Buffer.concat(chunks)
        const body = all.subarray(5, 5 + all.readUInt32BE(1))
        const plain = all[0] === 1 ? gunzipSync(body) : body
        const signal: Signal = /TraceService/.test(headers[':path']!)
          ? 'traces'
          : /LogsService/.test(headers[':path']!)
            ? 'logs'
            : 'metrics'
        const received = this.receive(signal, headers, plain)
        const reply = this.reply(received, this.seen.length - 1)
        if (reply === 'hang') return
        if (reply === 'reset') return void (stream.session as any)?.socket?.resetAndDestroy?.()
        if (reply === 'reset-in-body') {
          stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
          stream.write(Buffer.from([0, 0]), () => stream.close(2))
          return
        }
        const r = reply === 'ok' ? {} : reply
        if (r.status !== undefined && r.status !== 200) {
          stream.respond({ ':status': r.status, 'content-type': 'text/plain' })
          return void stream.end('nope')
        }
        const trailers: Record<string, string> = { 'grpc-status': String(r.grpcStatus ?? 0) }
        if (r.grpcMessage !== undefined) trailers['grpc-message'] = encodeURIComponent(r.grpcMessage)
        if (r.grpcDetails !== undefined)
          trailers['grpc-status-details-bin'] = r.grpcDetails.toString('base64')
        if (r.trailersOnly) {
          later(reply, () => {
            if (stream.destroyed) return
            stream.respond(
              { ':status': 200, 'content-type': 'application/grpc', ...trailers },
              { endStream: true },
            )
          })
          return
        }
        if (trailers['grpc-status'] === '0' && !r.reset) this.accepted.push(received)
        later(reply, () => {
          if (stream.destroyed) return
          if (r.reset) return void (stream.session as any)?.socket?.resetAndDestroy?.()
          stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
          stream.on('wantTrailers', () => stream.sendTrailers(trailers))
          const answer = Buffer.from((r.body as Buffer) ?? '')
          const prefix = Buffer.alloc(5)
          prefix.writeUInt32BE(answer.length, 1)
          stream.end(Buffer.concat([prefix, answer]))
        })
      })
    })
    return server
  }
}

function later(reply: Reply, answer: () => void): void {
  const afterMs = typeof reply === 'string' ? undefined : reply.afterMs
  if (afterMs === undefined) answer()
  else setTimeout(answer, afterMs)
}

function namesOf(signal: Signal, message: any): string[] {
  const names: string[] = []
  if (signal === 'traces') {
    for (const r of message.resourceSpans ?? [])
      for (const s of r.scopeSpans) for (const i of s.spans) names.push(i.name)
  } else if (signal === 'logs') {
    for (const r of message.resourceLogs ?? []) {
      for (const s of r.scopeLogs) for (const i of s.logRecords) names.push(i.body?.stringValue ?? '')
    }
  } else {
    for (const r of message.resourceMetrics ?? []) {
      for (const s of r.scopeMetrics) for (const i of s.metrics) names.push(i.name)
    }
  }
  return names
}

/** A wire to `port` that can be cut without anybody being told. Connections made after the cut work. */
export async function wire(port: number): Promise<{ port: number; cut(): void; close(): void }> {
  const sockets = new Set<Socket>()
  const server = createTcpServer(socket => {
    const upstream = connect(port, '127.0.0.1')
    for (const one of [socket, upstream]) {
      sockets.add(one)
      one.on('error', () => {})
    }
    socket.pipe(upstream).pipe(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    cut() {
      for (const socket of sockets) socket.unpipe().pause()
    },
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** Waits for a condition, never for a time. */
export async function until(condition: () => boolean, what: string, timeoutMs = 15_000): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!condition()) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
