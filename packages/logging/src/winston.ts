// winston: the fields are put on a copy of the info object, because the object may be the caller's own, may be
// frozen, and may be logged again from another span.
import { type Context, context } from '@opentelemetry/api'
import type { CorrelationOptions } from './options.ts'
import { claim, traceFieldsFor, unclaim } from './registry.ts'
import type { TraceFields } from './trace-fields.ts'
import type { WinstonFormats } from './winston-formats.ts'

type Info = Record<string | symbol, unknown>

/** Shape of a logform format, as winston 3 composes them. */
export interface WinstonFormat {
  transform(info: any, options?: unknown): any
  options?: object
}

function copyOf(info: Info): Info {
  const prototype = Object.getPrototypeOf(info)
  // Measured: with `{ ...info }` the rest of the line takes three times as long once fields are added to it.
  if (prototype === Object.prototype) return Object.assign({}, info)
  if (prototype === null) return Object.assign(Object.create(null), info)
  // Errors and class instances keep their prototype and their non-enumerable message and stack.
  const descriptors = Object.getOwnPropertyDescriptors(info)
  // V8's `stack` accessor answers only on the error it was captured for.
  if (info instanceof Error)
    descriptors.stack = { value: info.stack, writable: true, configurable: true, enumerable: false }
  return Object.create(prototype, descriptors)
}

/** A copy with the fields of the span of `ctx`; the info itself outside of one. */
function withFields(info: Info, fields: TraceFields, ctx: Context): Info {
  if (!fields.isActive(ctx)) return info
  const copy = copyOf(info)
  fields.addTo(copy, ctx)
  // Winston cannot write to a frozen info, and says so: it is to find what the caller gave.
  if (!Object.isExtensible(info))
    return Object.isFrozen(info) ? Object.freeze(copy) : Object.preventExtensions(copy)
  return copy
}

/**
 * A winston format that adds `trace_id`, `span_id` and `trace_flags` inside a span and nothing outside.
 *
 * ```ts
 * import winston from 'winston'
 * import { winstonTraceFormat } from '@org/otel-logging'
 *
 * const logger = winston.createLogger({
 *   format: winston.format.combine(winstonTraceFormat(), winston.format.json()),
 *   transports: [new winston.transports.Console()],
 * })
 * ```
 */
export function winstonTraceFormat(options?: CorrelationOptions): WinstonFormat {
  const fields = traceFieldsFor(options)
  return {
    transform(info: Info): Info {
      return withFields(info, fields, context.active())
    },
  }
}

/** What was known when the line was logged; its formats may run later, in another context. */
export interface WinstonOrigin {
  readonly context: Context
  /** The error that was logged, as it was before a format took it apart. */
  readonly error: Error | undefined
  /** Fields as JSON text that are put into the line once it is JSON; `''`: they are in the info already. */
  readonly late: string
}

/** Called with every info the logger's own format let through: the door for log sending. */
export type WinstonInfoListener = (logger: object, info: Info, origin: WinstonOrigin) => void

interface WinstonPrototype {
  log(...args: unknown[]): unknown
  write(info: unknown, encoding?: unknown, callback?: unknown): boolean
  _transform(info: unknown, encoding: unknown, callback: unknown): void
  push(chunk: unknown, encoding?: unknown): boolean
}

export interface WinstonPatchOptions {
  /** false: the info stays as it is. */
  correlation?: boolean
  listener?: WinstonInfoListener | undefined
  /** Which formats end in plain JSON; undefined when that is not known. */
  formats?: WinstonFormats | undefined
  /** The listener failed; the line goes its way. */
  onFailure?: ((error: unknown) => void) | undefined
}

/**
 * Teaches `Logger.prototype.write` of one copy of winston 3 (`winston/lib/winston/logger.js`). Returns the way back, or
 * undefined when there was nothing to do.
 */
export function patchWinstonLogger(
  Logger: { prototype: unknown },
  options: WinstonPatchOptions = {},
): (() => void) | undefined {
  const { correlation = true, listener, formats, onFailure } = options
  const prototype = Logger.prototype as WinstonPrototype & Record<string, unknown>
  if (typeof prototype?.write !== 'function' || !claim(prototype)) return undefined
  const undo: (() => void)[] = [() => unclaim(prototype)]
  function replace(name: 'log' | 'write' | '_transform' | 'push', method: (...args: any[]) => unknown): void {
    const own = Object.getOwnPropertyDescriptor(prototype, name)
    const original = prototype[name]
    Object.defineProperty(method, 'name', { value: original.name, configurable: true })
    Object.defineProperty(method, 'length', { value: original.length, configurable: true })
    Object.defineProperty(prototype, name, {
      value: method,
      writable: true,
      configurable: true,
      enumerable: own?.enumerable ?? false,
    })
    undo.push(() => {
      if (prototype[name] !== method) return
      if (own === undefined) Reflect.deleteProperty(prototype, name)
      else Object.defineProperty(prototype, name, own)
    })
  }

  const fields = traceFieldsFor()
  const { log: originalLog, write: originalWrite } = prototype
  const { _transform: originalTransform, push: originalPush } = prototype
  const knowsSteps = typeof originalTransform === 'function' && typeof originalPush === 'function'
  // A line is usually formatted inside `write`; those that wait for a slow transport are looked up.
  const waiting = new WeakMap<object, WinstonOrigin>()
  let someWaited = false
  let next: object | undefined
  let nextOrigin: WinstonOrigin | undefined

  // With a level, a message and more, `log` makes the info: it is nobody else's, and needs no copy to be added to.
  let isMaking = false
  if (correlation && typeof originalLog === 'function') {
    replace('log', function log(this: object): unknown {
      // biome-ignore lint/complexity/noArguments: forwarded without a copy
      isMaking = arguments.length > 2
      try {
        // biome-ignore lint/complexity/noArguments: forwarded without a copy
        return originalLog.apply(this as never, arguments as never)
      } finally {
        isMaking = false
      }
    })
  }

  function correlate(logger: object, info: Info, ctx: Context): Info {
    const isOurs = isMaking && isFresh(info)
    isMaking = false
    const { format } = logger as { format?: object }
    if (knowsSteps && formats?.isJson(format) && isPlainInfo(info, fields)) {
      late = fields.json(ctx)
      return isOurs || late === '' ? info : Object.assign({}, info)
    }
    if (!isOurs) return withFields(info, fields, ctx)
    fields.addTo(info, ctx)
    return info
  }
  let late = ''

  replace('write', function write(this: object, info: any, encoding?: unknown, callback?: unknown): boolean {
    if (typeof info !== 'object' || info === null)
      return originalWrite.call(this as never, info, encoding, callback)
    let written: object = info
    const outer = next
    const outerOrigin = nextOrigin
    try {
      const ctx = context.active()
      late = ''
      if (correlation) written = correlate(this, info, ctx)
      if (late !== '' || listener !== undefined) {
        next = written
        nextOrigin = { context: ctx, late, error: listener === undefined ? undefined : findError(info) }
      } else next = undefined
    } catch {
      // An exotic info object: winston gets what the caller gave.
      written = info
      next = undefined
    }
    try {
      return originalWrite.call(this as never, written, encoding, callback)
    } finally {
      if (next !== undefined && next === written) {
        someWaited = true
        waiting.set(written, nextOrigin as WinstonOrigin)
      }
      // A format may log, too: the line around that one goes on.
      next = outer
      nextOrigin = outerOrigin
    }
  })

  /** The line `info` was written as, once. */
  function takeOrigin(info: object): WinstonOrigin | undefined {
    if (info !== next) return someWaited ? waiting.get(info) : undefined
    next = undefined
    return nextOrigin
  }
  function finish(logger: object, info: Info, origin: WinstonOrigin): void {
    try {
      if (origin.late !== '') addLate(info, origin, fields, formats)
      listener?.(logger, info, origin)
    } catch (error) {
      onFailure?.(error)
    }
  }

  if (knowsSteps && listener !== undefined) {
    // What the format leaves of the info is pushed from inside `_transform`: nothing that a format took away is sent.
    let current: WinstonOrigin | undefined
    replace(
      '_transform',
      function _transform(this: object, info: unknown, encoding: unknown, callback: unknown) {
        const outer = current
        current = typeof info === 'object' && info !== null ? takeOrigin(info) : undefined
        try {
          originalTransform.call(this as never, info, encoding, callback)
        } finally {
          current = outer
        }
      },
    )
    replace('push', function push(this: object, chunk: unknown, encoding?: unknown): boolean {
      const origin = current
      current = undefined
      if (origin !== undefined && typeof chunk === 'object' && chunk !== null)
        finish(this, chunk as Info, origin)
      return originalPush.call(this as never, chunk, encoding)
    })
  } else if (knowsSteps && correlation && formats !== undefined) {
    // The formats that JSON is known of push the info they were given.
    replace('push', function push(this: object, chunk: unknown, encoding?: unknown): boolean {
      const origin = typeof chunk === 'object' && chunk !== null ? takeOrigin(chunk) : undefined
      if (origin !== undefined) finish(this, chunk as Info, origin)
      return originalPush.call(this as never, chunk, encoding)
    })
  }
  return () => {
    for (const back of undo) back()
  }
}

// winston keeps the arguments of a line here, by the registry of symbols.
const SPLAT = Symbol.for('splat')

function findError(info: Readonly<Info>): Error | undefined {
  if (info instanceof Error) return info
  for (const key of ['error', 'err', 'exception', 'message'] as const) {
    const value = info[key]
    if (value instanceof Error) return value
  }
  const splat = info[SPLAT]
  return Array.isArray(splat) ? splat.find(item => item instanceof Error) : undefined
}

// Measured: three more fields cost winston's JSON format about 1000 ns, because it sorts and escapes; put into its text
// afterwards they cost a tenth. Only where nothing but that format looks at the info.

function isPlainInfo(info: Info, fields: TraceFields): boolean {
  if (Object.getPrototypeOf(info) !== Object.prototype || !Object.isExtensible(info)) return false
  return typeof info.toJSON !== 'function' && !fields.isIn(info)
}

// winston's own key for the text of a line: only an info that no format has seen has none.
const MESSAGE = Symbol.for('message')

function isFresh(info: Info): boolean {
  return info[SPLAT] !== undefined && info[MESSAGE] === undefined
}

function addLate(
  info: Info,
  origin: WinstonOrigin,
  fields: TraceFields,
  formats: WinstonFormats | undefined,
): void {
  const text = info[MESSAGE]
  // A format has put one of the names there (`errors` and `splat` take over what they are given): it wins.
  const isTaken = typeof info.toJSON === 'function' || fields.isIn(info)
  fields.addTo(info, origin.context)
  if (isTaken) formats?.renderJson(info)
  else if (typeof text === 'string' && text.length > 2 && text.charCodeAt(text.length - 1) === 125)
    info[MESSAGE] = `${text.slice(0, -1)}${origin.late}}`
}
