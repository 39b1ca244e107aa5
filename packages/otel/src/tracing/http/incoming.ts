// The span and the measurement of an incoming request, for both versions of the protocol. Attributes are upstream's.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { type Context, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { messageOf } from '../../self/error-text.ts'
import type { FlatAttributes } from '../attributes.ts'
import { monotonicMs } from '../clock.ts'
import { active, isSuppressed, LeanContext, spanOf } from '../context.ts'
import { errorTypeOf } from '../error-type.ts'
import { INVALID_SPAN, type LeanSpan, type SpanRecord, toLeanSpan } from '../span.ts'
import { toHeaderList } from './captured-headers.ts'
import type { Dimensions } from './durations.ts'
import { ignored, type LiveRequest, ServerExchange } from './exchange.ts'
import { isForwarded } from './forwarded.ts'
import { type HttpHooks, parseRequestId, REQUEST_ID_KEY } from './hooks.ts'
import { callHook, mergeAttributes, readSyntheticType } from './instrumentation-options.ts'
import { nameOfMethod, parseMethod } from './methods.ts'
import type { Observed } from './observed.ts'
import { describePeer, findCommon } from './peer.ts'

export interface ServerTracing {
  /** Starts the exchange of a request; undefined when it is none of ours. Used for HTTP/2 as well. */
  begin(incoming: Incoming): Observed | undefined
  finish(exchange: ServerExchange, status: number | undefined): void
  /** The connection is gone and nothing was answered. */
  abort(exchange: ServerExchange): void
  fail(exchange: ServerExchange, error: unknown): void
}

/** What both protocol versions know about a request. */
export interface Incoming {
  readonly method: string
  readonly scheme: string
  /** `Host` or `:authority`. */
  readonly host: string | undefined
  /** Request target as it was sent. */
  readonly target: string
  readonly version: string
  readonly headers: IncomingHttpHeaders
  /** HTTP/1 only: what the application's functions get. */
  readonly request: IncomingMessage | undefined
  readonly socket: {
    readonly remoteAddress?: string | undefined
    readonly remotePort?: number | undefined
    readonly localAddress?: string | undefined
    readonly localPort?: number | undefined
  }
}

/** What the request line says. */
interface Target {
  readonly method: string
  readonly path: string
  /** Where the query begins in the target as it was sent, -1 without one. */
  readonly mark: number
}

/** More than a server span ever has before the application adds its own: limits below are left to the tracer. */
const maxOwnAttributes = 32

export function buildServerTracing(hooks: HttpHooks): ServerTracing {
  const { tracer, propagator, serverRedactor: redactor, probes, counters, requestIdHeader, oldNames } = hooks
  const requestHeaders = hooks.serverHeaders.request
  const {
    ignoreIncomingRequestHook,
    startIncomingSpanHook,
    requireParentforIncomingSpans = false,
    enableSyntheticSourceDetection = false,
  } = hooks.http
  const durations = hooks.serverDurations
  const { limits, processors, sampler } = tracer.provider
  const isPlain =
    processors === null &&
    !sampler.readsDetails &&
    startIncomingSpanHook === undefined &&
    oldNames === undefined &&
    limits.attributeValueLength === Number.POSITIVE_INFINITY &&
    limits.attributeCount >= maxOwnAttributes
  const dimensions: Dimensions = {
    method: '',
    target: undefined,
    port: undefined,
    scheme: undefined,
    version: undefined,
    status: 0,
    errorType: '',
  }

  function begin(incoming: Incoming): Observed | undefined {
    if (isSuppressed(active())) return undefined
    const { headers, method: rawMethod, scheme, version, target } = incoming
    const mark = target.indexOf('?')
    const path = parsePath(target, mark)
    const userAgent = headers['user-agent']
    if (probes.isProbePath(path) || (userAgent !== undefined && probes.isProbeAgent(userAgent))) {
      counters.probes++
      return ignored
    }
    const { request } = incoming
    if (
      ignoreIncomingRequestHook !== undefined &&
      request !== undefined &&
      callHook('ignoreIncomingRequestHook', ignoreIncomingRequestHook, request)
    )
      return ignored
    const method = parseMethod(rawMethod)
    const remote = propagator.extractFromHeaders(headers)
    const parent = toLeanSpan(spanOf(remote))
    const span =
      requireParentforIncomingSpans && parent === undefined
        ? INVALID_SPAN
        : (isPlain ? startPlain : startDescribed)(incoming, { method, path, mark }, parent, remote)
    for (const header of requestHeaders) {
      const value = headers[header.name]
      if (value !== undefined) span.setAttribute(header.key, toHeaderList(value))
    }
    let more = remote instanceof LeanContext ? remote.more : null
    if (requestIdHeader !== undefined) {
      const id = parseRequestId(headers[requestIdHeader])
      if (id !== undefined) {
        span.setAttribute(`http.request.header.${requestIdHeader}`, [id])
        more = new Map(more).set(REQUEST_ID_KEY, id)
      }
    }
    const exchange = new ServerExchange(span, more, method, scheme, version)
    if (oldNames !== undefined) oldNames.remember(exchange, incoming)
    return exchange
  }

  /** Nobody looks at the attributes before the span is recorded: one that is not needs none. */
  function startPlain(
    incoming: Incoming,
    target: Target,
    parent: LeanSpan | undefined,
    remote: Context,
  ): LeanSpan {
    const { method } = target
    const attributes: FlatAttributes = []
    const span = tracer.make(nameOfMethod(method), SpanKind.SERVER, parent, attributes, remote)
    const { record } = span
    if (record === null) return span
    const forwarded = isForwarded(incoming.headers)
    if (!forwarded && incoming.request !== undefined) record.common = findCommon(incoming)
    attributes.push('http.request.method', method)
    if (record.common === null) describePeer(incoming, forwarded, attributes)
    describeRequest(incoming, target, attributes)
    return span
  }

  function startDescribed(
    incoming: Incoming,
    target: Target,
    parent: LeanSpan | undefined,
    remote: Context,
  ): LeanSpan {
    const { method } = target
    const attributes: FlatAttributes = ['http.request.method', method]
    describePeer(incoming, isForwarded(incoming.headers), attributes)
    describeRequest(incoming, target, attributes)
    if (oldNames !== undefined) oldNames.beginServer(attributes, incoming)
    cut(attributes, limits.attributeValueLength)
    if (startIncomingSpanHook !== undefined && incoming.request !== undefined)
      mergeAttributes(
        attributes,
        callHook('startIncomingSpanHook', startIncomingSpanHook, incoming.request),
        limits.attributeValueLength,
      )
    return tracer.make(nameOfMethod(method), SpanKind.SERVER, parent, attributes, remote)
  }

  function describeRequest(
    incoming: Incoming,
    { method, path, mark }: Target,
    attributes: FlatAttributes,
  ): void {
    const { method: rawMethod, target } = incoming
    const userAgent = incoming.headers['user-agent']
    if (userAgent !== undefined) attributes.push('user_agent.original', userAgent)
    if (path !== '') attributes.push('url.path', path)
    if (mark !== -1 && mark < target.length - 1)
      attributes.push('url.query', redactor.redactQuery(target.slice(mark + 1)))
    if (method !== rawMethod) attributes.push('http.request.method_original', rawMethod)
    if (enableSyntheticSourceDetection && userAgent !== undefined) {
      const type = readSyntheticType(userAgent)
      if (type !== undefined) attributes.push('user_agent.synthetic.type', type)
    }
  }

  function record(
    exchange: ServerExchange,
    live: LiveRequest,
    spanRecord: SpanRecord | null,
    status: number,
    errorType: string,
  ): void {
    if (durations === null) return
    const ms = spanRecord === null ? monotonicMs() - live.startMs : spanRecord.endMs - spanRecord.startMs
    dimensions.method = live.method
    dimensions.target = exchange.route
    dimensions.scheme = live.scheme
    dimensions.version = live.version
    dimensions.status = status
    dimensions.errorType = errorType
    durations.record(exchange.route, dimensions, ms / 1e3, exchange.span)
    if (oldNames !== undefined) oldNames.recordServer(exchange, dimensions, ms)
  }

  function finish(exchange: ServerExchange, status: number | undefined): void {
    const errorType = status !== undefined && status >= 500 && status < 600 ? String(status) : ''
    end(exchange, status, errorType)
  }

  function end(exchange: ServerExchange, status: number | undefined, errorType: string): void {
    const { live, route, span } = exchange
    if (live === null) return
    exchange.live = null
    const spanRecord = span.record
    if (spanRecord !== null) {
      if (status !== undefined) {
        span.setAttribute('http.response.status_code', status)
        if (oldNames !== undefined) oldNames.status(span, status, undefined)
      }
      if (route !== undefined) {
        span.setAttribute('http.route', route)
        span.updateName(`${nameOfMethod(live.method)} ${route}`)
      }
      if (live.operation) span.updateName(`${spanRecord.name} ${live.operation}`)
      if (errorType !== '') span.setAttribute('error.type', errorType)
      if (status !== undefined && (status < 100 || status >= 500))
        span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    }
    record(exchange, live, spanRecord, status ?? 0, errorType)
  }

  /** Mostly a client that went away, which is not the server's failure: the status of the span stays unset. */
  function abort(exchange: ServerExchange): void {
    end(exchange, undefined, 'aborted')
  }

  function fail(exchange: ServerExchange, error: unknown): void {
    const { live, span } = exchange
    if (live === null) return
    exchange.live = null
    const spanRecord = span.record
    const errorType = errorTypeOf(error)
    if (spanRecord !== null) {
      span.setAttribute('error.type', errorType)
      span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) })
      if (oldNames !== undefined) oldNames.fail(span, error)
      span.recordException(error as Error)
      span.end()
    }
    record(exchange, live, spanRecord, 0, errorType)
  }

  return { begin, finish, abort, fail }
}

/** Path of a request target: origin form as it is, absolute form without scheme and authority, none of `host:port`. */
function parsePath(target: string, mark: number): string {
  const end = mark === -1 ? target.length : mark
  if (target.charCodeAt(0) === 47 || target === '*')
    return end === target.length ? target : target.slice(0, end)
  const authority = target.indexOf('://')
  if (authority === -1 || authority > end) return ''
  const slash = target.indexOf('/', authority + 3)
  return slash === -1 || slash > end ? '/' : target.slice(slash, end)
}

function cut(attributes: FlatAttributes, maxLength: number): void {
  if (maxLength === Number.POSITIVE_INFINITY) return
  for (let i = 1; i < attributes.length; i += 2) {
    const value = attributes[i]
    if (typeof value === 'string' && value.length > maxLength) attributes[i] = value.slice(0, maxLength)
  }
}
