// Incoming HTTP/2 requests, for the stream API and the compatibility API. Upstream has nothing here.
import type { EventEmitter } from 'node:events'
import type http2 from 'node:http2'
import { createRequire } from 'node:module'
import { swallow } from '../../self/guard.ts'
import { toHeaderList } from './captured-headers.ts'
import { patchEntrances } from './entrances.ts'
import { ServerExchange } from './exchange.ts'
import { type HttpHooks, UNTRACED } from './hooks.ts'
import type { ServerTracing } from './incoming.ts'
import { OBSERVED, type Observable, type Observed, patchEmit } from './observed.ts'
import { entrances } from './server.ts'

type Stream = http2.ServerHttp2Stream & Observable
type CompatRequest = http2.Http2ServerRequest & Observable
type CompatResponse = http2.Http2ServerResponse & Observable

const events = new Set([...entrances, 'stream'])

export interface Http2ServerTracing {
  /** To be called with the prototype of `Http2Server` or `Http2SecureServer` before such a server gets a request. */
  patchServers(prototype: EventEmitter): void
  detach(): void
}

export function attachHttp2Server(hooks: HttpHooks, tracing: ServerTracing): Http2ServerTracing {
  const responseHeaders = hooks.serverHeaders.response
  const undo: (() => void)[] = []
  const patched = new Set<object>()

  function enter(server: object, event: string | symbol, a: unknown, b: unknown): Observed | undefined {
    try {
      if (UNTRACED in server || typeof a !== 'object' || a === null) return undefined
      if (event === 'stream') return beginStream(a as Stream, b as http2.IncomingHttpHeaders)
      const { stream } = a as CompatRequest
      // HTTP/1 on the same port (`allowHTTP1`) was begun on its own channel.
      if (stream === undefined) return (a as Observable)[OBSERVED] ?? undefined
      const observed = (stream as Stream)[OBSERVED] ?? undefined
      ;(a as CompatRequest)[OBSERVED] = observed
      if (typeof b === 'object' && b !== null) (b as CompatResponse)[OBSERVED] = observed
      return observed
    } catch (error) {
      swallow('http2 server event', error)
      return undefined
    }
  }

  function beginStream(stream: Stream, headers: http2.IncomingHttpHeaders): Observed | undefined {
    if (stream[OBSERVED] !== undefined) return stream[OBSERVED] ?? undefined
    const prototype = Object.getPrototypeOf(stream) as EventEmitter
    patchOnce(prototype, () => patchStream(prototype))
    // A gRPC server is told about by the instrumentation of the gRPC library.
    if (/^application\/grpc\b/i.test(headers['content-type'] ?? '')) {
      stream[OBSERVED] = null
      return undefined
    }
    const observed = tracing.begin({
      method: headers[':method'] ?? 'GET',
      scheme: headers[':scheme'] ?? 'http',
      host: headers[':authority'] ?? headers.host,
      target: headers[':path'] ?? '',
      version: '2',
      headers,
      request: undefined,
      socket: stream.session?.socket ?? {},
    })
    stream[OBSERVED] = observed ?? null
    return observed
  }

  function patchStream(prototype: EventEmitter): () => void {
    return patchEmit(prototype, (observed, stream, event, argument) => {
      if (!(observed instanceof ServerExchange)) return
      if (event === 'error') tracing.fail(observed, argument)
      // The compatibility API tells its `finish` and `close` in listeners of this event: they still may write to the span.
      else if (event === 'close') process.nextTick(finish, observed, stream as Stream)
    })
  }

  function finish(exchange: ServerExchange, stream: Stream): void {
    try {
      if (exchange.live === null) return
      const sent = stream.sentHeaders
      for (const header of responseHeaders) {
        const value = sent?.[header.name]
        if (value !== undefined) exchange.span.setAttribute(header.key, toHeaderList(value))
      }
      const status = sent?.[':status']
      if (status === undefined) tracing.abort(exchange)
      else tracing.finish(exchange, Number(status))
    } catch (error) {
      swallow('http2 stream', error)
    }
  }

  function patchOnce(prototype: EventEmitter, patch: () => () => void): void {
    if (patched.has(prototype)) return
    patched.add(prototype)
    undo.push(patch())
  }

  const contextOnly = (): void => {}
  return {
    patchServers(prototype) {
      patchOnce(prototype, () => patchEntrances(prototype, events, enter, tracing))
      // The application has loaded it: this is a look into Node's table, not a load.
      const { Http2ServerRequest, Http2ServerResponse } = createRequire(process.execPath)(
        'node:http2',
      ) as typeof http2
      for (const { prototype } of [Http2ServerRequest, Http2ServerResponse]) {
        const target = prototype as unknown as EventEmitter
        patchOnce(target, () => patchEmit(target, contextOnly))
      }
    },
    detach() {
      for (const fn of undo.splice(0)) fn()
    },
  }
}
