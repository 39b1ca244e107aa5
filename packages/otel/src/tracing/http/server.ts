// Incoming HTTP/1 requests. A request is seen on `http.server.request.start` (also the ones Node answers itself: no Host,
// too many on the connection, unknown expectation), its handler is entered in `Server.prototype.emit`, and its end is the
// response's `close`, so that `finish` listeners of the application still write to the span. Attributes are upstream's.
import diagnostics from 'node:diagnostics_channel'
import type { EventEmitter } from 'node:events'
import http from 'node:http'
import type { Socket } from 'node:net'
import { inspect } from 'node:util'
import { type Context, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { swallow } from '../../self/guard.ts'
import type { FlatAttributes } from '../attributes.ts'
import { monotonicMs } from '../clock.ts'
import { active, isSuppressed, LeanContext, SUPPRESSED, spanOf } from '../context.ts'
import { type LeanSpan, type SpanRecord, toLeanSpan } from '../span.ts'
import { type Authority, parseAuthority } from './authority.ts'
import { toHeaderList } from './captured-headers.ts'
import type { Dimensions } from './durations.ts'
import { patchEntrances } from './entrances.ts'
import { isForwarded, readForwardedClient, readForwardedServer } from './forwarded.ts'
import { type HttpHooks, parseRequestId, REQUEST_ID_KEY, UNTRACED } from './hooks.ts'
import { nameOfMethod, parseMethod } from './methods.ts'
import { OBSERVED, type Observable, type Observed, patchEmit } from './observed.ts'

/**
 * One request and its answer. It is also the `RPCMetadata` of its context: framework instrumentations write `route` here
 * through `getRPCMetadata(context).route = '/users/:id'`.
 */
export class ServerExchange implements Observed {
  readonly type = 'http'
  readonly span: LeanSpan
  route: string | undefined = undefined
  context: Context = SUPPRESSED
  readonly method: string
  readonly scheme: string
  readonly version: string
  /** Monotonic; 0 when the span's record has the start. */
  readonly startMs: number
  ended = false

  constructor(span: LeanSpan, method: string, scheme: string, version: string) {
    this.span = span
    this.method = method
    this.scheme = scheme
    this.version = version
    this.startMs = span.record === null ? monotonicMs() : 0
  }

  // It hangs on objects that people print.
  [inspect.custom](): string {
    return `ServerExchange(${this.method})`
  }
}

/** Health checks: the context is suppressed, nothing else happens. */
const probe: Observed = { context: SUPPRESSED }

type Request = http.IncomingMessage & Observable
type Response = http.ServerResponse & Observable

const methodOf = (request: http.IncomingMessage): string => request.method || 'GET'

export interface ServerTracing {
  /** Starts the exchange of a request; undefined when it is none of ours. Used for HTTP/2 as well. */
  begin(incoming: Incoming): Observed | undefined
  finish(exchange: ServerExchange, status: number | undefined, errorType: string): void
  fail(exchange: ServerExchange, status: number | undefined, error: unknown): void
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
  readonly headers: http.IncomingHttpHeaders
  readonly socket: { readonly remoteAddress?: string | undefined; readonly remotePort?: number | undefined }
}

export function buildServerTracing(hooks: HttpHooks): ServerTracing {
  const { tracer, propagator, redactor, probes, counters, requestHeaders, requestIdHeader } = hooks
  const durations = hooks.serverDurations
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
    const { headers, method: rawMethod, scheme, version, host, socket, target } = incoming
    const mark = target.indexOf('?')
    const path = parsePath(target, mark)
    const userAgent = headers['user-agent']
    if (probes.isProbePath(path) || (userAgent !== undefined && probes.isProbeAgent(userAgent))) {
      counters.probes++
      return probe
    }
    const method = parseMethod(rawMethod)
    const peer = socket.remoteAddress
    const attributes: FlatAttributes = ['http.request.method', method, 'url.scheme', scheme]
    let client = peer
    let server: Authority | undefined
    if (isForwarded(headers)) {
      server = readForwardedServer(headers)
      client = readForwardedClient(headers) ?? peer
    }
    if (server === undefined && host) server = parseAuthority(host, scheme)
    if (server !== undefined) attributes.push('server.address', server.address)
    if (peer !== undefined) attributes.push('network.peer.address', peer)
    if (socket.remotePort !== undefined) attributes.push('network.peer.port', socket.remotePort)
    attributes.push('network.protocol.version', version)
    if (userAgent !== undefined) attributes.push('user_agent.original', userAgent)
    if (path !== '') attributes.push('url.path', path)
    if (mark !== -1 && mark < target.length - 1)
      attributes.push('url.query', redactor.redactQuery(target.slice(mark + 1)))
    if (client !== undefined) attributes.push('client.address', client)
    if (server?.port !== undefined) attributes.push('server.port', server.port)
    if (method !== rawMethod) attributes.push('http.request.method_original', rawMethod)

    const remote = propagator.extractFromHeaders(headers)
    const span = tracer.make(
      nameOfMethod(method),
      SpanKind.SERVER,
      toLeanSpan(spanOf(remote)),
      cut(attributes, tracer.provider.limits.attributeValueLength),
      remote,
    )
    for (const header of requestHeaders) {
      const value = headers[header.name]
      if (value !== undefined) span.setAttribute(header.key, toHeaderList(value))
    }
    const exchange = new ServerExchange(span, method, scheme, version)
    let context: Context =
      remote instanceof LeanContext
        ? new LeanContext(span, exchange, remote.more)
        : new LeanContext(span, exchange, null)
    if (requestIdHeader !== undefined) {
      const id = parseRequestId(headers[requestIdHeader])
      if (id !== undefined) {
        span.setAttribute(`http.request.header.${requestIdHeader}`, [id])
        context = context.setValue(REQUEST_ID_KEY, id)
      }
    }
    exchange.context = context
    return exchange
  }

  function record(
    exchange: ServerExchange,
    spanRecord: SpanRecord | null,
    status: number,
    errorType: string,
  ): void {
    if (durations === null) return
    const ms = spanRecord === null ? monotonicMs() - exchange.startMs : spanRecord.endMs - spanRecord.startMs
    dimensions.method = exchange.method
    dimensions.target = exchange.route
    dimensions.scheme = exchange.scheme
    dimensions.version = exchange.version
    dimensions.status = status
    dimensions.errorType = errorType
    durations.record(exchange.route, dimensions, ms / 1e3, exchange.span)
  }

  function finish(exchange: ServerExchange, status: number | undefined, errorType: string): void {
    if (exchange.ended) return
    exchange.ended = true
    const { span, route } = exchange
    const spanRecord = span.record
    const failed = errorType === '' && status !== undefined && status >= 500 && status < 600
    const type = failed ? String(status) : errorType
    if (spanRecord !== null) {
      if (status !== undefined) span.setAttribute('http.response.status_code', status)
      if (route !== undefined) {
        span.setAttribute('http.route', route)
        span.updateName(`${nameOfMethod(exchange.method)} ${route}`)
      }
      if (type !== '') span.setAttribute('error.type', type)
      if (status !== undefined && (status < 100 || status >= 500))
        span.setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    }
    record(exchange, spanRecord, status ?? 0, type)
  }

  function fail(exchange: ServerExchange, status: number | undefined, error: unknown): void {
    if (exchange.ended) return
    exchange.ended = true
    const { span } = exchange
    const spanRecord = span.record
    const { name, message } = toNameAndMessage(error)
    if (spanRecord !== null) {
      span.setAttribute('error.type', name)
      span.setStatus({ code: SpanStatusCode.ERROR, message })
      span.recordException(error as Error)
      span.end()
    }
    record(exchange, spanRecord, status ?? 0, name)
  }

  return { begin, finish, fail }
}

export interface Http1ServerTracing {
  /** To be called with the prototype of `https.Server` before such a server gets a request. */
  patchServers(prototype: EventEmitter): void
  detach(): void
}

/** Hooks Node's HTTP/1 servers. */
export function attachServer(hooks: HttpHooks, tracing: ServerTracing): Http1ServerTracing {
  const { responseHeaders } = hooks

  function beginRequest(request: Request, response: Response | undefined): Observed | undefined {
    const socket = request.socket as (Socket & { encrypted?: boolean }) | null
    if (typeof request.headers !== 'object' || typeof request.url !== 'string' || socket == null)
      return undefined
    const observed = tracing.begin({
      method: methodOf(request),
      scheme: socket.encrypted ? 'https' : 'http',
      host: request.headers.host,
      target: request.url,
      version: request.httpVersion,
      headers: request.headers,
      socket,
    })
    if (observed === undefined) return undefined
    request[OBSERVED] = observed
    if (response !== undefined) response[OBSERVED] = observed
    return observed
  }

  function onStart(message: unknown): void {
    try {
      const { request, response, server } = message as {
        request: Request
        response: Response
        server: object
      }
      if (UNTRACED in server) return
      beginRequest(request, response)
    } catch (error) {
      swallow('http.server.request.start', error)
    }
  }

  function finishResponse(exchange: ServerExchange, response: Response): void {
    if (exchange.ended) return
    for (const header of responseHeaders) {
      const value = response.getHeader(header.name)
      if (value !== undefined) exchange.span.setAttribute(header.key, toHeaderList(value))
    }
    tracing.finish(exchange, response.statusCode, '')
  }

  diagnostics.subscribe('http.server.request.start', onStart)
  const restore = [
    // Only for the context of their listeners; a client's response has its own watch.
    patchEmit(http.ServerResponse.prototype, (observed, response, event, argument) => {
      if (!(observed instanceof ServerExchange)) return
      if (event === 'close') finishResponse(observed, response as Response)
      else if (event === 'error') tracing.fail(observed, undefined, argument)
    }),
    patchEntrances(http.Server.prototype, entrances, enter, tracing),
  ]

  /** What to enter for a server event, undefined when it is to be left alone or has been entered already. */
  function enter(server: object, event: string | symbol, a: unknown, b: unknown): Observed | undefined {
    try {
      if (UNTRACED in server) return undefined
      const request = a as Request
      if (typeof request !== 'object' || request === null) return undefined
      let observed = request[OBSERVED] ?? undefined
      if (observed === undefined) {
        // An upgrade or CONNECT, which no channel announces, or a request that somebody made by hand.
        if (event === 'upgrade' || event === 'connect') {
          observed = beginRequest(request, undefined)
          if (observed instanceof ServerExchange) watchHandshake(b as Socket, observed, tracing)
        } else if (typeof b === 'object' && b !== null) observed = beginRequest(request, b as Response)
      }
      return observed
    } catch (error) {
      swallow('http server event', error)
      return undefined
    }
  }

  return {
    patchServers(prototype) {
      restore.push(patchEntrances(prototype, entrances, enter, tracing))
    },
    detach() {
      diagnostics.unsubscribe('http.server.request.start', onStart)
      for (const undo of restore) undo()
    },
  }
}

/** Events of a server that hand a request to the application. */
export const entrances: ReadonlySet<string | symbol> = new Set([
  'request',
  'checkContinue',
  'checkExpectation',
  'upgrade',
  'connect',
])

/**
 * The answer to an upgrade or CONNECT is written to the bare socket: its first bytes are the status line. The span is the
 * handshake, not the life of the connection that follows.
 */
function watchHandshake(socket: Socket, exchange: ServerExchange, tracing: ServerTracing): void {
  const methods = socket as unknown as Record<'write' | 'end', (...args: unknown[]) => unknown>
  const undo: (() => void)[] = []
  const settle = (status: number | undefined): void => {
    for (const restore of undo) restore()
    tracing.finish(exchange, status, '')
  }
  const onClose = (): void => settle(undefined)
  socket.once('close', onClose)
  undo.push(() => socket.removeListener('close', onClose))
  for (const name of ['write', 'end'] as const) {
    const own = Object.hasOwn(methods, name)
    const original = methods[name]
    const watched = function (this: unknown, ...args: unknown[]): unknown {
      if (!exchange.ended) settle(parseStatusLine(args[0]))
      return original.apply(this, args)
    }
    Object.defineProperty(watched, 'name', { value: original.name, configurable: true })
    Object.defineProperty(watched, 'length', { value: original.length, configurable: true })
    methods[name] = watched
    undo.push(() => {
      if (methods[name] !== watched) return
      if (own) methods[name] = original
      else Reflect.deleteProperty(methods, name)
    })
  }
}

function parseStatusLine(chunk: unknown): number | undefined {
  const text =
    typeof chunk === 'string'
      ? chunk.slice(0, 12)
      : chunk instanceof Uint8Array
        ? Buffer.from(chunk.buffer, chunk.byteOffset, Math.min(12, chunk.length)).toString('latin1')
        : ''
  const match = /^HTTP\/1\.\d (\d{3})/.exec(text)
  return match === null ? undefined : Number(match[1])
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

function cut(attributes: FlatAttributes, maxLength: number): FlatAttributes {
  if (maxLength === Number.POSITIVE_INFINITY) return attributes
  for (let i = 1; i < attributes.length; i += 2) {
    const value = attributes[i]
    if (typeof value === 'string' && value.length > maxLength) attributes[i] = value.slice(0, maxLength)
  }
  return attributes
}

export function toNameAndMessage(error: unknown): { name: string; message: string } {
  if (typeof error === 'object' && error !== null) {
    const { name, message } = error as { name?: unknown; message?: unknown }
    return {
      name: typeof name === 'string' && name !== '' ? name : 'Error',
      message: typeof message === 'string' ? message : '',
    }
  }
  return { name: typeof error === 'string' ? 'string' : 'Error', message: String(error) }
}
