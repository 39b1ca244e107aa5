// A waiting request as whoever sends it in our place needs it: a child process at exit has no sender of ours.
import type { OtlpTarget, Signal } from '../config/config.ts'
import type { Ledger } from './account.ts'
import { lowerCaseKeys } from './http-headers.ts'
import { toJsonBody, toZipkinBody } from './last-bodies.ts'
import { userAgent } from './user-agent.ts'

export interface WireRequest {
  /** HTTP/1.1 POST, or a gRPC call over HTTP/2. */
  readonly transport: 'http' | 'grpc'
  /** Full URL; for gRPC scheme, host, port and method path. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** For gRPC without the message prefix. */
  readonly body: Buffer
  readonly gzipped: boolean
  readonly tls: OtlpTarget['tls']
}

const services: Record<Signal, string> = {
  traces: 'trace.v1.TraceService',
  metrics: 'metrics.v1.MetricsService',
  logs: 'logs.v1.LogsService',
}

export function grpcPath(signal: Signal): string {
  return `/opentelemetry.proto.collector.${services[signal]}/Export`
}

/** `http://` or `https://` with host and port, for endpoints with or without a scheme. */
export function grpcOrigin({ endpoint, tls }: OtlpTarget): string {
  const hasScheme = endpoint.includes('://')
  const url = new URL(hasScheme ? endpoint : `${tls.insecure ? 'http' : 'https'}://${endpoint}`)
  return `${/^(https|grpcs):$/.test(url.protocol) ? 'https' : 'http'}://${url.host}`
}

/** `undefined` for what goes nowhere over a wire. */
export function toWireRequest(waiting: {
  readonly target: OtlpTarget
  readonly ledger: Ledger
  readonly bytes: Buffer
  readonly gzipped: boolean
}): WireRequest | undefined {
  const { target, ledger, bytes, gzipped } = waiting
  if (ledger.exporter !== 'otlp' && ledger.exporter !== 'zipkin') return undefined
  const headers = { 'user-agent': userAgent, ...lowerCaseKeys(target.headers) }
  const common = { body: bytes, gzipped, tls: target.tls }
  const isJson = ledger.exporter === 'zipkin' || target.protocol === 'http/json'
  if (isJson) {
    const json =
      ledger.exporter === 'zipkin' ? toZipkinBody(bytes, gzipped) : toJsonBody(ledger.signal, bytes, gzipped)
    return {
      transport: 'http',
      url: target.endpoint,
      headers: { ...headers, 'content-type': 'application/json' },
      body: json,
      gzipped: false,
      tls: target.tls,
    }
  }
  if (target.protocol === 'grpc') {
    return {
      ...common,
      transport: 'grpc',
      url: new URL(grpcPath(ledger.signal), grpcOrigin(target)).href,
      headers,
    }
  }
  return {
    ...common,
    transport: 'http',
    url: target.endpoint,
    headers: { ...headers, 'content-type': 'application/x-protobuf' },
  }
}
