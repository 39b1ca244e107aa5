// 'data' listeners of consumers and streams: each message is processed in a span of its own.
import { context } from '@opentelemetry/api'
import { isIgnored } from '../options.ts'
import { beginProcess, countConsumed, findRunning, runProcessing } from '../process.ts'
import type { AnyMessage } from '../propagate.ts'
import { type ClientState, registry } from '../registry.ts'
import { isQuiet } from '../telemetry.ts'
import { type AnyFunction, replace } from '../wrap.ts'

/** Wraps every listener that is added for 'data' from now on; removing it by the application's function still works. */
export function instrumentListeners(emitter: object, state: ClientState): void {
  for (const name of ['on', 'addListener', 'prependListener'] as const) {
    replace(emitter, name, state, original => wrapOn(original, state))
  }
  replace(emitter, 'once', state, original => wrapOnce(original, 'on'))
  replace(emitter, 'prependOnceListener', state, original => wrapOnce(original, 'prependListener'))
  // pipe() listens too, but handing a message on is not processing it.
  replace(emitter, 'pipe', state, wrapPipe)
}

function wrapOn(original: AnyFunction, state: ClientState): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    const [event, listener] = args
    if (event !== 'data' || typeof listener !== 'function' || registry.inside > 0)
      return original.apply(this, args)
    const traced = function (this: unknown, ...emitted: unknown[]) {
      const call = () => listener.apply(this, emitted)
      const [message] = emitted
      return state.on ? processDelivered(message, state, call) : call()
    }
    // EventEmitter compares this property when a listener is removed.
    traced.listener = (listener as { listener?: unknown }).listener ?? listener
    return original.call(this, event, traced, ...args.slice(2))
  }
}

/** EventEmitter's own `once` would hide the application's function from `removeListener`, and call `on` in turn. */
function wrapOnce(original: AnyFunction, add: 'on' | 'prependListener'): AnyFunction {
  return function (this: any, ...args: unknown[]) {
    const [event, listener] = args
    if (event !== 'data' || typeof listener !== 'function') return original.apply(this, args)
    const emitter = this
    const first = function (this: unknown, ...emitted: unknown[]) {
      emitter.removeListener('data', listener)
      return listener.apply(this, emitted)
    }
    first.listener = listener
    return emitter[add](event, first)
  }
}

function wrapPipe(original: AnyFunction): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    registry.inside++
    try {
      return original.apply(this, args)
    } finally {
      registry.inside--
    }
  }
}

/** Runs `call` in the process span of a message that knows its topic, once however many are listening. */
export function processDelivered<R>(message: unknown, state: ClientState, call: () => R): R {
  const active = context.active()
  if (isQuiet(active) || !markDelivered(message, state)) return call()
  if (findRunning(message)) return call()
  const { topic, partition } = message
  const processing = beginProcess(state, message, { topic, partition }, false, active)
  return processing ? runProcessing(processing, call) : call()
}

/** Counts the message, once, and remembers who delivered it. False when it is not to be traced. */
export function markDelivered(message: unknown, state: ClientState): message is AnyMessage & object {
  if (message === null || typeof message !== 'object') return false
  const { topic } = message as AnyMessage
  if (typeof topic !== 'string' || isIgnored(state.settings, topic)) return false
  registry.deliveredBy.set(message, state)
  if (!registry.counted.has(message)) {
    registry.counted.add(message)
    countConsumed(state, topic, 1)
  }
  return true
}
