// Incoming HTTP/1 requests. A request is seen on `http.server.request.start` (also the ones Node answers itself: no Host,
// too many on the connection, unknown expectation), its handler is entered in `Server.prototype.emit`, and its end is the
// response's `close`, so that `finish` listeners of the application still write to the span. Attributes are upstream's.
import diagnostics from 'node:diagnostics_channel'
import type { EventEmitter } from 'node:events'
import http from 'node:http'
import type { Socket } from 'node:net'
import { swallow } from '../../self/guard.ts'
import { storage } from '../context.ts'
import { toHeaderList } from './captured-headers.ts'
import { patchEntrances } from './entrances.ts'
import { ServerExchange } from './exchange.ts'
import { watchHandshake } from './handshake.ts'
import { type HttpHooks, UNTRACED } from './hooks.ts'
import type { ServerTracing } from './incoming.ts'
import { callHook } from './instrumentation-options.ts'
import { OBSERVED, type Observable, type Observed, patchEmit } from './observed.ts'

type Request = http.IncomingMessage & Observable
type Response = http.ServerResponse & Observable

export interface Http1ServerTracing {
  /** To be called with the prototype of `https.Server` before such a server gets a request. */
  patchServers(prototype: EventEmitter): void
  detach(): void
}

/** Hooks Node's HTTP/1 servers. */
export function attachServer(hooks: HttpHooks, tracing: ServerTracing): Http1ServerTracing {
  const responseHeaders = hooks.serverHeaders.response
  const { requestHook, responseHook, applyCustomAttributesOnSpan } = hooks.http
  const { oldNames } = hooks

  function beginRequest(request: Request, response: Response | undefined): Observed | undefined {
    const socket = request.socket as (Socket & { encrypted?: boolean }) | null
    if (typeof request.headers !== 'object' || typeof request.url !== 'string' || socket == null)
      return undefined
    const observed = tracing.begin({
      method: request.method || 'GET',
      scheme: socket.encrypted ? 'https' : 'http',
      host: request.headers.host,
      target: request.url,
      version: request.httpVersion,
      headers: request.headers,
      request,
      socket,
    })
    if (observed === undefined) return undefined
    request[OBSERVED] = observed
    if (response !== undefined) response[OBSERVED] = observed
    if (observed instanceof ServerExchange && (requestHook ?? responseHook) !== undefined)
      storage.run(observed, callHooks, observed, request, response)
    return observed
  }

  function callHooks(exchange: ServerExchange, request: Request, response: Response | undefined): void {
    if (requestHook !== undefined) callHook('requestHook', requestHook, exchange.span, request)
    if (responseHook !== undefined && response !== undefined)
      callHook('responseHook', responseHook, exchange.span, response)
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
    if (exchange.live === null) return
    for (const header of responseHeaders) {
      const value = response.getHeader(header.name)
      if (value !== undefined) exchange.span.setAttribute(header.key, toHeaderList(value))
    }
    if (applyCustomAttributesOnSpan !== undefined)
      callHook(
        'applyCustomAttributesOnSpan',
        applyCustomAttributesOnSpan,
        exchange.span,
        response.req,
        response,
      )
    // Until the headers are sent the status is a default that nobody has seen.
    if (response.headersSent) {
      if (oldNames !== undefined)
        oldNames.status(exchange.span, response.statusCode, response.statusMessage ?? '')
      tracing.finish(exchange, response.statusCode)
    } else tracing.abort(exchange)
  }

  diagnostics.subscribe('http.server.request.start', onStart)
  const restore = [
    // Only for the context of their listeners; a client's response has its own watch.
    patchEmit(http.ServerResponse.prototype, (observed, response, event, argument) => {
      if (!(observed instanceof ServerExchange)) return
      if (event === 'close') finishResponse(observed, response as Response)
      else if (event === 'error') tracing.fail(observed, argument)
    }),
    patchEntrances(http.Server.prototype, entrances, enter, tracing),
  ]

  /** What to enter for a server event, undefined when it is to be left alone or has been entered already. */
  function enter(server: object, event: string | symbol, a: unknown, b: unknown): Observed | undefined {
    try {
      const request = a as Request
      if (typeof request !== 'object' || request === null || server == null) return undefined
      let observed = request[OBSERVED] ?? undefined
      if (observed === undefined) {
        if (UNTRACED in server) return undefined
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
