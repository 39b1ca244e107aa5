// One connection to a collector: a request at a time, written and read here. Never holds the process.
import type { Socket } from 'node:net'
import { AnswerReader } from './http-answer.ts'

const connectTimeoutMs = 3000
/** Said by Node in the same case. */
const hangUp = 'socket hang up'

export type Exchanged =
  | { readonly answer: AnswerReader }
  /** `isStale`: it was a connection kept from before, and closed without a byte of an answer. */
  | { readonly error: unknown; readonly isStale: boolean }

interface Exchange {
  readonly body: Buffer
  readonly reader: AnswerReader
  readonly timer: NodeJS.Timeout
  readonly resolve: (result: Exchanged) => void
}

export class HttpConnection {
  readonly socket: Socket
  private readonly onIdle: (connection: HttpConnection) => void
  private readonly onGone: (connection: HttpConnection) => void
  private exchange: Exchange | undefined
  private failure: unknown
  private isReused = false
  private idleUntilMs = Number.POSITIVE_INFINITY

  /** `onIdle` is told when it may be used (again), `onGone` when it never may. */
  constructor(
    socket: Socket,
    onIdle: (connection: HttpConnection) => void,
    onGone: (connection: HttpConnection) => void,
  ) {
    this.socket = socket
    this.onIdle = onIdle
    this.onGone = onGone
    socket.unref()
    const connecting = setTimeout(() => {
      this.destroy(timeoutError(`no connection within ${connectTimeoutMs} ms`))
    }, connectTimeoutMs)
    connecting.unref()
    socket.once('connect', () => clearTimeout(connecting))
    socket.on('data', bytes => this.read(bytes))
    socket.on('end', () => this.readEnd())
    socket.on('error', error => {
      this.failure ??= error
    })
    socket.on('close', () => {
      clearTimeout(connecting)
      this.onGone(this)
      this.settle()
    })
  }

  /** The body under way, undefined when there is none. */
  get body(): Buffer | undefined {
    return this.exchange?.body
  }

  /** Of the answer under way; 0 before its head has arrived. */
  get status(): number {
    return this.exchange?.reader.status ?? 0
  }

  /** False once it is closed, or will be by the other side before it reads another request. */
  isUsable(): boolean {
    return !this.socket.destroyed && this.socket.writable && Date.now() < this.idleUntilMs
  }

  /** `head` in latin1 with its empty line. Ends within `timeoutMs`, never rejects. */
  send(head: string, body: Buffer, timeoutMs: number): Promise<Exchanged> {
    return new Promise(resolve => {
      const timer = setTimeout(() => {
        // After a process was blocked, or its machine asleep, timers run before sockets are read: an answer that came in
        // time is read first, or what was accepted would be sent again.
        setImmediate(() => {
          if (this.exchange === exchange) this.destroy(timeoutError(`no answer within ${timeoutMs} ms`))
        })
      }, timeoutMs)
      timer.unref()
      const exchange: Exchange = { body, reader: new AnswerReader(), timer, resolve }
      this.exchange = exchange
      const { socket } = this
      socket.cork()
      socket.write(head, 'latin1')
      socket.write(body)
      socket.uncork()
    })
  }

  destroy(error?: Error): void {
    this.failure ??= error
    this.socket.destroy()
  }

  private read(bytes: Buffer): void {
    const { exchange } = this
    // Nobody asked: a server that shuts an idle connection may say why (408), or it is no HTTP at all.
    if (exchange === undefined) {
      this.destroy()
      return
    }
    const { reader } = exchange
    try {
      reader.push(bytes)
      if (reader.isDone) this.settle()
      else if (reader.isTooLong) this.destroy()
    } catch (error) {
      this.destroy(error as Error)
    }
  }

  private readEnd(): void {
    this.exchange?.reader.end()
    this.settle()
    this.socket.destroy()
  }

  private settle(): void {
    const { exchange, failure } = this
    if (exchange === undefined) return
    const { reader, timer, resolve } = exchange
    // The end of the connection says nothing yet when it ended with an error: that comes with `close`.
    if (!reader.isDone && !this.socket.destroyed) return
    this.exchange = undefined
    clearTimeout(timer)
    // Once a status has arrived it counts, whatever happened to the rest of the answer.
    if (reader.status !== 0) {
      this.keep(reader)
      resolve({ answer: reader })
      return
    }
    const error = failure ?? Object.assign(new Error(hangUp), { code: 'ECONNRESET' })
    const { code } = error as NodeJS.ErrnoException
    const isStale = this.isReused && !reader.hasBegun && (code === 'ECONNRESET' || code === 'EPIPE')
    resolve({ error, isStale })
  }

  // A request that was answered before it was read to its end leaves bytes that nobody will take.
  private keep(reader: AnswerReader): void {
    const { writable, writableLength } = this.socket
    if (!reader.isDone || !reader.keepsAlive || !writable || writableLength > 0) {
      this.destroy()
      return
    }
    this.isReused = true
    const seconds = Number(/(?:^|[\s,;])timeout=(\d+)/i.exec(reader.headers['keep-alive'] ?? '')?.[1])
    // A second before it says: the request has to arrive there.
    if (seconds > 0) this.idleUntilMs = Date.now() + (seconds - 1) * 1000
    this.onIdle(this)
  }
}

function timeoutError(message: string): Error {
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' })
}
