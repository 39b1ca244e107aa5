// Upstream's koa instrumentation, which makes a function of whatever `use` is given, so that koa cannot refuse it.
import { KoaInstrumentation as Upstream } from '@opentelemetry/instrumentation-koa'

type Use = (this: unknown, ...args: unknown[]) => unknown

// The method is private, but only in upstream's types.
const Base: any = Upstream

export class KoaInstrumentation extends Base {
  _getKoaUsePatch(original: Use): Use {
    const useTraced: Use = super._getKoaUsePatch(original)
    return function use(this: unknown, ...args) {
      return typeof args[0] === 'function' ? useTraced.apply(this, args) : original.apply(this, args)
    }
  }
}
