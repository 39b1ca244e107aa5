// Express 4 and 5. By default it makes no span: the request's own span gets the route that answered (`http.route`, and with
// it its name) and the errors that handlers raised. Of the application nothing is wrapped: the route and its mount points
// are noted on express's layers when they are declared, and read in the one method that runs a layer.
// Middleware and handler spans are upstream's own, by its own instrumentation, for whoever asks for them.
import { type Context, context, createContextKey, type Span } from '@opentelemetry/api'
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express'
import type { LibraryHooks } from '../loader/library.ts'
import { swallow } from '../self/guard.ts'
import { replaceMethod } from '../tracing/http/replace-method.ts'
import { isEverywhere, RoutePlace } from './route-place.ts'

export interface ExpressOptions {
  /** A span per middleware and router. */
  readonly middlewareSpans?: boolean
  /** A span per route handler. */
  readonly requestHandlerSpans?: boolean
  /** Upstream's options. Any of them asks for spans, of both kinds unless one is set to false above. */
  readonly ignoreLayers?: readonly unknown[]
  readonly ignoreLayersType?: readonly string[]
  readonly requestHook?: (span: Span, info: unknown) => void
  readonly spanNameHook?: (info: unknown, defaultName: string) => string
}

const versions = ['>=4.0.0 <6']
const upstreamOptions = ['ignoreLayers', 'ignoreLayersType', 'requestHook', 'spanNameHook'] as const

// The key under which the HTTP server instrumentation, ours or upstream's, looks for the route.
const rpcMetadata = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA')
const PLACE = Symbol('org.otel.express.place')
const MOUNTED = Symbol('org.otel.express.mounted')
const FAILED = Symbol('org.otel.express.failed')
const patched = Symbol.for('org.otel.express.patched')

interface RpcMetadata {
  type: string
  span?: Span
  route: string | undefined
}
interface Layer {
  [PLACE]?: RoutePlace
  route?: unknown
}
interface Request {
  /** Pattern of the routers around the one that is running. */
  [MOUNTED]?: string
  /** The error that was recorded last: it passes many layers. */
  [FAILED]?: unknown
}
interface Response {
  readonly headersSent: boolean
}
type Next = (error?: unknown) => unknown

function readRpc(active: Context): RpcMetadata | undefined {
  const rpc = active.getValue(rpcMetadata) as RpcMetadata | undefined
  return rpc?.type === 'http' ? rpc : undefined
}

/** `'route'` and `'router'` leave a stack; they are not errors. */
function isError(error: unknown): boolean {
  return !!error && error !== 'route' && error !== 'router'
}

function recordError(request: Request, error: unknown): void {
  try {
    if (!isError(error) || request[FAILED] === error) return
    request[FAILED] = error
    readRpc(context.active())?.span?.recordException(error instanceof Error ? error : String(error))
  } catch (problem) {
    swallow('express error', problem)
  }
}

/** Notes the route and returns the `next` that takes it back when the layer did not answer. */
function enterPlace(place: RoutePlace, request: Request, response: Response, following: Next): Next {
  const rpc = readRpc(context.active())
  // What has been answered keeps the route that answered it.
  if (rpc === undefined || response.headersSent) return following
  const outer = request[MOUNTED] ?? ''
  const before = rpc.route
  const route = place.join(outer)
  rpc.route = route
  if (place.isMount) request[MOUNTED] = route
  return function next(error?: unknown) {
    if (place.isMount) request[MOUNTED] = outer
    if (isError(error)) recordError(request, error)
    else if (rpc.route === route && !response.headersSent) rpc.route = before
    return following(error)
  }
}

/** False when it was claimed before: copies of express may share one router. */
function claim(target: any, undo: (() => void)[]): boolean {
  if (Object.hasOwn(target, patched)) return false
  Object.defineProperty(target, patched, { value: true, configurable: true })
  undo.push(() => void delete target[patched])
  return true
}

function patchLayers(layer: Layer, undo: (() => void)[]): void {
  const prototype = Object.getPrototypeOf(layer)
  if (!claim(prototype, undo)) return

  // express 4 writes snake case.
  const run = 'handleRequest' in prototype ? 'handleRequest' : 'handle_request'
  const originalRun = prototype[run]
  const runLayer = function (this: Layer, request: Request, response: Response, next: Next): unknown {
    const place = this[PLACE]
    if (place === undefined) return originalRun.call(this, request, response, next)
    let after = next
    try {
      after = enterPlace(place, request, response, next)
    } catch (problem) {
      swallow('express layer', problem)
    }
    return originalRun.call(this, request, response, after)
  }
  undo.push(replaceMethod(prototype, run, runLayer))

  const fail = 'handleError' in prototype ? 'handleError' : 'handle_error'
  const originalFail = prototype[fail]
  const failLayer = function (this: Layer, error: unknown, request: Request, ...rest: unknown[]): unknown {
    recordError(request, error)
    return originalFail.call(this, error, request, ...rest)
  }
  undo.push(replaceMethod(prototype, fail, failLayer))
}

function patchRouter(router: any, undo: (() => void)[]): void {
  if (!claim(router, undo)) return
  const { handle } = router

  /** Notes what a declaration added to the router's stack. */
  function markAdded(stack: unknown, from: number, path: unknown, isMount: boolean): void {
    try {
      if (!Array.isArray(stack) || stack.length <= from) return
      patchLayers(stack[from], undo)
      if (isMount && isEverywhere(path)) return
      const place = new RoutePlace(path, isMount)
      for (let i = from; i < stack.length; i++) stack[i][PLACE] = place
    } catch (problem) {
      swallow('express declaration', problem)
    }
  }
  for (const name of ['route', 'use']) {
    const original = router[name]
    undo.push(
      replaceMethod(router, name, function (this: any, ...args: unknown[]) {
        const from = this?.stack?.length ?? 0
        const result = original.apply(this, args)
        markAdded(this?.stack, from, args[0], name === 'use')
        return result
      }),
    )
  }
  // An error that no layer took leaves here.
  undo.push(
    replaceMethod(router, 'handle', function (this: unknown, request: Request, ...rest: any[]) {
      const done = rest[1]
      if (typeof done === 'function')
        rest[1] = function (this: unknown, ...args: unknown[]) {
          if (args[0]) recordError(request, args[0])
          return done.apply(this, args)
        }
      return handle.call(this, request, ...rest)
    }),
  )
}

function wantsSpans(options: ExpressOptions): boolean {
  if (options.middlewareSpans === true || options.requestHandlerSpans === true) return true
  return upstreamOptions.some(name => options[name] !== undefined)
}

function upstreamHooks({ middlewareSpans, requestHandlerSpans, ...options }: ExpressOptions): LibraryHooks {
  const ignored = new Set(options.ignoreLayersType)
  const only = middlewareSpans === true || requestHandlerSpans === true
  if (middlewareSpans === false || (only && middlewareSpans !== true)) ignored.add('middleware').add('router')
  if (requestHandlerSpans === false || (only && requestHandlerSpans !== true)) ignored.add('request_handler')
  const instrumentation: any = new ExpressInstrumentation({
    ...options,
    ...(ignored.size > 0 && { ignoreLayersType: [...ignored] }),
  } as object)
  const [definition] = instrumentation.getModuleDefinitions()
  let exports: unknown
  return {
    modules: [{ name: 'express', versions, patch: given => (exports = definition.patch(given)) }],
    stop: () => definition.unpatch(exports),
  }
}

/**
 * @example
 * expressHooks({ requestHandlerSpans: true, ignoreLayers: ['/healthz'] })
 */
export function expressHooks(options: ExpressOptions = {}): LibraryHooks {
  if (wantsSpans(options)) return upstreamHooks(options)
  const undo: (() => void)[] = []
  return {
    modules: [
      {
        name: 'express',
        versions,
        patch(exports) {
          // The router of express 5 is a class; that of express 4 an object its routers inherit from.
          const { Router } = exports.default ?? exports
          patchRouter(typeof Router.prototype?.route === 'function' ? Router.prototype : Router, undo)
          return exports
        },
      },
    ],
    stop() {
      for (const one of undo.splice(0).reverse()) one()
    },
  }
}
