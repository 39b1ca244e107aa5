// Upstream's memcached instrumentation, which puts a callback of its own where none or no function was given, so that
// memcached cannot refuse it.
import { MemcachedInstrumentation as Upstream } from '@opentelemetry/instrumentation-memcached'

interface Query {
  callback?: unknown
}
type Compile = (this: unknown, ...args: unknown[]) => Query

// The method is private, but only in upstream's types.
const Base: any = Upstream

export class MemcachedInstrumentation extends Base {
  wrapQueryCompiler(compile: Compile, ...rest: unknown[]): Compile {
    const trace: (compile: Compile, ...rest: unknown[]) => Compile = super.wrapQueryCompiler.bind(this)
    return function (this: unknown, ...args) {
      let given: unknown
      const traced = trace(
        (...inner) => {
          const query = compile.apply(this, inner)
          given = query.callback
          return query
        },
        ...rest,
      )
      const query = traced.apply(this, args)
      if (given !== undefined && given !== null && typeof given !== 'function') query.callback = given
      return query
    }
  }
}
