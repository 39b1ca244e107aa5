// Fastify 3 to 5. Gives the request span its `http.route`, and each route handler a span like upstream's former
// instrumentation. Errors, hooks and reply handling are fastify's own.
//
// For every route fastify makes an object (`lib/context.js`) after all `onRoute` hooks have run, with a bound copy of the
// handler in it, and reads it when a request comes. That object is ours to change: neither the application's hooks nor the
// printed trees show it. A fastify inside a bundle has no such file; there the channel that every new instance is
// published on (`fastify.initialization`) and fastify's own hooks serve, which the printed trees show.
import { channel } from 'node:diagnostics_channel'
import { context, createContextKey, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import type { LibraryHooks } from '../loader/library.ts'
import { messageOf } from '../self/error-text.ts'
import { swallow } from '../self/guard.ts'

export interface FastifyOptions {
  /** Called with the handler's span when it starts. */
  readonly requestHook?: (span: Span, info: { request: any }) => void
}

interface RouteOptions {
  method: string | string[]
  url: string
  handler: (this: unknown, request: any, reply: any, ...rest: any[]) => any
}
/** What fastify keeps of a route; that of a "not found" handler has no URL. */
interface RouteContext {
  handler: RouteOptions['handler'] | undefined
  onRequest: unknown
  config?: { url?: unknown } | undefined
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
  const ownName = handler.name.replace(/^(bound )+/, '')
  const name = ownName && ownName !== 'handler' ? ownName : 'anonymous'
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

const routes = new Set<string>()

/** Fastify reads the hooks of the route that it has found before anything of the application runs. */
function noteRoute(url: string): void {
  const rpc = context.active().getValue(rpcMetadata) as { type?: string; route?: string } | undefined
  // A handler that prints all routes reads them as well: the first one stays.
  if (rpc?.type === 'http' && rpc.route !== url && !routes.has(rpc.route as string)) rpc.route = url
}

function watchRoute(route: RouteContext, options: FastifyOptions): void {
  const url = route.config?.url
  if (typeof url !== 'string' || typeof route.handler !== 'function') return
  routes.add(url)
  route.handler = wrapHandler(route.handler, url, options)
  let { onRequest } = route
  Object.defineProperty(route, 'onRequest', {
    configurable: true,
    enumerable: true,
    get() {
      noteRoute(url)
      return onRequest
    },
    set(value) {
      onRequest = value
    },
  })
}

/** By fastify's hooks, for a fastify whose files we do not see. */
function observe(fastify: any, options: FastifyOptions): void {
  if (fastify[isWrapped]) return
  Object.defineProperty(fastify, isWrapped, { value: true })
  // Before any hook of the application, so that a request its hooks reject has its route as well.
  fastify.addHook('onRequest', (request: any, _reply: unknown, done: () => void) => {
    const route = request.routeOptions?.url ?? request.routerPath
    if (route !== undefined) noteRoute(route)
    done()
  })
  fastify.addHook('onRoute', (route: RouteOptions) => {
    if (typeof route.handler === 'function') route.handler = wrapHandler(route.handler, route.url, options)
  })
}

export function fastifyHooks(options: FastifyOptions = {}): LibraryHooks {
  const initialization = channel('fastify.initialization')
  let on = true
  let made = 0
  let seen = 0
  const patchContext = (Context: any): any =>
    typeof Context !== 'function'
      ? Context
      : new Proxy(Context, {
          construct(target, args, newTarget) {
            const route = Reflect.construct(target, args, newTarget)
            made++
            try {
              if (on) watchRoute(route, options)
            } catch (error) {
              swallow('fastify route', error)
            }
            return route
          },
        })
  const listen = (message: any): void => {
    // A new instance has made its "not found" route.
    const isPatched = made > seen
    seen = made
    try {
      if (!isPatched) observe(message.fastify, options)
    } catch {
      // An instance we do not understand stays as it is.
    }
  }
  return {
    modules: [{ name: 'fastify', file: 'lib/context.js', versions: ['>=3.9.0 <6'], patch: patchContext }],
    start: () => initialization.subscribe(listen),
    stop: () => {
      on = false
      initialization.unsubscribe(listen)
    },
  }
}
