// Which targets a pino transport has: it runs in a worker thread, and from outside only the call that made it tells.
import { createRequire } from 'node:module'
import { join } from 'node:path'

interface Stage {
  readonly target?: unknown
  readonly pipeline?: readonly Stage[]
}
interface TransportOptions extends Stage {
  readonly targets?: readonly Stage[]
  readonly caller?: unknown
}
type Transport = (options: TransportOptions) => object

export interface PinoTransports {
  readonly targets: WeakMap<object, readonly string[]>
  /** Replaces what `pino/lib/transport.js` exports. */
  wrap(transport: Transport, baseDir: string | undefined): Transport
}

export function watchPinoTransports(): PinoTransports {
  const targets = new WeakMap<object, readonly string[]>()
  return {
    targets,
    wrap(original, baseDir) {
      if (typeof original !== 'function' || baseDir === undefined) return original
      let getCallers: (() => unknown) | undefined
      try {
        getCallers = createRequire(join(baseDir, 'package.json'))('./lib/caller.js')
      } catch {
        // Without the files on the stack, targets would be looked up from here: leave it alone.
      }
      if (typeof getCallers !== 'function') return original
      const callers = getCallers
      function transport(this: unknown, options: TransportOptions): object {
        // pino resolves a target from the files on the stack; ours is not to be among them.
        const given = options?.caller === undefined ? { ...options, caller: callers() } : options
        const stream = original.call(this, given)
        try {
          targets.set(stream, listTargets(options))
        } catch {
          // Options that cannot be read: pino has read them, so the stream exists.
        }
        return stream
      }
      return Object.assign(transport, original)
    },
  }
}

function listTargets(options: TransportOptions): string[] {
  const stages: Stage[] = [options, ...(options.targets ?? [])]
  return stages
    .flatMap(stage => [stage, ...(stage.pipeline ?? [])])
    .map(stage => stage.target)
    .filter(target => typeof target === 'string')
}
