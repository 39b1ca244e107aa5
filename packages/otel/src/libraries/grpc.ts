// Upstream's gRPC instrumentation. It runs the callbacks and listeners of a call in the span of the call, which is over then:
// what follows belongs to the caller, as it does after an `await`.
import { context } from '@opentelemetry/api'
import { GrpcInstrumentation as Upstream } from '@opentelemetry/instrumentation-grpc'
import { active } from '../tracing/context.ts'
import { carryTo } from './carry-context.ts'

type Method = (this: unknown, ...args: any[]) => any
type Wrap = (original: Method) => Method

// The methods are private, but only in upstream's types.
const Base: any = Upstream

function keepCallers(wrapUpstream: Wrap): Wrap {
  return original => {
    // Set for the length of one call: upstream calls the original at once.
    let caller = active()
    // With its properties: upstream reads there what kind of call it is.
    const inner: Method = Object.assign(function (this: unknown, ...args: unknown[]) {
      const call = original.apply(this, args)
      // Before upstream binds it to its span: the first binding counts.
      return context.bind(caller, call)
    }, original)
    const traced = wrapUpstream(inner)
    const outer: Method = function (this: unknown, ...args) {
      caller = active()
      // The callback comes last; functions before it turn messages into bytes.
      const last = args.length - 1
      if (typeof args[last] === 'function') args[last] = carryTo(args[last], caller)
      return traced.apply(this, args)
    }
    return Object.assign(outer, traced)
  }
}

export class GrpcInstrumentation extends Base {
  _patchClientRequestMethod(...args: unknown[]): Wrap {
    return keepCallers(super._patchClientRequestMethod(...args))
  }

  _getPatchedClientMethods(...args: unknown[]): Wrap {
    return keepCallers(super._getPatchedClientMethods(...args))
  }
}
