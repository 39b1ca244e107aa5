// Upstream's graphql instrumentation, made safe for graphql 17. It rebuilds the argument of `execute` from the eight
// fields that graphql 14 knew, so `abortSignal`, `hideSuggestions` and the other newer ones would be lost.
import { GraphQLInstrumentation as Upstream } from '@opentelemetry/instrumentation-graphql'

type Execute = (this: unknown, ...args: any[]) => any

// The method is private, but only in upstream's types.
const Base: any = Upstream

export class GraphQLInstrumentation extends Base {
  _patchExecute(defaultFieldResolver: unknown): (original: Execute) => Execute {
    const wrapUpstream = super._patchExecute(defaultFieldResolver)
    return original =>
      function execute(this: unknown, ...args) {
        if (args.length !== 1 || args[0] === null || typeof args[0] !== 'object')
          return wrapUpstream(original).apply(this, args)
        const traced = wrapUpstream(function (this: unknown, rebuilt: object) {
          return original.call(this, { ...args[0], ...rebuilt })
        })
        return traced.apply(this, args)
      }
  }
}
