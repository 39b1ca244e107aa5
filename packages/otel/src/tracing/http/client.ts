// Outgoing HTTP/1 requests, from `http.request`, `https.get`, `new ClientRequest` and everything built on them. No function
// of `http` or `https` is replaced: a request is seen when its agent gets it (every Node) or on
// `http.client.request.created` (without an agent; Node 22.12), its headers are added where Node writes the header block
// (raw arrays and `Expect` included; the caller's objects are not touched), its end is seen in `emit`.
// biome-ignore-all lint/complexity/noArguments: forwarded as it is, without an array per call.
import diagnostics from 'node:diagnostics_channel'
import http from 'node:http'
import { inspect } from 'node:util'
import { type Context, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { redactUserinfo } from '../../redact/url.ts'
import { messageOf } from '../../self/error-text.ts'
import { swallow } from '../../self/guard.ts'
import type { FlatAttributes } from '../attributes.ts'
import { monotonicMs } from '../clock.ts'
import { active, isSuppressed, spanOf, storage, withSpan } from '../context.ts'
import { errorTypeOf } from '../error-type.ts'
import { INVALID_SPAN, type LeanSpan, type SpanRecord, toLeanSpan } from '../span.ts'
import { parseAuthority, renderAuthority } from './authority.ts'
import { toHeaderList } from './captured-headers.ts'
import type { Dimensions } from './durations.ts'
import { CANCELLED, findFailure, timedOut } from './giving-up.ts'
import { type HttpHooks, UNTRACED } from './hooks.ts'
import { callHook, mergeAttributes, readSyntheticType } from './instrumentation-options.ts'
import { isLegalHeader } from './legal-header.ts'
import { nameOfMethod, parseMethod } from './methods.ts'
import { OBSERVED, type Observable, type Observed, patchEmit, type Watch } from './observed.ts'
import { replaceMethod } from './replace-method.ts'
import { hasHeader, readRequestId } from './request-id.ts'

/** One outgoing request and its response. */
export class ClientCall implements Observed {
  readonly span: LeanSpan
  /** The caller's: listeners of request and response run in it. */
  readonly context: Context
  readonly method: string
  readonly address: string
  port: number | undefined
  /** Monotonic; 0 when the span's record has the start. */
  readonly startMs: number
  response: (http.IncomingMessage & { readonly req?: http.ClientRequest }) | undefined = undefined
  located = false
  ended = false
  /** The socket was idle for the `timeout` of the request, and nothing came since. */
  isLate = false
  /** Set when the caller destroyed the request: what failed, null when the caller only does not want it any more. */
  failure: unknown = undefined

  constructor(span: LeanSpan, context: Context, method: string, address: string) {
    this.span = span
    this.context = context
    this.method = method
    this.address = address
    this.port = undefined
    this.startMs = span.record === null ? monotonicMs() : 0
  }

  [inspect.custom](): string {
    return `ClientCall(${this.method})`
  }
}

type Request = http.ClientRequest & Observable & { readonly agent?: http.Agent | null }
type Response = http.IncomingMessage & Observable & { readonly req?: http.ClientRequest }
type StoreHeader = (this: Request, firstLine: string, headers: HeaderSource) => void
type HeaderSource = Record<string, unknown> | unknown[] | null | undefined
interface AgentOptions {
  readonly port?: unknown
  readonly auth?: unknown
  readonly [UNTRACED]?: unknown
}

/** Node's Agent has these on its prototype; they are what custom agents override, so they are as good as public. */
interface AgentInternals {
  addRequest(this: http.Agent, request: Request, options: AgentOptions | string, ...legacy: unknown[]): void
  createSocket(this: http.Agent, request: Request, ...rest: unknown[]): void
}

export interface ClientTracing {
  readonly watchResponse: Watch
  detach(): void
}

/** Hooks Node's HTTP/1 client. `watchResponse` is to be given the events of traced IncomingMessages. */
export function attachClient(hooks: HttpHooks): ClientTracing {
  const { tracer, propagator, clientRedactor: redactor, clientHeaders, requestIdHeader, oldNames } = hooks
  const {
    ignoreOutgoingRequestHook,
    startOutgoingSpanHook,
    requestHook,
    responseHook,
    applyCustomAttributesOnSpan,
    requireParentforOutgoingSpans = false,
    enableSyntheticSourceDetection = false,
  } = hooks.http
  const durations = hooks.clientDurations
  const dimensions: Dimensions = {
    method: '',
    target: undefined,
    port: undefined,
    scheme: undefined,
    version: undefined,
    status: 0,
    errorType: '',
  }

  function start(request: Request, options: AgentOptions | undefined): void {
    if (request[OBSERVED] !== undefined) return
    const context = active()
    const { agent } = request
    if (isSuppressed(context) || options?.[UNTRACED] !== undefined || (agent != null && UNTRACED in agent)) {
      request[OBSERVED] = null
      return
    }
    if (
      ignoreOutgoingRequestHook !== undefined &&
      callHook('ignoreOutgoingRequestHook', ignoreOutgoingRequestHook, toOptions(request, options))
    ) {
      request[OBSERVED] = null
      return
    }
    const rawMethod = request.method
    const method = parseMethod(rawMethod)
    const { host } = request
    const port = readPort(request, options)
    const attributes: FlatAttributes = ['http.request.method', method, 'server.address', host]
    if (port !== undefined)
      attributes.push('server.port', port, 'url.full', renderUrl(request, port, Boolean(options?.auth)))
    const userAgent = request.getHeader('user-agent')
    if (typeof userAgent === 'string') attributes.push('user_agent.original', userAgent)
    if (method !== rawMethod) attributes.push('http.request.method_original', rawMethod)
    if (enableSyntheticSourceDetection && typeof userAgent === 'string') {
      const type = readSyntheticType(userAgent)
      if (type !== undefined) attributes.push('user_agent.synthetic.type', type)
    }
    if (oldNames !== undefined) oldNames.beginClient(attributes, rawMethod, request.getHeader('host'))
    if (startOutgoingSpanHook !== undefined)
      mergeAttributes(
        attributes,
        callHook('startOutgoingSpanHook', startOutgoingSpanHook, toOptions(request, options)),
        tracer.provider.limits.attributeValueLength,
      )
    const parent = toLeanSpan(spanOf(context))
    const span =
      requireParentforOutgoingSpans && parent === undefined
        ? INVALID_SPAN
        : tracer.make(nameOfMethod(method), SpanKind.CLIENT, parent, attributes, context)
    const call = new ClientCall(span, context, method, host)
    call.port = port
    call.located = port !== undefined
    request[OBSERVED] = call
    if (requestHook !== undefined) callHook('requestHook', requestHook, span, request)
  }

  /** The port was not known when the header block was written in the constructor: it is once the agent has the request. */
  function locate(request: Request, call: ClientCall, port: number | undefined, hasAuth: boolean): void {
    if (call.located) return
    call.located = true
    call.port = port
    if (call.span.record === null) return
    if (port !== undefined) call.span.setAttribute('server.port', port)
    const url = renderUrl(request, port, hasAuth)
    // Not through the API: what is set there is not known to be clean.
    call.span.record?.set('url.full', url)
    if (oldNames !== undefined) oldNames.locate(call.span, url, request.getHeader('host'))
  }

  function renderUrl(request: Request, port: number | undefined, hasAuth: boolean): string {
    const { path, protocol, host } = request
    // A request to a plain HTTP proxy carries its whole URL as the path.
    if (path.charCodeAt(0) !== 47 && /^https?:\/\//i.test(path))
      return redactor.redactPath(redactUserinfo(path))
    const scheme = protocol.slice(0, -1)
    const slash = path.charCodeAt(0) === 47 ? '' : '/'
    const user = hasAuth ? 'REDACTED:REDACTED@' : ''
    return `${scheme}://${user}${renderAuthority(host, port, scheme)}${slash}${redactor.redactPath(path)}`
  }

  function onResponse(request: Request, call: ClientCall, response: Response): void {
    if (call.ended) return
    call.isLate = false
    call.response = response
    response[OBSERVED] = call
    const { span } = call
    if (responseHook !== undefined) callHook('responseHook', responseHook, span, response)
    if (span.record === null) return
    const { socket } = response
    if (response.statusCode !== undefined) span.put('http.response.status_code', response.statusCode)
    if (socket) {
      if (socket.remoteAddress !== undefined) span.put('network.peer.address', socket.remoteAddress)
      if (socket.remotePort !== undefined) span.put('network.peer.port', socket.remotePort)
      span.put('network.protocol.version', response.httpVersion)
    }
    if (oldNames !== undefined) {
      const { headers, statusCode } = response
      oldNames.connect(span, socket, response.httpVersion)
      oldNames.length(span, headers['content-length'], headers['content-encoding'])
      if (statusCode !== undefined) oldNames.status(span, statusCode, response.statusMessage ?? '')
    }
    for (const header of clientHeaders.request) {
      const value = request.getHeader(header.name)
      if (value !== undefined) span.setAttribute(header.key, toHeaderList(value))
    }
    for (const header of clientHeaders.response) {
      const value = response.headers[header.name]
      if (value !== undefined) span.setAttribute(header.key, toHeaderList(value))
    }
  }

  function record(call: ClientCall, spanRecord: SpanRecord | null, errorType: string): void {
    if (durations === null) return
    const { response } = call
    const ms = spanRecord === null ? monotonicMs() - call.startMs : spanRecord.endMs - spanRecord.startMs
    dimensions.method = call.method
    dimensions.target = call.address
    dimensions.port = call.port
    dimensions.version = response?.socket ? response.httpVersion : undefined
    dimensions.status = response?.statusCode ?? 0
    dimensions.errorType = errorType || toErrorType(dimensions.status)
    durations.record(call.address, dimensions, ms / 1e3, call.span)
    if (oldNames !== undefined) oldNames.recordClient(dimensions, ms)
  }

  /** The caller gives up on a request. The first failure counts: a library may destroy first and say why after that. */
  function giveUp(call: ClientCall, error: unknown): void {
    if (call.ended || (call.failure !== undefined && call.failure !== null)) return
    const failure = findFailure(error)
    call.failure = failure === null && call.isLate ? timedOut : failure
  }

  /** The response was destroyed before its end: by the caller, or by Node, whose connection is gone. */
  function onAborted(call: ClientCall, response: Response): void {
    if (!isConnectionLost(response.errored)) giveUp(call, response.errored ?? undefined)
    // Client libraries destroy an idle socket, of which Node knows nothing more than that it is gone.
    else if (call.isLate && call.failure === undefined) call.failure = timedOut
  }

  /** Nobody wants the answer: neither a success nor a failure. What the server said before still counts. */
  function cancel(call: ClientCall): void {
    call.ended = true
    const { span, response } = call
    const spanRecord = span.record
    if (spanRecord !== null) {
      span.setAttribute(CANCELLED, true)
      const errorType = toErrorType(response?.statusCode ?? 0)
      if (errorType !== '') {
        span.setAttribute('error.type', errorType)
        span.setStatus({ code: SpanStatusCode.ERROR })
      }
      span.end()
    }
    record(call, spanRecord, '')
  }

  /** `isWhole`: the response came to its end, or had none. */
  function finish(request: Request | undefined, call: ClientCall, isWhole: boolean): void {
    if (call.ended) return
    const { response: cut } = call
    if (!isWhole && cut !== undefined && cut.aborted && !cut.complete) {
      fail(request, call, cut.errored)
      return
    }
    call.ended = true
    if (!call.located && request !== undefined) locate(request, call, readPort(request, undefined), false)
    const { span, response } = call
    const spanRecord = span.record
    if (spanRecord !== null) {
      if (response !== undefined) {
        const status = response.statusCode ?? 0
        if (response.aborted && !response.complete) span.setStatus({ code: SpanStatusCode.ERROR })
        else if (isWhole || response.complete) {
          const errorType = toErrorType(status)
          if (errorType !== '') span.setAttribute('error.type', errorType)
          if (status < 100 || status >= 400) span.setStatus({ code: SpanStatusCode.ERROR })
        }
      }
      if (
        applyCustomAttributesOnSpan !== undefined &&
        isWhole &&
        request !== undefined &&
        response !== undefined
      )
        callHook('applyCustomAttributesOnSpan', applyCustomAttributesOnSpan, span, request, response)
      span.end()
    }
    record(call, spanRecord, '')
  }

  /** `raised`: what was emitted. What the caller gave up with counts more: Node makes a reset connection of it. */
  function fail(request: Request | undefined, call: ClientCall, raised: unknown): void {
    if (call.ended) return
    if (!call.located && request !== undefined) locate(request, call, readPort(request, undefined), false)
    const error = call.failure === undefined ? findFailure(raised) : call.failure
    if (error === null) {
      cancel(call)
      return
    }
    call.ended = true
    const { span } = call
    const spanRecord = span.record
    const errorType = errorTypeOf(error)
    if (spanRecord !== null) {
      span.setAttribute('error.type', errorType)
      span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) })
      if (oldNames !== undefined) oldNames.fail(span, error)
      span.recordException(error as Error)
      span.end()
    }
    record(call, spanRecord, errorType)
  }

  const watchRequest: Watch = (observed, emitter, event, argument) => {
    if (!(observed instanceof ClientCall)) return
    const request = emitter as Request
    switch (event) {
      case 'response':
      case 'upgrade':
      case 'connect':
        onResponse(request, observed, argument as Response)
        break
      case 'error':
        fail(request, observed, argument)
        break
      case 'timeout':
        observed.isLate = true
        break
      case 'close':
        finish(request, observed, false)
    }
  }

  const watchResponse: Watch = (observed, emitter, event, argument) => {
    if (!(observed instanceof ClientCall)) return
    if (event === 'end') finish(observed.response?.req as Request | undefined, observed, true)
    else if (event === 'error') fail(undefined, observed, argument)
    else if (event === 'timeout') observed.isLate = true
    else if (event === 'aborted') onAborted(observed, emitter as Response)
  }

  // --- headers ---------------------------------------------------------------------------------------------------------

  // `prototype._storeHeader` is inherited from OutgoingMessage; ours is ClientRequest's own, responses do not pass it.
  const prototype = http.ClientRequest.prototype as unknown as { _storeHeader: StoreHeader }
  const inherited = prototype._storeHeader
  function _storeHeader(this: Request, firstLine: string, headers: HeaderSource): void {
    let lines = ''
    let written = headers
    try {
      start(this, undefined)
      const call = this[OBSERVED]
      if (call instanceof ClientCall)
        propagator.injectInto(
          call.context,
          (name, value) => {
            if (!isLegalHeader(name, value)) return
            // The caller forwarded somebody's trace header; ours is the parent of what happens there. As upstream does.
            if (Array.isArray(written)) written = without(written, name)
            else if (written != null && name.toLowerCase() in written) {
              this.setHeader(name, value)
              return
            }
            lines += `${name}: ${value}\r\n`
          },
          call.span.isValid() ? call.span : undefined,
        )
      if (
        call instanceof ClientCall &&
        requestIdHeader !== undefined &&
        !hasHeader(headers, requestIdHeader)
      ) {
        const id = readRequestId(call.context)
        if (id !== undefined) lines += `${requestIdHeader}: ${id}\r\n`
      }
    } catch (error) {
      swallow('http client headers', error)
    }
    // In front of the others: the block is one string, and nobody's header object has to change.
    inherited.call(this, firstLine + lines, written)
  }

  const agentPrototype = http.Agent.prototype as unknown as AgentInternals
  const { addRequest: originalAdd, createSocket: originalCreate } = agentPrototype
  function addRequest(this: http.Agent, request: Request, options: AgentOptions | string): void {
    try {
      const given = typeof options === 'object' ? options : undefined
      const observed = request[OBSERVED]
      if (observed instanceof ClientCall)
        locate(request, observed, readPort(request, given), Boolean(given?.auth))
      else start(request, given)
    } catch (error) {
      swallow('http client agent', error)
    }
    try {
      originalAdd.apply(this, arguments as unknown as [Request, AgentOptions])
    } catch (error) {
      const call = request[OBSERVED]
      if (call instanceof ClientCall) fail(undefined, call, error)
      throw error
    }
  }
  // Connections open inside the span, so that spans of dns, net and tls are its children. Reused ones skip this.
  function createSocket(this: http.Agent, request: Request): void {
    const call = request?.[OBSERVED]
    if (!(call instanceof ClientCall)) {
      originalCreate.apply(this, arguments as unknown as [Request])
      return
    }
    const outer = storage.getStore()
    storage.enterWith(withSpan(call.context, call.span))
    try {
      originalCreate.apply(this, arguments as unknown as [Request])
    } finally {
      storage.enterWith(outer as Context)
    }
  }

  // `abort()`, signals and client libraries all end here; Node itself never calls it for a request that comes to its end.
  const originalDestroy = http.ClientRequest.prototype.destroy
  function destroy(this: Request, error?: Error): Request {
    try {
      const call = this[OBSERVED]
      if (call instanceof ClientCall && !this.destroyed) giveUp(call, error)
    } catch (problem) {
      swallow('http client destroy', problem)
    }
    return originalDestroy.apply(this, arguments as unknown as [Error?]) as Request
  }

  function onCreated(message: unknown): void {
    try {
      start((message as { request: Request }).request, undefined)
    } catch (error) {
      swallow('http.client.request.created', error)
    }
  }

  const restore = [
    patchEmit(http.ClientRequest.prototype, watchRequest),
    replaceMethod(prototype, '_storeHeader', _storeHeader),
    replaceMethod(http.ClientRequest.prototype, 'destroy', destroy as http.ClientRequest['destroy']),
    replaceMethod(agentPrototype, 'addRequest', addRequest),
    replaceMethod(agentPrototype, 'createSocket', createSocket),
  ]
  diagnostics.subscribe('http.client.request.created', onCreated)
  return {
    watchResponse,
    detach() {
      diagnostics.unsubscribe('http.client.request.created', onCreated)
      for (const undo of restore) undo()
    },
  }
}

/** The error with which Node ends a response whose connection is gone. */
function isConnectionLost(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  return code === 'ECONNRESET' && message === 'aborted'
}

const toErrorType = (status: number): string => (status >= 400 && status < 600 ? String(status) : '')

/** What upstream's functions get: the options of the request, here as Node completed them. */
function toOptions(request: Request, options: AgentOptions | undefined): http.RequestOptions {
  if (options !== undefined) return options as http.RequestOptions
  const { method, path, host, protocol } = request
  return { method, path, host, hostname: host, protocol, headers: request.getHeaders() }
}

/** From the agent's options; without them from a Host header that Node made of the same host. */
function readPort(request: Request, options: AgentOptions | undefined): number | undefined {
  if (options !== undefined) {
    const port = Number(options.port)
    return Number.isInteger(port) ? port : undefined
  }
  const header = request.getHeader('host')
  const scheme = request.protocol.slice(0, -1)
  if (typeof header !== 'string') return undefined
  const { address, port } = parseAuthority(header, scheme)
  return address === request.host || address === `[${request.host}]` ? port : undefined
}

function without(headers: unknown[], name: string): unknown[] {
  const lower = name.toLowerCase()
  const isOurs = (key: unknown): boolean => typeof key === 'string' && key.toLowerCase() === lower
  if (Array.isArray(headers[0])) {
    const pairs = headers as unknown[][]
    return pairs.some(pair => isOurs(pair[0])) ? pairs.filter(pair => !isOurs(pair[0])) : headers
  }
  const kept: unknown[] = []
  for (let i = 0; i < headers.length; i += 2) if (!isOurs(headers[i])) kept.push(headers[i], headers[i + 1])
  return kept.length === headers.length ? headers : kept
}
