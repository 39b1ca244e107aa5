// `OTEL_SEMCONV_STABILITY_OPT_IN=http/dup`: the attributes and metrics that dashboards were built on stand beside the stable
// ones, as upstream's instrumentation-http (up to 0.220) gave them. Loaded only when asked for. URLs are made of the stable
// attributes and never of the request: what is hidden there is hidden here.
import type { Attributes } from '@opentelemetry/api'
import type { HistogramSeries, HistogramSource } from '../../metrics/histogram-source.ts'
import type { FlatAttributes } from '../attributes.ts'
import type { LeanSpan } from '../span.ts'
import type { Dimensions } from './durations.ts'
import type { Incoming } from './incoming.ts'

export interface OldNames {
  /** Appends to the attributes of a server span that is about to begin. */
  beginServer(attributes: FlatAttributes, incoming: Incoming): void
  /** Keeps what the old metric needs until the request ends. */
  remember(exchange: object, incoming: Incoming): void
  /** Appends to the attributes of a client span that is about to begin; `host` is the Host header. */
  beginClient(attributes: FlatAttributes, method: string, host: unknown): void
  /** The URL of a client span was not known when it began. */
  locate(span: LeanSpan, url: string, host: unknown): void
  /** The other end of a client's connection. */
  connect(
    span: LeanSpan,
    socket: { readonly remoteAddress?: string | undefined; readonly remotePort?: number | undefined } | null,
    version: string | undefined,
  ): void
  status(span: LeanSpan, status: number, text: string | undefined): void
  /** Of an answer that a client got. */
  length(span: LeanSpan, length: unknown, encoding: unknown): void
  /** To be called once the span has its status. */
  fail(span: LeanSpan, error: unknown): void
  recordServer(exchange: object, of: Dimensions, ms: number): void
  recordClient(of: Dimensions, ms: number): void
  recordFetch(of: Dimensions, ms: number): void
  readonly sources: readonly HistogramSource[]
}

type Scope = HistogramSource['scope']

/** Which metrics there are: undefined for a part that is not measured. */
export function buildOldNames(http: Scope | undefined, undici: Scope | undefined): OldNames {
  const inbound = 'Measures the duration of inbound HTTP requests.'
  const outbound = 'Measures the duration of outbound HTTP requests.'
  const server = http && buildDurations('http.server.duration', inbound, http)
  const client = http && buildDurations('http.client.duration', outbound, http)
  const fetch = undici && buildDurations('http.client.duration', outbound, undici)
  const hosts = new WeakMap<object, { name: string; port: number | undefined }>()
  return {
    beginServer,
    beginClient,
    locate(span, url, host) {
      const attributes: FlatAttributes = []
      describeUrl(attributes, url, host)
      setAll(span, attributes)
    },
    connect(span, socket, version) {
      const attributes: FlatAttributes = []
      pushKnown(attributes, 'net.peer.ip', socket?.remoteAddress)
      pushKnown(attributes, 'net.peer.port', socket?.remotePort)
      describeProtocol(attributes, version)
      setAll(span, attributes)
    },
    status(span, status, text) {
      span.setAttribute('http.status_code', status)
      if (text !== undefined) span.setAttribute('http.status_text', text.toUpperCase())
    },
    length(span, length, encoding) {
      const attributes: FlatAttributes = []
      describeLength(attributes, 'response', length, encoding)
      setAll(span, attributes)
    },
    fail(span, error) {
      const name = (error as Error | undefined)?.name
      if (typeof name === 'string') span.setAttribute('http.error_name', name)
      // As it stands in the status, without secrets.
      const message = span.record?.statusMessage
      if (message) span.setAttribute('http.error_message', message)
    },
    remember(exchange, { host, socket }) {
      hosts.set(exchange, { name: toHostName(host), port: socket.localPort })
    },
    recordServer(exchange, of, ms) {
      const host = hosts.get(exchange)
      server?.record(
        {
          'http.scheme': of.scheme,
          'http.method': of.method,
          'net.host.name': host?.name,
          'http.flavor': toFlavor(of.version),
          'http.status_code': of.status || undefined,
          'net.host.port': host?.port,
          'http.route': of.target,
        },
        ms,
      )
    },
    recordClient: (of, ms) => client?.record(renderClient(of), ms),
    recordFetch: (of, ms) => fetch?.record(renderClient(of), ms),
    sources: [server, client, fetch].filter(source => source !== undefined),
  }
}

function beginServer(attributes: FlatAttributes, incoming: Incoming): void {
  const { host, headers, method, scheme, socket, version } = incoming
  const path = find(attributes, 'url.path')
  const query = find(attributes, 'url.query')
  const target = query === undefined ? path : `${path ?? ''}?${query}`
  const authority = withoutUser(host)
  attributes.push('http.method', method, 'http.scheme', scheme, 'net.host.name', toHostName(host))
  if (target !== undefined) {
    const slash = target.charCodeAt(0) === 47 ? '' : '/'
    attributes.push('http.target', target)
    attributes.push('http.url', authority ? `${scheme}://${authority}${slash}${target}` : target)
  }
  pushKnown(attributes, 'http.host', authority)
  pushKnown(attributes, 'http.user_agent', find(attributes, 'user_agent.original'))
  const forwarded = headers['x-forwarded-for']
  if (typeof forwarded === 'string') attributes.push('http.client_ip', forwarded.split(',', 1)[0] as string)
  pushKnown(attributes, 'net.host.ip', socket.localAddress)
  pushKnown(attributes, 'net.host.port', socket.localPort)
  pushKnown(attributes, 'net.peer.ip', socket.remoteAddress)
  pushKnown(attributes, 'net.peer.port', socket.remotePort)
  describeLength(attributes, 'request', headers['content-length'], headers['content-encoding'])
  describeProtocol(attributes, version)
}

function beginClient(attributes: FlatAttributes, method: string, host: unknown): void {
  attributes.push('http.method', method)
  pushKnown(attributes, 'net.peer.name', find(attributes, 'server.address'))
  pushKnown(attributes, 'http.user_agent', find(attributes, 'user_agent.original'))
  const url = find(attributes, 'url.full')
  if (url !== undefined) describeUrl(attributes, url, host)
}

function describeUrl(attributes: FlatAttributes, url: string, host: unknown): void {
  const start = url.indexOf('://') + 3
  const slash = url.indexOf('/', start)
  attributes.push('http.url', url, 'http.target', slash === -1 ? '/' : url.slice(slash))
  const authority = slash === -1 ? url.slice(start) : url.slice(start, slash)
  attributes.push('http.host', withoutUser(typeof host === 'string' ? host : authority) as string)
}

function describeProtocol(attributes: FlatAttributes, version: string | undefined): void {
  const flavor = toFlavor(version)
  if (flavor !== undefined) attributes.push('http.flavor', flavor, 'net.transport', 'ip_tcp')
}

function describeLength(
  attributes: FlatAttributes,
  of: 'request' | 'response',
  length: unknown,
  encoding: unknown,
): void {
  const bytes = typeof length === 'string' ? Number.parseInt(length, 10) : Number.NaN
  if (Number.isNaN(bytes)) return
  const isCompressed = Boolean(encoding) && encoding !== 'identity'
  attributes.push(`http.${of}_content_length${isCompressed ? '' : '_uncompressed'}`, bytes)
}

function renderClient(of: Dimensions): Attributes {
  const isAnswered = of.status !== 0
  return {
    'http.method': of.method,
    'net.peer.name': of.target,
    'net.peer.port': isAnswered ? of.port : undefined,
    'http.status_code': isAnswered ? of.status : undefined,
    'http.flavor': isAnswered ? toFlavor(of.version) : undefined,
  }
}

/** `1.1`, `2.0`. */
function toFlavor(version: string | undefined): string | undefined {
  return version === '2' ? '2.0' : version
}

function toHostName(host: string | undefined): string {
  return withoutUser(host)?.replace(/:\d{1,5}$/, '') || 'localhost'
}

/** A Host header has no user, but a caller can write anything. */
function withoutUser(authority: string | undefined): string | undefined {
  return authority?.slice(authority.lastIndexOf('@') + 1)
}

function find(attributes: FlatAttributes, key: string): string | undefined {
  for (let i = 0; i < attributes.length; i += 2) if (attributes[i] === key) return attributes[i + 1] as string
  return undefined
}

function pushKnown(attributes: FlatAttributes, key: string, value: string | number | undefined): void {
  if (value !== undefined) attributes.push(key, value)
}

function setAll(span: LeanSpan, attributes: FlatAttributes): void {
  for (let i = 0; i < attributes.length; i += 2)
    span.setAttribute(attributes[i] as string, attributes[i + 1] as string)
}

// What the SDK has for histograms that say nothing about their buckets.
const boundaries = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000] as const
const maxSeries = 2000

interface Durations extends HistogramSource {
  record(attributes: Attributes, ms: number): void
}

/** Milliseconds, without exemplars: the stable metric has those. */
function buildDurations(name: string, description: string, scope: Scope): Durations {
  const all = new Map<string, HistogramSeries>()
  return {
    name,
    description,
    unit: 'ms',
    scope,
    boundaries,
    record(given, ms) {
      let key = JSON.stringify(given)
      let attributes = given
      if (!all.has(key) && all.size >= maxSeries - 1) {
        attributes = { 'otel.metric.overflow': true }
        key = 'overflow'
      }
      let series = all.get(key)
      if (series === undefined) {
        series = {
          attributes: known(attributes),
          startMs: Date.now(),
          count: 0,
          sum: 0,
          min: Number.POSITIVE_INFINITY,
          max: Number.NEGATIVE_INFINITY,
          bucketCounts: new Array(boundaries.length + 1).fill(0),
          exemplars: [],
        }
        all.set(key, series)
      }
      const value = Math.max(ms, 0)
      series.count++
      series.sum += value
      series.min = Math.min(series.min, value)
      series.max = Math.max(series.max, value)
      const bucket = boundaries.findIndex(bound => value <= bound)
      series.bucketCounts[bucket === -1 ? boundaries.length : bucket]!++
    },
    collect: () =>
      [...all.values()].map(series => ({
        ...series,
        bucketCounts: [...series.bucketCounts],
        exemplars: [],
      })),
  }
}

function known(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined))
}
