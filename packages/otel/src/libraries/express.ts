// Express 4 and 5. By default it makes no span: the request's own span gets its route (`http.route`, and with it its name)
// and the errors that handlers raised. Of the application only `param` callbacks are wrapped: the route and its mount points
// are noted on express's layers when they are declared, and read in the one method that runs a layer.
//
// The route of a request is that of the last route that ran: one that called `next()` prepared what a later layer sends.
// A route for everything (`*`) and middleware with a path count only while no other route ran, and only if they answer.
// Middleware and handler spans are upstream's own, by its own instrumentation, for whoever asks for them.
import { inspect } from 'node:util'
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
const JOURNEY = Symbol('org.otel.express.journey')
const FAILED = Symbol('org.otel.express.failed')
const patched = Symbol.for('org.otel.express.patched')

interface RpcMetadata {
  type: string
  span?: Span
  route: string | undefined
}
interface Layer {
  [PLACE]?: RoutePlace
  route?: object
}
/** A router that has the request: handed over by its mount point, or by hand (`app.handle(request, response)`). */
interface Visit {
  readonly router: unknown
  /** Pattern of the routers around it. */
  readonly mounted: string
  /** What the request's route was before. */
  readonly route: string | undefined
  readonly outer: Visit | undefined
}
/** Where a request is in the application. One object, so that a request carries one field of ours. */
class Journey {
  readonly rpc: RpcMetadata
  /** Pattern of the routers around the one that is running. */
  mounted = ''
  /** The route that ran last, other than one for everything. */
  matched: object | undefined = undefined
  /** The innermost router. */
  visit: Visit | undefined = undefined

  constructor(rpc: RpcMetadata) {
    this.rpc = rpc
  }

  /** People print requests. */
  [inspect.custom](): string {
    return `Journey(${this.rpc.route ?? ''})`
  }
}
interface Request {
  /** Express's own: the route it chose last, before `param` callbacks run. */
  readonly route?: object
  [JOURNEY]?: Journey
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
    readRpc(context.active())?.span?.recordException(error as Error)
  } catch (problem) {
    swallow('express error', problem)
  }
}

/** Undefined where nothing is traced. */
function findJourney(request: Request): Journey | undefined {
  const known = request[JOURNEY]
  if (known !== undefined) return known
  const rpc = readRpc(context.active())
  if (rpc === undefined) return undefined
  return (request[JOURNEY] = new Journey(rpc))
}

/** Notes the route and returns the `next` that takes back what only counts for the layer that answers. */
function enterPlace(layer: Layer, place: RoutePlace, request: Request, response: Response, next: Next): Next {
  const journey = findJourney(request)
  // What has been answered keeps the route that answered it.
  if (journey === undefined || response.headersSent) return next
  const { rpc, mounted } = journey
  const route = place.join(mounted)
  if (!place.isMount && !place.isCatchAll) {
    rpc.route = route
    journey.matched = layer.route
    return next
  }
  const before = rpc.route
  if (journey.matched === undefined) rpc.route = route
  if (place.isMount) journey.mounted = route
  return function leave(error?: unknown) {
    journey.mounted = mounted
    if (isError(error)) recordError(request, error)
    else if (journey.matched === undefined && !response.headersSent) rpc.route = before
    return next(error)
  }
}

const routePlaces = new WeakMap<object, RoutePlace>()

/** A `param` callback may answer or fail before the layer of its route runs. */
function enterParam(request: Request): void {
  try {
    const { route } = request
    const journey = findJourney(request)
    // A mount point has parameters as well: the route is then an earlier one.
    if (journey === undefined || route === undefined || route === journey.matched) return
    const place = routePlaces.get(route)
    if (place === undefined || place.isCatchAll) return
    journey.rpc.route = place.join(journey.mounted)
    journey.matched = route
  } catch (problem) {
    swallow('express param', problem)
  }
}

/**
 * What is around a router that gets the request: the mount point that ran last, or, when the request is sent through a
 * router once more (`request.url = '/new'; app.handle(request, response)`), what was around it the first time.
 */
function findMounted(router: unknown, { mounted, visit: innermost }: Journey): string {
  if (innermost === undefined) return mounted
  let visit: Visit | undefined = innermost
  while (visit !== undefined && visit.router !== router) visit = visit.outer
  if (visit === undefined) return mounted
  // A router may also be mounted in itself.
  const { stack } = innermost.router as { stack?: { handle?: unknown }[] }
  return stack?.some(({ handle }) => handle === router) ? mounted : visit.mounted
}

/** Notes that a router has the request and returns the `done` for when it did not answer. */
function enterRouter(router: unknown, request: Request, response: Response, done: Next): Next {
  const journey = findJourney(request)
  if (journey === undefined) return done
  const { rpc, mounted, visit: outer } = journey
  const before = rpc.route
  journey.mounted = findMounted(router, journey)
  journey.visit = { router, mounted: journey.mounted, route: before, outer }
  return function (this: unknown, ...args: unknown[]) {
    journey.mounted = mounted
    journey.visit = outer
    // An error that no layer took leaves here.
    if (args[0]) recordError(request, args[0])
    else if (outer === undefined && !response.headersSent) {
      // Routes ran, and none of them nor anything behind them answered.
      journey.matched = undefined
      rpc.route = before
    }
    return done.apply(this, args as [unknown])
  }
}

/** An error handler that goes on: middleware that failed was on the way, not the end of it. */
function enterRecovery(request: Request, response: Response, next: Next): Next {
  return function recover(error?: unknown) {
    const journey = request[JOURNEY]
    if (!error && journey?.visit !== undefined && journey.matched === undefined && !response.headersSent)
      journey.rpc.route = journey.visit.route
    return next(error)
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
      after = enterPlace(this, place, request, response, next)
    } catch (problem) {
      swallow('express layer', problem)
    }
    return originalRun.call(this, request, response, after)
  }
  undo.push(replaceMethod(prototype, run, runLayer))

  const fail = 'handleError' in prototype ? 'handleError' : 'handle_error'
  const originalFail = prototype[fail]
  const failLayer = function (
    this: Layer,
    error: unknown,
    request: Request,
    response: Response,
    next: Next,
  ): unknown {
    recordError(request, error)
    return originalFail.call(this, error, request, response, enterRecovery(request, response, next))
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
      for (let i = from; i < stack.length; i++) {
        const layer: Layer = stack[i]
        layer[PLACE] = place
        if (layer.route !== undefined) routePlaces.set(layer.route, place)
      }
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
  const { param } = router
  undo.push(
    replaceMethod(router, 'param', function (this: any, ...args: any[]) {
      const result = param.apply(this, args)
      try {
        wrapLast(this?.params?.[String(args[0]).replace(/^:/, '')], args[1])
      } catch (problem) {
        swallow('express param', problem)
      }
      return result
    }),
  )
  undo.push(
    replaceMethod(router, 'handle', function (this: unknown, request: Request, ...rest: any[]) {
      const done = rest[1]
      try {
        if (typeof done === 'function') rest[1] = enterRouter(this, request, rest[0], done)
      } catch (problem) {
        swallow('express router', problem)
      }
      return handle.call(this, request, ...rest)
    }),
  )
}

/** Of the callbacks for one parameter the one that was added last. */
function wrapLast(callbacks: unknown, given: unknown): void {
  if (!Array.isArray(callbacks) || typeof given !== 'function') return
  const callback = callbacks.at(-1)
  if (typeof callback !== 'function') return
  const wrapped = function (this: unknown, request: Request, ...rest: unknown[]): unknown {
    enterParam(request)
    return callback.call(this, request, ...rest)
  }
  Object.defineProperty(wrapped, 'name', { value: callback.name, configurable: true })
  Object.defineProperty(wrapped, 'length', { value: callback.length, configurable: true })
  callbacks[callbacks.length - 1] = wrapped
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
