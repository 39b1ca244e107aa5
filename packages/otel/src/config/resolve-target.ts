import type { Problem } from '../self/problem.ts'
import type { OtlpTarget, Protocol, Signal } from './config.ts'
import { renderText } from './parse.ts'
import type { Endpoint } from './parse-endpoint.ts'
import type { Origin, Origins } from './resolve.ts'
import type { Values } from './settings.ts'

const defaultTimeoutMs = 10_000
const ports = { grpc: 4317, http: 4318 } as const
const signalPath = /\/v1\/(traces|metrics|logs)\/?$/

/**
 * Where one signal goes. The endpoint of the signal, else the one for all signals, else the collector on the node
 * (NODE_IP), else localhost; without a protocol the port decides, and gRPC is the default (issue 2).
 */
export function resolveTarget(signal: Signal, v: Values, origins: Origins, problems: Problem[]): OtlpTarget {
  const own = v[`${signal}.otlp.endpoint`]
  const endpoint = own ?? v['otlp.endpoint']
  const key = own === undefined ? 'otlp.endpoint' : (`${signal}.otlp.endpoint` as const)
  const asked = v[`${signal}.otlp.protocol`] ?? v['otlp.protocol']
  const protocol = asked ?? chooseProtocol(endpoint)
  const say = (code: string, message: string) => {
    // What is wrong with the endpoint of all signals is said once, by the first of them.
    if (own === undefined && signal !== 'traces') return
    problems.push({ code, subject: renderSubject(origins[key]), message })
  }
  const insecure = v[`${signal}.otlp.insecure`] ?? v['otlp.insecure']
  const scheme = chooseScheme(endpoint, protocol, insecure === true)
  const host = endpoint?.host ?? v.nodeIp ?? 'localhost'
  if (endpoint !== undefined)
    checkEndpoint(endpoint, own !== undefined, asked, protocol, signal, insecure !== undefined, say)
  const headers: Record<string, string> = { ...v['otlp.headers'], ...v[`${signal}.otlp.headers`] }
  if (endpoint?.userinfo !== undefined && headers.authorization === undefined) {
    headers.authorization = `Basic ${Buffer.from(endpoint.userinfo).toString('base64')}`
  }
  const caFile = v[`${signal}.otlp.ca`] ?? v['otlp.ca']
  const clientCertFile = v[`${signal}.otlp.cert`] ?? v['otlp.cert']
  const clientKeyFile = v[`${signal}.otlp.key`] ?? v['otlp.key']
  if ((clientCertFile === undefined) !== (clientKeyFile === undefined) && signal === 'traces') {
    problems.push({
      code: 'ORG_OTEL_CONFIG_CONFLICT',
      subject:
        clientKeyFile === undefined
          ? 'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE'
          : 'OTEL_EXPORTER_OTLP_CLIENT_KEY',
      message: 'mutual TLS needs certificate and key; the one that is set has no effect without the other',
    })
  }
  return {
    protocol,
    endpoint:
      protocol === 'grpc'
        ? `${scheme}://${host}:${endpoint?.port ?? grpcPort(endpoint, scheme)}`
        : `${scheme}://${host}${httpPort(endpoint)}${httpPath(endpoint, own !== undefined, signal)}`,
    headers,
    timeoutMs: v[`${signal}.otlp.timeout`] ?? v['otlp.timeout'] ?? defaultTimeoutMs,
    compression:
      v[`${signal}.otlp.compression`] ?? v['otlp.compression'] ?? (isNear(host, v.nodeIp) ? 'none' : 'gzip'),
    tls: {
      insecure: scheme === 'http',
      ...(caFile === undefined ? {} : { caFile }),
      ...(clientCertFile === undefined ? {} : { clientCertFile }),
      ...(clientKeyFile === undefined ? {} : { clientKeyFile }),
    },
  }
}

/**
 * Whether telemetry stays on this machine: to the loopback, to a link-local address, or to the agent on the node. There
 * sending bytes is cheaper than compressing them (a quarter of what a traced request costs).
 */
function isNear(host: string, nodeIp: string | undefined): boolean {
  if (host === nodeIp) return true
  return /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?|169\.254\.\d+\.\d+|\[?fe80:.*)$/i.test(host)
}

/** The port decides; a path means HTTP, because gRPC has none. */
function chooseProtocol(endpoint: Endpoint | undefined): Protocol {
  if (endpoint === undefined || endpoint.port === ports.grpc) return 'grpc'
  return endpoint.port === ports.http || endpoint.path !== '/' ? 'http/protobuf' : 'grpc'
}

/** Without a scheme gRPC is TLS unless INSECURE says otherwise, as specified; HTTP without one is meant as http. */
function chooseScheme(
  endpoint: Endpoint | undefined,
  protocol: Protocol,
  insecure: boolean,
): 'http' | 'https' {
  if (endpoint === undefined) return 'http'
  return endpoint.scheme ?? (protocol === 'grpc' && !insecure ? 'https' : 'http')
}

// A URL without a port means 80 or 443; for gRPC in plain text nobody means 80.
function grpcPort(endpoint: Endpoint | undefined, scheme: 'http' | 'https'): number {
  return endpoint?.scheme !== undefined && scheme === 'https' ? 443 : ports.grpc
}

function httpPort(endpoint: Endpoint | undefined): string {
  if (endpoint === undefined) return `:${ports.http}`
  return endpoint.port === undefined ? '' : `:${endpoint.port}`
}

function httpPath(endpoint: Endpoint | undefined, own: boolean, signal: Signal): string {
  if (endpoint === undefined) return `/v1/${signal}`
  if (own) return endpoint.path
  const query = endpoint.path.indexOf('?')
  const path = query < 0 ? endpoint.path : endpoint.path.slice(0, query)
  const base = path.replace(signalPath, '').replace(/\/+$/, '')
  return `${base}/v1/${signal}${query < 0 ? '' : endpoint.path.slice(query)}`
}

function checkEndpoint(
  endpoint: Endpoint,
  own: boolean,
  asked: Protocol | undefined,
  protocol: Protocol,
  signal: Signal,
  insecureSaid: boolean,
  say: (code: string, message: string) => void,
): void {
  const { path, port, scheme } = endpoint
  if (asked === 'grpc' && port === ports.http) {
    say(
      'ORG_OTEL_CONFIG_CONFLICT',
      'port 4318 is for OTLP over HTTP, but the protocol is grpc; using grpc as asked',
    )
  } else if (asked !== undefined && asked !== 'grpc' && port === ports.grpc) {
    say(
      'ORG_OTEL_CONFIG_CONFLICT',
      `port 4317 is for OTLP over gRPC, but the protocol is ${asked}; using ${asked} as asked`,
    )
  }
  if (protocol === 'grpc') {
    if (scheme === undefined && !insecureSaid) {
      say(
        'ORG_OTEL_CONFIG_INVALID',
        'the scheme is missing; using https:// (TLS) as specified, write http:// for plain text',
      )
    }
    if (path !== '/') say('ORG_OTEL_CONFIG_CONFLICT', 'gRPC endpoints have no path; it is ignored')
    return
  }
  if (scheme === undefined) say('ORG_OTEL_CONFIG_INVALID', 'the scheme is missing; using http://')
  if (!own && signalPath.test(path.split('?', 1)[0]!)) {
    say(
      'ORG_OTEL_CONFIG_CONFLICT',
      `the endpoint for all signals ends in ${signalPath.exec(path.split('?', 1)[0]!)![0]}, which is added for each signal; using it without`,
    )
  }
  if (own && path === '/') {
    say(
      'ORG_OTEL_CONFIG_CONFLICT',
      `is used exactly as written, with path /; collectors listen on /v1/${signal}`,
    )
  }
}

function renderSubject(origin: Origin): string {
  const text = origin.text === undefined ? '' : `=${renderText(origin.text, 'endpoint')}`
  return `${origin.name ?? 'endpoint'}${text} (${origin.from})`
}
