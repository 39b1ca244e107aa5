// Upstream's restify instrumentation, whose handlers all look alike. restify refuses a handler by the number of its parameters
// and by whether it is an async function, so ours look like those they stand for.
import { RestifyInstrumentation as Upstream } from '@opentelemetry/instrumentation-restify'

type Handler = (this: unknown, ...args: unknown[]) => unknown

// The method is private, but only in upstream's types.
const Base: any = Upstream

export class RestifyInstrumentation extends Base {
  _handlerPatcher(metadata: unknown, handler: unknown): unknown {
    const patched = super._handlerPatcher(metadata, handler)
    if (typeof handler !== 'function' || patched === handler) return patched
    const traced = patched as Handler
    const isAsync = handler.constructor?.name === 'AsyncFunction'
    const alike: Handler = isAsync
      ? async function (this: unknown, ...args) {
          return traced.apply(this, args)
        }
      : traced
    for (const key of ['name', 'length'] as const)
      Object.defineProperty(alike, key, { value: handler[key], configurable: true })
    return alike
  }
}
