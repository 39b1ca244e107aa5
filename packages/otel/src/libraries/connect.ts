// Connect 3. By default it makes no span: the request's own span gets the path of the middleware that was mounted last
// (`http.route`), written as upstream writes it. What the application mounts stays what it is: the list of middleware is
// wrapped only as the one method sees it that runs it.
import { context, createContextKey, type Span, SpanKind, trace } from '@opentelemetry/api'
import type { LibraryHooks } from '../loader/library.ts'
import { swallow } from '../self/guard.ts'
import { replaceMethod } from '../tracing/http/replace-method.ts'
import { startSpan } from './start-span.ts'

export interface ConnectOptions {
  /** A span per middleware for every path. */
  readonly middlewareSpans?: boolean
  /** A span per middleware that is mounted at a path. */
  readonly requestHandlerSpans?: boolean
}

// The key under which the HTTP server instrumentation, ours or upstream's, looks for the route.
const rpcMetadata = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA')
const MOUNTED = Symbol('org.otel.connect.mounted')
const scope = '@opentelemetry/instrumentation-connect'

interface Layer {
  readonly route: string
  readonly handle: Handle
}
interface Request {
  /** The paths of the applications around the one that is running. */
  [MOUNTED]?: string
}
interface Response {
  readonly headersSent: boolean
  once(event: 'close', listener: () => void): unknown
  removeListener(event: 'close', listener: () => void): unknown
}
type Handle = (this: unknown, ...args: any[]) => unknown
type Next = (this: unknown, error?: unknown) => unknown

/** `/api` around `/users` is `/api/users`. */
function joinRoutes(outer: string, route: string): string {
  return outer === '' ? route : `${outer.replace(/\/+$/, '')}${route}`
}

/** Notes the route; returns what goes back to the paths around, or undefined when nothing was noted. */
function enterRoute(route: string, request: Request, response: Response): (() => void) | undefined {
  if (route === '') return undefined
  const outer = request[MOUNTED] ?? ''
  const whole = joinRoutes(outer, route)
  const rpc = context.active().getValue(rpcMetadata) as { type?: string; route?: string } | undefined
  // What has been answered keeps the route that answered it.
  if (rpc?.type === 'http' && !response.headersSent) rpc.route = whole
  request[MOUNTED] = whole
  return () => {
    request[MOUNTED] = outer
  }
}

function startLayerSpan(layer: Layer, options: ConnectOptions): Span | undefined {
  const { route, handle } = layer
  if (route === '' ? options.middlewareSpans !== true : options.requestHandlerSpans !== true) return undefined
  const type = route === '' ? 'middleware' : 'request_handler'
  const name = route === '' ? handle.name || 'anonymous' : route
  return startSpan(
    trace.getTracer(scope),
    `${type === 'middleware' ? 'middleware' : 'request handler'} - ${name}`,
    SpanKind.INTERNAL,
    ['http.route', route || '/', 'connect.type', type, 'connect.name', name],
    context.active(),
  )
}

/** Ends the span with the response unless `end` is called before. */
function endWithResponse(span: Span, response: Response): () => void {
  const end = (): void => {
    response.removeListener('close', end)
    span.end()
  }
  response.once('close', end)
  return end
}

/** The middleware as connect runs it: with the same number of parameters, by which connect knows those for errors. */
function watchHandle(layer: Layer, options: ConnectOptions): Handle {
  const { handle, route } = layer
  const first = handle.length === 4 ? 1 : 0
  const watched: Handle = function (this: unknown, ...args) {
    try {
      const [request, response, next] = args.slice(first) as [Request, Response, Next]
      const leave = enterRoute(route, request, response)
      const span = startLayerSpan(layer, options)
      const end = span && endWithResponse(span, response)
      args[first + 2] = function (this: unknown, ...given: [error?: unknown]) {
        leave?.()
        end?.()
        return next.apply(this, given)
      }
    } catch (error) {
      swallow('connect middleware', error)
    }
    return handle.apply(this, args)
  }
  Object.defineProperty(watched, 'name', { value: handle.name, configurable: true })
  Object.defineProperty(watched, 'length', { value: handle.length, configurable: true })
  return watched
}

/** `app.stack` as `handle` sees it: the same list, also while it grows, of watched layers. */
function watchStack(options: ConnectOptions): (stack: readonly Layer[]) => readonly Layer[] {
  const layers = new WeakMap<Layer, Layer & { readonly source: Handle }>()
  const stacks = new WeakMap<readonly Layer[], readonly Layer[]>()

  function watchLayer(layer: Layer): Layer {
    if (typeof layer?.handle !== 'function' || (layer.route === '' && options.middlewareSpans !== true))
      return layer
    let known = layers.get(layer)
    if (known === undefined || known.source !== layer.handle || known.route !== layer.route) {
      known = { route: layer.route, handle: watchHandle(layer, options), source: layer.handle }
      layers.set(layer, known)
    }
    return known
  }
  return stack => {
    let view = stacks.get(stack)
    if (view === undefined) {
      view = new Proxy(stack, {
        get(target, key) {
          const value = target[key as never] as Layer | undefined
          return typeof value === 'object' ? watchLayer(value) : value
        },
      })
      stacks.set(stack, view)
    }
    return view
  }
}

function patchApp(app: any, viewOf: (stack: readonly Layer[]) => readonly Layer[]): void {
  const { handle } = app
  if (typeof handle !== 'function') return
  replaceMethod(app, 'handle', function (this: any, ...args: unknown[]) {
    let self = this
    try {
      if (Array.isArray(this?.stack)) {
        const view = viewOf(this.stack)
        if (view !== this.stack) self = Object.create(this, { stack: { value: view } })
      }
    } catch (error) {
      swallow('connect application', error)
    }
    return handle.apply(self, args)
  })
}

/**
 * @example
 * connectHooks({ requestHandlerSpans: true })
 */
export function connectHooks(options: ConnectOptions = {}): LibraryHooks {
  let on = true
  const watch = watchStack(options)
  const viewOf = (stack: readonly Layer[]) => (on ? watch(stack) : stack)
  const watchApp = <T>(app: T): T => {
    try {
      if (on) patchApp(app, viewOf)
    } catch (error) {
      swallow('connect application', error)
    }
    return app
  }
  return {
    modules: [
      {
        name: 'connect',
        versions: ['>=3.0.0 <4'],
        // Every application gets its own copies of the methods: there is no prototype to patch. A proxy looks like the
        // function it stands for.
        patch: exports =>
          typeof exports !== 'function'
            ? exports
            : new Proxy(exports, {
                apply: (create, self, args) => watchApp(Reflect.apply(create, self, args)),
                construct: (create, args, target) => watchApp(Reflect.construct(create, args, target)),
              }),
      },
    ],
    stop() {
      on = false
    },
  }
}
