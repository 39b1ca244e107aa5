// OTLP over HTTP/1: POST /v1/{traces,metrics,logs}, protobuf or JSON.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { encodings, inflate, maxWireBytes, readAll } from './body.ts'
import { encodePartialSuccess, encodeStatus } from './encode.ts'
import type { Fault, Faults } from './fault.ts'
import type { Intake, Protocol } from './intake.ts'
import { Rejection, reasons } from './rejection.ts'
import type { Signal } from './schema.ts'

const signals: Record<string, Signal> = {
  '/v1/traces': 'traces',
  '/v1/metrics': 'metrics',
  '/v1/logs': 'logs',
}
const mediaTypes: Record<string, Protocol> = {
  'application/x-protobuf': 'http/protobuf',
  'application/protobuf': 'http/protobuf',
  'application/json': 'http/json',
}

/** `loopbackOnly`: refuse a Host that is not this machine, which is how a web page would reach us (DNS rebinding). */
export function buildHttpServer(intake: Intake, faults: Faults, options: { loopbackOnly: boolean }): Server {
  const server = createServer(
    {
      maxHeaderSize: intake.limits.headerBytes,
      headersTimeout: intake.limits.slowClientMs,
      requestTimeout: intake.limits.slowClientMs,
      keepAliveTimeout: intake.limits.idleMs,
      connectionsCheckingInterval: Math.min(1000, intake.limits.slowClientMs),
    },
    (request, response) => {
      // The peer may go at any moment; there is nobody left to tell.
      request.on('error', () => {})
      response.on('error', () => {})
      void answer(request, response, intake, faults, options.loopbackOnly)
    },
  )
  // Node checks its timeouts only for servers that listen; this one is handed connections, so it is told that it does.
  server.emit('listening')
  // Unparseable HTTP: the default handler answers 400/431 and closes, which is right; only count it.
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
    intake.refuse(new Rejection('malformed', 'request: not HTTP'))
    const status =
      error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
    socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
  })
  return server
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  intake: Intake,
  faults: Faults,
  loopbackOnly: boolean,
): Promise<void> {
  let protocol: Protocol = 'http/json'
  try {
    const path = (request.url ?? '').split('?', 1)[0]!
    if (loopbackOnly && !isLocalHost(request.headers.host)) {
      throw new Rejection('wrong host', 'host: only localhost is served')
    }
    if (request.headers.origin !== undefined) {
      throw new Rejection('wrong origin', 'origin: web pages may not write here')
    }
    if (path === '/' && request.method === 'GET') return greet(response)
    const signal = signals[path]
    if (signal === undefined)
      throw new Rejection('unknown path', `path: use ${Object.keys(signals).join(', ')}`)
    if (request.method !== 'POST') throw new Rejection('wrong method', 'method: use POST')
    const mediaType = (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()
    const known = mediaTypes[mediaType]
    if (known === undefined) {
      throw new Rejection('wrong media type', `content-type: use ${Object.keys(mediaTypes).join(', ')}`)
    }
    protocol = known
    const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
    if (encoding !== 'identity' && !encodings.includes(encoding)) {
      throw new Rejection('unknown encoding', `content-encoding: use ${encodings.join(', ')}`)
    }
    const wire = await readAll(request, maxWireBytes(encoding, intake.limits), intake.inFlight)
    const fault = faults.next(signal)
    if (fault !== undefined && (await fail(fault, response, protocol, intake))) return
    const body = await inflate(wire, encoding, intake.limits)
    const headers = flatten(request)
    intake.accept(body, { signal, protocol, encoding, bytes: wire.length, headers })
    send(response, 200, protocol, protocol === 'http/json' ? '{}' : Buffer.alloc(0))
  } catch (error) {
    if (response.destroyed || request.errored) return
    const rejection = intake.refuse(error)
    const { http, grpc } = reasons[rejection.reason]
    // What was not read must not be taken for the next request.
    if (!request.complete) response.setHeader('connection', 'close')
    if (rejection.reason === 'unknown encoding') response.setHeader('accept-encoding', encodings.join(', '))
    if (rejection.reason === 'wrong method') response.setHeader('allow', 'POST')
    sendError(response, http, grpc, protocol, rejection.message)
  }
}

/** Answers as the fault wants; false when the request should still be served normally. */
async function fail(
  fault: Fault,
  response: ServerResponse,
  protocol: Protocol,
  intake: Intake,
): Promise<boolean> {
  if (fault.mode === 'slow') {
    await new Promise(resolve => setTimeout(resolve, fault.delayMs ?? 1000).unref())
    return false
  }
  intake.stats.failed++
  if (fault.mode === 'hang') return true
  if (fault.mode === 'partial') {
    const rejected = fault.rejected ?? 1
    const body =
      protocol === 'http/json'
        ? JSON.stringify({
            partialSuccess: {
              rejectedSpans: String(rejected),
              rejectedDataPoints: String(rejected),
              rejectedLogRecords: String(rejected),
              errorMessage: 'injected',
            },
          })
        : encodePartialSuccess(rejected, 'injected')
    send(response, 200, protocol, body)
  } else if (fault.mode === 'status') {
    if (fault.retryAfter !== undefined) response.setHeader('retry-after', String(fault.retryAfter))
    sendError(response, fault.status ?? 503, 2, protocol, 'injected')
  } else response.socket?.destroy()
  return true
}

function sendError(
  response: ServerResponse,
  status: number,
  code: number,
  protocol: Protocol,
  message: string,
): void {
  send(
    response,
    status,
    protocol,
    protocol === 'http/json' ? JSON.stringify({ code, message }) : encodeStatus(code, message),
  )
}

function send(response: ServerResponse, status: number, protocol: Protocol, body: string | Buffer): void {
  response.writeHead(status, {
    'content-type': protocol === 'http/json' ? 'application/json' : 'application/x-protobuf',
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
  })
  response.end(body)
}

function greet(response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
  })
  response.end('OTLP receiver: gRPC, and POST /v1/traces, /v1/metrics, /v1/logs (protobuf or JSON).\n')
}

function isLocalHost(host: string | undefined): boolean {
  return host !== undefined && /^(?:localhost|[\w-]+\.localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i.test(host)
}

function flatten(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers)) headers[name] = String(value)
  return headers
}
