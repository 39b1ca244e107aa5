// Upstream's generic-pool instrumentation. With generic-pool 2 it calls the callback in the context of whoever released the
// resource, and drops what `acquire` returns.
import { GenericPoolInstrumentation as Upstream } from '@opentelemetry/instrumentation-generic-pool'
import { active } from '../tracing/context.ts'
import { carryTo } from './carry-context.ts'

type Acquire = (this: unknown, ...args: any[]) => unknown

// The method is private, but only in upstream's types.
const Base: any = Upstream

export class GenericPoolInstrumentation extends Base {
  _acquireWithCallbacksPatcher(original: Acquire): Acquire {
    const wrapUpstream = (inner: Acquire): Acquire => super._acquireWithCallbacksPatcher(inner)
    return function acquire(this: unknown, callback: unknown, ...rest: unknown[]) {
      let result: unknown
      const traced = wrapUpstream(function (this: unknown, ...args) {
        result = original.apply(this, args)
      })
      const carried = typeof callback === 'function' ? carryTo(callback as Acquire, active()) : callback
      traced.call(this, carried, ...rest)
      return result
    }
  }
}
