// OTLP over gRPC: unary calls on one HTTP/2 session, which is reused, replaced when it breaks and never holds the
// process. Specification: grpc/doc/PROTOCOL-HTTP2.md.
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import type { OtlpTarget } from '../config/config.ts'
import { readPartialSuccess } from './answer.ts'
import { describeFailure } from './failure.ts'
import { lowerCaseKeys } from './http-headers.ts'
import { readFrames } from './http2-frames.ts'
import { type OpenConnection, readAnswers } from './late-answers.ts'
import { grpcOfHttpStatus, type Outcome, outcomeOfGrpc } from './outcome.ts'
import { readRefusal } from './refusal-text.ts'
import type { Sender, Shipment } from './sender.ts'
import { readTlsFiles } from './tls-files.ts'
import { untraced } from './untraced.ts'
import { userAgent } from './user-agent.ts'
import { readVarint, walk } from './wire.ts'
import { grpcOrigin, grpcPath } from './wire-request.ts'

const connectTimeoutMs = 3000
/** While a call waits, silence of the connection itself is noticed after interval + timeout, whatever the deadline. */
const pings = { intervalMs: 5000, timeoutMs: 5000 }
const maxAnswerBytes = 4 << 20

interface Link {
  readonly session: ClientHttp2Session
  /** The peer said it will take no more calls, or the session broke. */
  finished: boolean
  /** The last call the peer has looked at or will, once it said so. */
  lastStream: number
  calls: number
  failure: Error | undefined
  readonly open: Set<OpenCall>
}

/** A call that has not been answered in full. */
interface OpenCall {
  readonly stream: ClientHttp2Stream
  readonly bytes: Buffer
  status: number | undefined
  hasMessage: boolean
}

export function createGrpcSender(keepAliveTimes = pings): Sender {
  const links = new Map<string, Link>()
  return {
    async send(target, shipment, timeoutMs) {
      const first = await call(links, target, shipment, timeoutMs, keepAliveTimes)
      // The session was closing while we took it: the call was never looked at, so it may go again at once.
      return first === 'not_processed'
        ? retried(await call(links, target, shipment, timeoutMs, keepAliveTimes))
        : first
    },
    close() {
      for (const { session } of links.values()) session.destroy()
      links.clear()
    },
    readAnswers: budgetMs => readAnswers([...links.values()].map(describeOpen), budgetMs),
  }
}

function describeOpen({ session, open }: Link): OpenConnection {
  const calls = [...open].filter(({ stream }) => stream.id !== undefined)
  const read = readFrames(new Map(calls.map(call => [call.stream.id as number, call])))
  const bodies = new Map(calls.map(({ stream, bytes }) => [stream.id as number, bytes]))
  return {
    requests: calls.map(({ stream, bytes, status }) => ({
      // Not the socket itself, but what lets its state be read.
      socket: session.destroyed || session.connecting ? undefined : session.socket,
      body: bytes,
      isWritten: stream.writableFinished,
      verdict: status === undefined ? 'open' : status === 0 ? 'accepted' : 'refused',
    })),
    read: bytes => new Map([...read(bytes)].map(([id, verdict]) => [bodies.get(id) as Buffer, verdict])),
  }
}

function retried(outcome: Outcome | 'not_processed'): Outcome {
  if (outcome !== 'not_processed') return outcome
  return { kind: 'retry', code: 'UNAVAILABLE', says: 'the connection is being closed', unreachable: false }
}

function call(
  links: Map<string, Link>,
  target: OtlpTarget,
  { signal, bytes, gzipped }: Shipment,
  timeoutMs: number,
  keepAliveTimes: typeof pings,
): Promise<Outcome | 'not_processed'> {
  return new Promise(resolve => {
    let link: Link
    let stream: ClientHttp2Stream
    try {
      link = linkTo(links, target)
      stream = link.session.request(
        {
          ':method': 'POST',
          ':path': grpcPath(signal),
          'user-agent': userAgent,
          ...lowerCaseKeys(target.headers),
          te: 'trailers',
          'content-type': 'application/grpc',
          'grpc-timeout': `${Math.max(1, Math.round(timeoutMs))}m`,
          ...(gzipped ? { 'grpc-encoding': 'gzip' } : {}),
        },
        { endStream: false },
      )
    } catch (error) {
      // A bad header or URL, or a session that broke in this very moment.
      const { code = '', message } = error as NodeJS.ErrnoException
      const isOurs = code.startsWith('ERR_INVALID') || code.startsWith('ERR_HTTP2_INVALID')
      return resolve(
        isOurs
          ? { kind: 'refused', code, says: 'one of OTEL_EXPORTER_OTLP_HEADERS cannot be sent as a header' }
          : { kind: 'retry', code: 'UNAVAILABLE', says: message, unreachable: true },
      )
    }
    link.calls++
    const open: OpenCall = { stream, bytes, status: undefined, hasMessage: false }
    link.open.add(open)
    let status: number | undefined
    let message = ''
    let details: string | undefined
    let httpStatus = 0
    let isGrpc = false
    let contentType = ''
    let size = 0
    const chunks: Buffer[] = []
    let outcome: Outcome | undefined

    const readStatus = (headers: Record<string, unknown>) => {
      if (headers['grpc-status'] === undefined) return
      open.status = status = Number(headers['grpc-status'])
      message = decodeMessage(String(headers['grpc-message'] ?? ''))
      details = headers['grpc-status-details-bin'] as string | undefined
    }
    const giveUp = (code: string, says: string) => {
      // The answer may have been read since the timer fired.
      if (stream.closed) return
      if (status === undefined) outcome ??= { kind: 'retry', code, says, unreachable: true }
      stream.close(constants.NGHTTP2_CANCEL)
      stream.destroy()
      // Perhaps half-open: the next call gets a connection of its own.
      retire(links, link)
    }
    const deadline = setTimeout(() => {
      // After a process was blocked, or its machine asleep, timers run before sockets are read: an answer that came in
      // time is read first, or what was accepted would be sent again.
      setImmediate(giveUp, 'DEADLINE_EXCEEDED', `no answer within ${timeoutMs} ms`)
    }, timeoutMs)
    deadline.unref()
    const stopPinging = keepAlive(link, keepAliveTimes, () => {
      giveUp('UNAVAILABLE', 'the connection is dead')
    })

    stream.on('response', headers => {
      httpStatus = Number(headers[':status'])
      contentType = String(headers['content-type'] ?? '')
      isGrpc = contentType.startsWith('application/grpc')
      // "Trailers-only": status and all in the first and only header block.
      readStatus(headers)
    })
    stream.on('trailers', readStatus)
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length
      open.hasMessage = true
      if (size <= maxAnswerBytes) return void chunks.push(chunk)
      // It would be as long the next time.
      outcome ??= { kind: 'refused', code: 'answer_too_long', says: 'the answer is too long' }
      stream.close(constants.NGHTTP2_CANCEL)
    })
    stream.on('error', error => {
      if (link.failure === undefined && !link.finished) link.failure ??= error
    })
    stream.on('close', () => {
      clearTimeout(deadline)
      stopPinging()
      link.calls--
      link.open.delete(open)
      if (link.finished) destroyUnused(link)
      if (outcome !== undefined) return resolve(outcome)
      if (status !== undefined) {
        const answer = outcomeOfGrpc(status, message, readRetryInfo(details), Object.values(target.headers))
        return resolve(
          answer.kind === 'accepted'
            ? { kind: 'accepted', ...readPartialSuccess(readMessage(chunks)) }
            : answer,
        )
      }
      if (
        stream.rstCode === constants.NGHTTP2_REFUSED_STREAM ||
        // Never sent, or expressly not looked at. Whoever merely hung up may have accepted it.
        (link.finished &&
          link.failure === undefined &&
          (stream.id === undefined || stream.id > link.lastStream))
      ) {
        retire(links, link)
        return resolve('not_processed')
      }
      if (httpStatus >= 200 && httpStatus < 300 && isGrpc) {
        return resolve({
          kind: 'retry',
          code: 'UNAVAILABLE',
          says: 'the answer was cut off',
          unreachable: false,
        })
      }
      if (httpStatus !== 0) {
        // A proxy, or a server that does not speak gRPC: its page is all there is.
        const page = readRefusal(contentType, Buffer.concat(chunks), Object.values(target.headers))
        const said = page === '' ? '' : `; it says: ${page}`
        const answer = outcomeOfGrpc(grpcOfHttpStatus(httpStatus), `HTTP ${httpStatus}${said}`, undefined)
        return resolve(answer)
      }
      const { code, says } = explain(link.failure, target)
      resolve({ kind: 'retry', code, says, unreachable: true })
    })
    stream.end(frame(bytes, gzipped))
  })
}

function linkTo(links: Map<string, Link>, target: OtlpTarget): Link {
  const authority = grpcOrigin(target)
  const secure = authority.startsWith('https:')
  const key = `${authority} ${target.tls.caFile} ${target.tls.clientCertFile} ${target.tls.clientKeyFile}`
  const known = links.get(key)
  if (known !== undefined && !known.finished && !known.session.closed && !known.session.destroyed)
    return known
  const session = connect(authority, {
    ...(secure ? readTlsFiles(target.tls) : {}),
    settings: { enablePush: false },
    [untraced]: true,
  } as Parameters<typeof connect>[1])
  const link: Link = {
    session,
    finished: false,
    lastStream: Number.POSITIVE_INFINITY,
    calls: 0,
    failure: undefined,
    open: new Set(),
  }
  const connectTimer = setTimeout(() => {
    session.destroy(
      Object.assign(new Error(`no connection within ${connectTimeoutMs} ms`), { code: 'ETIMEDOUT' }),
    )
  }, connectTimeoutMs)
  connectTimer.unref()
  session.once('connect', () => {
    clearTimeout(connectTimer)
    session.unref()
  })
  session.on('error', error => {
    link.failure ??= error
  })
  session.on('goaway', (code, lastStream) => {
    link.finished = true
    link.lastStream = lastStream
    if (code !== constants.NGHTTP2_NO_ERROR) link.failure ??= new Error(`GOAWAY ${code}`)
  })
  session.on('close', () => {
    clearTimeout(connectTimer)
    link.finished = true
    if (links.get(key) === link) links.delete(key)
  })
  session.unref()
  links.set(key, link)
  return link
}

/** Calls in flight may end; no new one will use this session. */
function retire(links: Map<string, Link>, link: Link): void {
  link.finished = true
  for (const [key, known] of links) if (known === link) links.delete(key)
  destroyUnused(link)
}

function destroyUnused({ session, calls }: Link): void {
  if (calls === 0 && !session.destroyed) session.destroy()
}

/** Pings while a call waits. Returns how to stop. */
function keepAlive(link: Link, times: typeof pings, onDead: () => void): () => void {
  const { session } = link
  let pending: NodeJS.Timeout | undefined
  const interval = setInterval(() => {
    if (session.destroyed || session.connecting || pending !== undefined) return
    // Blocked in between? Then the answer to the ping is read first.
    pending = setTimeout(() => setImmediate(() => pending !== undefined && onDead()), times.timeoutMs)
    pending.unref()
    try {
      session.ping(() => {
        clearTimeout(pending)
        pending = undefined
      })
    } catch {
      // Destroyed in between: its close event tells.
    }
  }, times.intervalMs)
  interval.unref()
  return () => {
    clearInterval(interval)
    clearTimeout(pending)
  }
}

/** One length-prefixed gRPC message. */
export function frame(bytes: Buffer, gzipped: boolean): Buffer {
  const out = Buffer.allocUnsafe(5 + bytes.length)
  out[0] = gzipped ? 1 : 0
  out.writeUInt32BE(bytes.length, 1)
  bytes.copy(out, 5)
  return out
}

/** The first message, when it is there in full and not compressed. */
function readMessage(chunks: readonly Buffer[]): Buffer {
  const all = Buffer.concat(chunks)
  if (all.length < 5 || all[0] !== 0) return Buffer.alloc(0)
  const length = all.readUInt32BE(1)
  return length <= all.length - 5 ? all.subarray(5, 5 + length) : Buffer.alloc(0)
}

/** grpc-message is percent-encoded UTF-8, and not always well. */
function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * The delay asked for by google.rpc.RetryInfo in the status details, in milliseconds:
 * Status { details = 3: Any { type_url = 1, value = 2: RetryInfo { retry_delay = 1: Duration { seconds = 1, nanos = 2 } } } }
 */
export function readRetryInfo(base64: string | undefined): number | undefined {
  if (base64 === undefined) return undefined
  let delayMs: number | undefined
  try {
    const bytes = Buffer.from(base64, 'base64')
    walk(bytes, 0, bytes.length, status => {
      if (status.number !== 3 || status.wireType !== 2) return
      let isRetryInfo = false
      walk(bytes, status.from, status.to, any => {
        if (any.number === 1 && any.wireType === 2) {
          isRetryInfo = bytes.toString('utf8', any.from, any.to).endsWith('/google.rpc.RetryInfo')
        }
        if (any.number !== 2 || any.wireType !== 2 || !isRetryInfo) return
        delayMs = 0
        walk(bytes, any.from, any.to, info => {
          if (info.number !== 1 || info.wireType !== 2) return
          walk(bytes, info.from, info.to, part => {
            if (part.wireType !== 0) return
            const { value } = readVarint(bytes, part.from, part.to)
            delayMs! += part.number === 1 ? value * 1000 : part.number === 2 ? value / 1e6 : 0
          })
        })
      })
    })
  } catch {
    return undefined
  }
  return delayMs
}

function explain(failure: Error | undefined, target: OtlpTarget): { code: string; says: string } {
  const { code = 'UNAVAILABLE', says = 'the connection was closed' } = describeFailure(failure)
  const speaksHttp1 = code === 'ERR_HTTP2_ERROR' || /protocol error/i.test(says)
  const hint =
    speaksHttp1 || target.endpoint.endsWith(':4318')
      ? '; does this port speak gRPC? 4317 is gRPC, 4318 is HTTP: check OTEL_EXPORTER_OTLP_PROTOCOL'
      : ''
  return { code, says: `${says}${hint}` }
}
