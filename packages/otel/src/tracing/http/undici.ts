// `fetch` and the npm package undici, through the channels both publish on. undici itself is never loaded: loading it would
// replace the application's dispatcher.
import diagnostics from 'node:diagnostics_channel'
import { type Context, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { redactUserinfo } from '../../redact/url.ts'
import { messageOf } from '../../self/error-text.ts'
import { guard, swallow } from '../../self/guard.ts'
import type { FlatAttributes } from '../attributes.ts'
import { monotonicMs } from '../clock.ts'
import { active, isSuppressed, spanOf, storage } from '../context.ts'
import { errorTypeOf } from '../error-type.ts'
import { INVALID_SPAN, type LeanSpan, type SpanRecord, toLeanSpan } from '../span.ts'
import type { Dimensions } from './durations.ts'
import { CANCELLED, findUndiciFailure } from './giving-up.ts'
import type { HttpHooks } from './hooks.ts'
import { callHook, mergeAttributes } from './instrumentation-options.ts'
import { isLegalHeader } from './legal-header.ts'
import { nameOfMethod, parseMethod } from './methods.ts'
import { readRequestId } from './request-id.ts'
import { watchGlobalDispatcher } from './undici-queue.ts'

const CALL = Symbol('org.otel.undici')

interface UndiciRequest {
  readonly method: string
  readonly origin: string | URL
  readonly path: string
  /** undici 5: one string of lines; later: name, value, name, value. */
  headers: string | (string | string[])[]
  body?: unknown
  addHeader?(name: string, value: string): unknown
  [CALL]?: Call
}

interface Origin {
  /** `http://127.0.0.1:8080`, with redacted userinfo. */
  readonly text: string
  readonly scheme: string
  readonly address: string
  readonly port: number | undefined
}

class Call {
  readonly span: LeanSpan
  readonly method: string
  readonly origin: Origin
  readonly startMs: number
  version: string | undefined = undefined
  status = 0

  constructor(span: LeanSpan, method: string, origin: Origin) {
    this.span = span
    this.method = method
    this.origin = origin
    this.startMs = span.record === null ? monotonicMs() : 0
  }
}

/** Where undici, Node's own or a package, keeps what `fetch` sends with. Since undici 8 the older one holds a wrapper. */
const globalDispatchers = [
  Symbol.for('undici.globalDispatcher.2'),
  Symbol.for('undici.globalDispatcher.1'),
] as const

const maxOrigins = 500

export function attachUndici(hooks: HttpHooks): () => void {
  const { undiciTracer: tracer, propagator, undiciRedactor: redactor, requestIdHeader, oldNames } = hooks
  const { request: requestHeaders, response: responseHeaders } = hooks.undiciHeaders
  const {
    ignoreRequestHook,
    startSpanHook,
    requestHook,
    responseHook,
    requireParentforSpans = false,
  } = hooks.undici
  const durations = hooks.undiciDurations
  const origins = new Map<string, Origin | null>()
  const dimensions: Dimensions = {
    method: '',
    target: undefined,
    port: undefined,
    scheme: undefined,
    version: undefined,
    status: 0,
    errorType: '',
  }

  function originOf(request: UndiciRequest): Origin | null {
    const text = typeof request.origin === 'string' ? request.origin : String(request.origin)
    let origin = origins.get(text)
    if (origin === undefined) {
      if (origins.size >= maxOrigins) origins.clear()
      origins.set(text, (origin = parseOrigin(text)))
    }
    return origin
  }

  const undo: (() => void)[] = []
  let isGlobalWatched = false
  /** Its first request is the first sight of it: nothing of it can wait before. */
  function watchGlobal(): void {
    for (const key of globalDispatchers) {
      const dispatcher = (globalThis as { readonly [key: symbol]: unknown })[key]
      if (dispatcher === undefined) continue
      isGlobalWatched = true
      undo.push(...(guard('undici dispatcher', () => watchGlobalDispatcher(dispatcher)) ?? []))
      return
    }
  }

  function onCreate(request: UndiciRequest): void {
    if (!isGlobalWatched) watchGlobal()
    if (request.method === 'CONNECT') return
    const context = active()
    if (isSuppressed(context)) return
    if (ignoreRequestHook !== undefined && callHook('ignoreRequestHook', ignoreRequestHook, request)) return
    const origin = originOf(request)
    if (origin === null) return
    const { method: rawMethod, path } = request
    const method = parseMethod(rawMethod)
    const hash = path.indexOf('#')
    const target = hash === -1 ? path : path.slice(0, hash)
    const mark = target.indexOf('?')
    const pathname = mark === -1 ? target : target.slice(0, mark)
    const query = mark === -1 ? '' : redactor.redactQuery(target.slice(mark + 1))
    const attributes: FlatAttributes = [
      'http.request.method',
      method,
      'url.full',
      mark === -1 ? origin.text + pathname : `${origin.text}${pathname}?${query}`,
      'url.path',
      pathname,
      'url.scheme',
      origin.scheme,
      'server.address',
      origin.address,
    ]
    if (query !== '') attributes.push('url.query', query)
    if (method !== rawMethod) attributes.push('http.request.method_original', rawMethod)
    if (origin.port !== undefined) attributes.push('server.port', origin.port)
    const userAgent = readHeader(request, 'user-agent')
    if (userAgent !== undefined) attributes.push('user_agent.original', userAgent)
    if (oldNames !== undefined) oldNames.beginClient(attributes, rawMethod, readHeader(request, 'host'))
    if (startSpanHook !== undefined)
      mergeAttributes(
        attributes,
        callHook('startSpanHook', startSpanHook, request),
        tracer.provider.limits.attributeValueLength,
      )
    const parent = toLeanSpan(spanOf(context))
    const span =
      requireParentforSpans && parent === undefined
        ? INVALID_SPAN
        : tracer.make(nameOfMethod(method), SpanKind.CLIENT, parent, attributes, context)
    if (requestHook !== undefined) callHook('requestHook', requestHook, span, request)
    request[CALL] = new Call(span, method, origin)
    propagator.injectInto(
      context,
      (name, value) => setHeader(request, name, value),
      span.isValid() ? span : undefined,
    )
    if (requestIdHeader !== undefined && readHeader(request, requestIdHeader) === undefined) {
      const id = readRequestId(context)
      if (id !== undefined) setHeader(request, requestIdHeader, id)
    }
    if (request.body != null) carryBody(request, context)
  }

  function onSendHeaders(request: UndiciRequest, socket: UndiciSocket): void {
    const call = request[CALL]
    if (call === undefined) return
    call.version = socket.alpnProtocol === 'h2' ? '2' : '1.1'
    const { span } = call
    if (span.record === null) return
    if (socket.remoteAddress !== undefined) span.setAttribute('network.peer.address', socket.remoteAddress)
    if (socket.remotePort !== undefined) span.setAttribute('network.peer.port', socket.remotePort)
    span.setAttribute('network.protocol.version', call.version)
    if (oldNames !== undefined) oldNames.connect(span, socket, call.version)
    for (const header of requestHeaders) {
      const value = readHeader(request, header.name)
      if (value !== undefined) span.setAttribute(header.key, [value])
    }
  }

  function onHeaders(request: UndiciRequest, response: UndiciResponse): void {
    const call = request[CALL]
    if (call === undefined) return
    const { span } = call
    call.status = response.statusCode
    if (responseHook !== undefined) callHook('responseHook', responseHook, span, { request, response })
    if (span.record === null) return
    span.setAttribute('http.response.status_code', response.statusCode)
    if (response.statusCode >= 400) {
      span.setAttribute('error.type', String(response.statusCode))
      span.setStatus({ code: SpanStatusCode.ERROR })
    }
    const { headers } = response
    if (oldNames !== undefined) {
      oldNames.status(span, response.statusCode, response.statusText)
      oldNames.length(
        span,
        readValues(headers, 'content-length')[0],
        readValues(headers, 'content-encoding')[0],
      )
    }
    for (const header of responseHeaders) {
      const values = readValues(headers, header.name)
      if (values.length > 0) span.setAttribute(header.key, values)
    }
  }

  function end(request: UndiciRequest, error: unknown): void {
    const call = request[CALL]
    if (call === undefined) return
    request[CALL] = undefined as unknown as Call
    const { span } = call
    const spanRecord = span.record
    let errorType = call.status >= 400 ? String(call.status) : ''
    const failure = error === undefined ? undefined : findUndiciFailure(error)
    if (failure === null) span.setAttribute(CANCELLED, true)
    else if (failure !== undefined) {
      errorType = errorTypeOf(failure)
      span.setAttribute('error.type', errorType)
      span.recordException(failure as Error)
      span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(failure) })
      if (oldNames !== undefined) oldNames.fail(span, failure)
    }
    span.end()
    record(call, spanRecord, errorType)
  }

  function record(call: Call, spanRecord: SpanRecord | null, errorType: string): void {
    if (durations === null) return
    const ms = spanRecord === null ? monotonicMs() - call.startMs : spanRecord.endMs - spanRecord.startMs
    dimensions.method = call.method
    dimensions.target = call.origin.address
    dimensions.port = call.origin.port
    dimensions.scheme = call.origin.scheme
    dimensions.version = call.version
    dimensions.status = call.status
    dimensions.errorType = errorType
    durations.record(call.origin.text, dimensions, ms / 1e3, call.span)
    if (oldNames !== undefined) oldNames.recordFetch(dimensions, ms)
  }

  const listeners: [channel: string, listener: (message: unknown) => void][] = [
    guarded<{ request: UndiciRequest }>('undici:request:create', m => onCreate(m.request)),
    guarded<{ request: UndiciRequest; socket: UndiciSocket }>('undici:client:sendHeaders', m =>
      onSendHeaders(m.request, m.socket),
    ),
    guarded<{ request: UndiciRequest; response: UndiciResponse }>('undici:request:headers', m =>
      onHeaders(m.request, m.response),
    ),
    guarded<{ request: UndiciRequest }>('undici:request:trailers', m => end(m.request, undefined)),
    guarded<{ request: UndiciRequest; error: unknown }>('undici:request:error', m =>
      end(m.request, m.error ?? new Error('unknown')),
    ),
  ]
  for (const [channel, listener] of listeners) diagnostics.subscribe(channel, listener)
  return () => {
    for (const [channel, listener] of listeners) diagnostics.unsubscribe(channel, listener)
    for (const one of undo) one()
  }
}

interface UndiciSocket {
  readonly remoteAddress?: string
  readonly remotePort?: number
  readonly alpnProtocol?: string | false
}

interface UndiciResponse {
  readonly statusCode: number
  readonly statusText?: string
  readonly headers: readonly (Buffer | string)[]
}

/** An error thrown by a subscriber becomes an uncaught exception: none may leave. */
function guarded<M>(channel: string, on: (message: M) => void): [string, (message: unknown) => void] {
  return [
    channel,
    message => {
      try {
        on(message as M)
      } catch (error) {
        swallow(channel, error)
      }
    },
  ]
}

/** A generator that is the body is code of the caller; it is run when the connection has room for it. */
function carryBody(request: UndiciRequest, caller: Context): void {
  const body = request.body as AsyncIterable<unknown> & { readonly on?: unknown }
  if (typeof body[Symbol.asyncIterator] !== 'function' || typeof body.on === 'function') return
  request.body = {
    [Symbol.asyncIterator]() {
      const inner = body[Symbol.asyncIterator]()
      const carry = (name: 'next' | 'return' | 'throw') => {
        const method = inner[name] as ((...args: unknown[]) => unknown) | undefined
        return method && ((...args: unknown[]) => storage.run(caller, () => method.apply(inner, args)))
      }
      return { next: carry('next'), return: carry('return'), throw: carry('throw') }
    },
  }
}

function setHeader(request: UndiciRequest, name: string, value: string): void {
  if (!isLegalHeader(name, value)) return
  const { headers } = request
  // A header the caller forwarded is replaced: two of them would make both invalid.
  if (Array.isArray(headers)) {
    const lower = name.toLowerCase()
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const key = headers[i]
      if (typeof key === 'string' && key.length === lower.length && key.toLowerCase() === lower) {
        headers[i + 1] = value
        return
      }
    }
  } else if (typeof headers === 'string' && headers.length > 0) {
    const line = new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}:.*\r\n`, 'gim')
    if (line.test(headers)) request.headers = headers.replace(line, '')
  }
  if (typeof request.addHeader === 'function') request.addHeader(name, value)
  else if (typeof request.headers === 'string') request.headers += `${name}: ${value}\r\n`
  else if (Array.isArray(request.headers)) request.headers.push(name, value)
}

function readValues(headers: UndiciResponse['headers'], name: string): string[] {
  const values: string[] = []
  for (let i = 0; i + 1 < headers.length; i += 2)
    if (String(headers[i]).toLowerCase() === name) values.push(String(headers[i + 1]))
  return values
}

function readHeader(request: UndiciRequest, name: string): string | undefined {
  const { headers } = request
  if (Array.isArray(headers)) {
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const key = headers[i]
      if (typeof key === 'string' && key.length === name.length && key.toLowerCase() === name) {
        const value = headers[i + 1]
        return Array.isArray(value) ? value.at(-1) : value
      }
    }
  } else if (typeof headers === 'string') {
    for (const line of headers.split('\r\n')) {
      const colon = line.indexOf(':')
      if (colon === name.length && line.slice(0, colon).toLowerCase() === name)
        return line.slice(colon + 1).trim()
    }
  }
  return undefined
}

function parseOrigin(text: string): Origin | null {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return null
  }
  const scheme = url.protocol.slice(0, -1)
  const port =
    url.port === '' ? (scheme === 'https' ? 443 : scheme === 'http' ? 80 : undefined) : Number(url.port)
  return {
    text: redactUserinfo(text.endsWith('/') ? text.slice(0, -1) : text),
    scheme,
    address: url.hostname,
    port,
  }
}
