// Upstream's socket.io instrumentation, which makes a function of whatever `on` is given, so that nobody refuses it.
import { SocketIoInstrumentation as Upstream } from '@opentelemetry/instrumentation-socket.io'

type On = (this: unknown, ...args: unknown[]) => unknown

// The method is private, but only in upstream's types.
const Base: any = Upstream

export class SocketIoInstrumentation extends Base {
  _patchOn(version: string): (original: On) => On {
    const trace: (original: On) => On = super._patchOn(version)
    return original => {
      const traced = trace(original)
      return function on(this: unknown, ...args) {
        return typeof args[1] === 'function' ? traced.apply(this, args) : original.apply(this, args)
      }
    }
  }
}
