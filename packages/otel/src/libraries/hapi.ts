// Upstream's hapi instrumentation with the whole route: upstream names a route as its plugin declared it, without the
// prefix that the plugin was registered with.
import { type Context, context, createContextKey } from '@opentelemetry/api'
import { HapiInstrumentation as Upstream } from '@opentelemetry/instrumentation-hapi'

type Handler = (this: unknown, request: any, ...rest: unknown[]) => unknown
interface Holder {
  handler?: unknown
}
interface Route extends Holder {
  options?: Holder | ((server: unknown) => Holder)
}

// The method is private, but only in upstream's types.
const Base: any = Upstream
const rpcMetadata = createContextKey('OpenTelemetry SDK Context Key RPC_METADATA')
const isWrapped = Symbol.for('org.otel.hapi.wrapped')

export class HapiInstrumentation extends Base {
  _wrapRouteHandler(route: Route & { [isWrapped]?: boolean }, plugin?: string): Route {
    // Wrapped first: upstream's wrapper, which notes the path as declared, then calls ours.
    if (route?.[isWrapped] !== true) {
      Object.defineProperty(route, isWrapped, { value: true })
      const { options } = route
      if (typeof route.handler === 'function') wrapHandler(route)
      else if (typeof options === 'function')
        route.options = function (server) {
          const made = options.call(this, server)
          wrapHandler(made)
          return made
        }
      else if (options) wrapHandler(options)
    }
    return super._wrapRouteHandler(route, plugin)
  }
}

function wrapHandler(holder: Holder): void {
  const { handler } = holder
  if (typeof handler !== 'function') return
  const wrapped: Handler = function (request, ...rest) {
    noteRoute(context.active(), request?.route?.path)
    return (handler as Handler).call(this, request, ...rest)
  }
  Object.defineProperty(wrapped, 'name', { value: handler.name, configurable: true })
  holder.handler = wrapped
}

function noteRoute(active: Context, path: unknown): void {
  const rpc = active.getValue(rpcMetadata) as { type?: string; route?: string } | undefined
  if (rpc?.type === 'http' && typeof path === 'string') rpc.route = path
}
