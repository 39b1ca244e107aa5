// Fastify, through the channel it publishes every new instance on (`fastify.initialization`, since 4.18 and 5.0).
// Gives the request span its `http.route`, and each route handler a span like upstream's former instrumentation.
// No file of fastify is patched, and errors, hooks and reply handling are fastify's own.

import { channel } from 'node:diagnostics_channel'
import { context, createContextKey, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import type { LibraryHooks } from '../loader/library.ts'
import { messageOf } from '../self/error-text.ts'

export interface FastifyOptions {
  /** Called with the handler's span when it starts. */
  readonly requestHook?: (span: Span, info: { request: any }) => void
}

interface RouteOptions {
  method: string | string[]
  url: string
  handler: (this: unknown, request: any, reply: any, ...rest: any[]) => any
}

// The key under which the HTTP server instrumentation, ours or upstream's, looks for the route.
const rpcMetadata = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA')
const isWrapped = Symbol.for('org.otel.fastify.wrapped')

function fail(span: Span, error: unknown): void {
  span.recordException(error as Error)
  span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) })
}

function wrapHandler(
  handler: RouteOptions['handler'],
  url: string,
  options: FastifyOptions,
): RouteOptions['handler'] {
  const tracer = trace.getTracer('@org/otel/fastify')
  const name = handler.name && handler.name !== 'handler' ? handler.name : 'anonymous'
  const wrapped: RouteOptions['handler'] = function (this: unknown, request, reply, ...rest) {
    // Only inside a request that is traced: no span of ours is ever a root.
    if (trace.getSpan(context.active()) === undefined) return handler.call(this, request, reply, ...rest)
    const span = tracer.startSpan(`request handler - ${name}`, {
      attributes: { 'fastify.type': 'request_handler', 'fastify.name': name, 'http.route': url },
    })
    try {
      options.requestHook?.(span, { request })
    } catch {
      // The user's hook is the user's; the request goes on.
    }
    let result: any
    try {
      result = context.with(trace.setSpan(context.active(), span), () =>
        handler.call(this, request, reply, ...rest),
      )
    } catch (error) {
      fail(span, error)
      span.end()
      throw error
    }
    if (!(result instanceof Promise)) {
      // A handler that answers by `reply.send()` later, or returns a query builder: a `then` of ours would run the
      // query a second time. Its span lasts until the response does.
      if (reply.sent) span.end()
      else reply.raw.once('close', () => span.end())
      return result
    }
    result.then(
      () => span.end(),
      (error: unknown) => {
        fail(span, error)
        span.end()
      },
    )
    // The very promise of the handler, not one derived from it.
    return result
  }
  Object.defineProperty(wrapped, 'name', { value: handler.name, configurable: true })
  Object.defineProperty(wrapped, 'length', { value: handler.length, configurable: true })
  return wrapped
}

function observe(fastify: any, options: FastifyOptions): void {
  if (fastify[isWrapped]) return
  Object.defineProperty(fastify, isWrapped, { value: true })
  // Before any hook of the application, so that a request its hooks reject has its route as well.
  fastify.addHook('onRequest', (request: any, _reply: unknown, done: () => void) => {
    const route = request.routeOptions?.url ?? request.routerPath
    if (route !== undefined) {
      const rpc = context.active().getValue(rpcMetadata) as { type?: string; route?: string } | undefined
      if (rpc?.type === 'http') rpc.route = route
    }
    done()
  })
  fastify.addHook('onRoute', (route: RouteOptions) => {
    if (typeof route.handler === 'function') route.handler = wrapHandler(route.handler, route.url, options)
  })
}

export function fastifyHooks(options: FastifyOptions = {}): LibraryHooks {
  const initialization = channel('fastify.initialization')
  const listen = (message: any): void => {
    try {
      observe(message.fastify, options)
    } catch {
      // An instance we do not understand stays as it is.
    }
  }
  return {
    // Nothing to change in the file: this only says which releases publish the channel.
    modules: [{ name: 'fastify', versions: ['>=3.9.0 <6'], patch: exports => exports }],
    start: () => initialization.subscribe(listen),
    stop: () => {
      initialization.unsubscribe(listen)
    },
  }
}
