// 'data' listeners of consumers and streams: each message is processed in a span of its own.
import { context } from '@opentelemetry/api'
import { guard } from '../guard.ts'
import { isIgnored } from '../options.ts'
import { beginProcess, countConsumed, findRunning, runProcessing } from '../process.ts'
import type { AnyMessage } from '../propagate.ts'
import { type ClientState, registry } from '../registry.ts'
import { remindOfSpans } from '../reminders.ts'
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
  replace(emitter, Symbol.asyncIterator, state, original => wrapIterator(original, state))
}

/** `for await`: messages are counted when they are handed out; their spans come from `consumeEach` or `traceMessage`. */
function wrapIterator(original: AnyFunction, state: ClientState): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    const stream = this as object
    const iterator = original.apply(this, args)
    const next = iterator?.next
    if (typeof next !== 'function') return iterator
    iterator.next = function (this: unknown, ...all: unknown[]) {
      return next.apply(this, all).then((step: { done?: boolean; value?: unknown }) => {
        if (!step.done) handOver(stream, step.value, state, 'for await')
        return step
      })
    }
    return iterator
  }
}

function handOver(stream: object, message: unknown, state: ClientState, how: string): void {
  if (!state.on) return
  guard('deliver', () => {
    if (markDelivered(message, state)) remindOfSpans(stream, message, how)
  })
}

function wrapOn(original: AnyFunction, state: ClientState): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    const [event, listener] = args
    if (event !== 'data' || typeof listener !== 'function') return original.apply(this, args)
    const stream = this as object
    if (piping > 0) {
      const handed = function (this: unknown, ...emitted: unknown[]) {
        handOver(stream, emitted[0], state, 'pipe')
        return listener.apply(this, emitted)
      }
      handed.listener = listener
      return original.call(this, event, handed, ...args.slice(2))
    }
    if (registry.inside > 0) return original.apply(this, args)
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

/** Above 0 while pipe() adds its listeners. */
let piping = 0

function wrapPipe(original: AnyFunction): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    piping++
    try {
      return original.apply(this, args)
    } finally {
      piping--
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
function markDelivered(message: unknown, state: ClientState): message is AnyMessage & object {
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
