// OTLP over gRPC: three unary methods on node:http2. A unary call is one length-prefixed message each way and a status
// in the trailers, which is all of gRPC that OTLP uses.
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2'
import { encodings, inflate, maxWireBytes, readAll } from './body.ts'
import { encodePartialSuccess, encodeStatus } from './encode.ts'
import { type Fault, type Faults, grpcStatusOf } from './fault.ts'
import type { Intake } from './intake.ts'
import { Rejection, reasons } from './rejection.ts'
import type { Signal } from './schema.ts'

const methods: Record<string, Signal> = {
  '/opentelemetry.proto.collector.trace.v1.TraceService/Export': 'traces',
  '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export': 'metrics',
  '/opentelemetry.proto.collector.logs.v1.LogsService/Export': 'logs',
}
const framePrefixBytes = 5

export function buildGrpcServer(intake: Intake, faults: Faults): Http2Server {
  const server = createServer({
    maxSessionMemory: 32,
    settings: { maxConcurrentStreams: intake.limits.streams, maxHeaderListSize: intake.limits.headerBytes },
  })
  server.on('sessionError', () => {})
  server.on('session', session => session.setTimeout(intake.limits.idleMs, () => session.close()))
  server.on('stream', (stream, headers) => {
    // A client that cancels is not an event.
    stream.on('error', () => {})
    stream.setTimeout(intake.limits.slowClientMs)
    void answer(stream, headers as Record<string, string>, intake, faults)
  })
  return server
}

async function answer(
  stream: ServerHttp2Stream,
  headers: Record<string, string>,
  intake: Intake,
  faults: Faults,
): Promise<void> {
  // A stalled sender is cut off; a hanging answer (a fault) must not be.
  const cutOff = () => stream.destroy()
  stream.once('timeout', cutOff)
  try {
    if (headers[':method'] !== 'POST') throw new Rejection('wrong method', 'method: use POST')
    if (!/^application\/grpc(?:\+proto)?(?:;|$)/.test(headers['content-type'] ?? '')) {
      stream.respond({ ':status': 415 }, { endStream: true })
      intake.refuse(new Rejection('wrong media type', 'content-type: use application/grpc'))
      return
    }
    const signal = methods[headers[':path'] ?? '']
    if (signal === undefined) throw new Rejection('unknown path', 'method: not an OTLP export method')
    const encoding = headers['grpc-encoding'] ?? 'identity'
    if (encoding !== 'identity' && !encodings.includes(encoding)) {
      throw new Rejection('unknown encoding', `grpc-encoding: use ${encodings.join(', ')}`)
    }
    const frame = await readAll(
      stream,
      maxWireBytes(encoding, intake.limits) + framePrefixBytes,
      intake.inFlight,
    )
    stream.removeListener('timeout', cutOff)
    const fault = faults.next(signal)
    if (fault !== undefined && (await fail(fault, stream, intake))) return
    const message = readFrame(frame)
    const compressed = frame[0] === 1
    if (compressed && encoding === 'identity') {
      throw new Rejection('malformed', 'frame: compressed, but grpc-encoding does not say how')
    }
    const body = await inflate(message, compressed ? encoding : 'identity', intake.limits)
    const used = compressed ? encoding : 'identity'
    intake.accept(body, {
      signal,
      protocol: 'grpc',
      encoding: used,
      bytes: message.length,
      headers: { ...headers },
    })
    respond(stream, 0, Buffer.alloc(0))
  } catch (error) {
    if (stream.destroyed) return
    const rejection = intake.refuse(error)
    respond(stream, reasons[rejection.reason].grpc, undefined, rejection.message)
  }
}

function readFrame(frame: Buffer): Buffer {
  if (frame.length < framePrefixBytes) throw new Rejection('malformed', 'frame: shorter than its prefix')
  if (frame[0]! > 1) throw new Rejection('malformed', `frame: compressed flag ${frame[0]}`)
  const length = frame.readUInt32BE(1)
  if (length !== frame.length - framePrefixBytes) {
    throw new Rejection('malformed', `frame: says ${length} bytes, has ${frame.length - framePrefixBytes}`)
  }
  return frame.subarray(framePrefixBytes)
}

/** Answers as the fault wants; false when the request should still be served normally. */
async function fail(fault: Fault, stream: ServerHttp2Stream, intake: Intake): Promise<boolean> {
  if (fault.mode === 'slow') {
    await new Promise(resolve => setTimeout(resolve, fault.delayMs ?? 1000).unref())
    return false
  }
  intake.stats.failed++
  if (fault.mode === 'hang') return true
  if (fault.mode === 'partial') respond(stream, 0, encodePartialSuccess(fault.rejected ?? 1, 'injected'))
  else if (fault.mode === 'status') {
    const code = grpcStatusOf(fault)
    respond(stream, code, undefined, 'injected', encodeStatus(code, 'injected', fault.retryAfter))
  } else stream.session?.destroy()
  return true
}

function respond(
  stream: ServerHttp2Stream,
  code: number,
  message: Buffer | undefined,
  text?: string,
  details?: Buffer,
): void {
  if (stream.destroyed || stream.headersSent) return
  const trailers: Record<string, string> = { 'grpc-status': String(code) }
  if (text !== undefined) trailers['grpc-message'] = encodeURIComponent(text)
  if (details !== undefined) trailers['grpc-status-details-bin'] = details.toString('base64')
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'grpc-accept-encoding': 'identity,gzip,deflate' },
    { waitForTrailers: true },
  )
  stream.on('wantTrailers', () => stream.sendTrailers(trailers))
  if (message === undefined) stream.end()
  else {
    const prefix = Buffer.alloc(framePrefixBytes)
    prefix.writeUInt32BE(message.length, 1)
    stream.end(Buffer.concat([prefix, message]))
  }
}
