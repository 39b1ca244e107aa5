// winston: the fields are put on a copy of the info object, because the object may be the caller's own, may be
// frozen, and may be logged again from another span.
import type { CorrelationOptions } from './options.ts'
import { claim, traceFieldsFor } from './registry.ts'

type Info = Record<string | symbol, unknown>

/** Shape of a logform format, as winston 3 composes them. */
export interface WinstonFormat {
  transform(info: any, options?: unknown): any
  options?: unknown
}

function copyOf(info: Info): Info {
  const prototype = Object.getPrototypeOf(info)
  if (prototype === Object.prototype || prototype === null)
    return Object.assign(Object.create(prototype), info)
  // Errors and class instances keep their prototype and their non-enumerable message and stack.
  const descriptors = Object.getOwnPropertyDescriptors(info)
  // V8's `stack` accessor answers only on the error it was captured for.
  if (info instanceof Error)
    descriptors.stack = { value: info.stack, writable: true, configurable: true, enumerable: false }
  return Object.create(prototype, descriptors)
}

function withFields(info: Info, fields: Record<string, unknown>): Info {
  const copy = copyOf(info)
  for (const name of Object.keys(fields)) {
    if (copy[name] === undefined)
      Object.defineProperty(copy, name, {
        value: fields[name],
        enumerable: true,
        writable: true,
        configurable: true,
      })
  }
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
      const active = fields.read()
      return active === undefined ? info : withFields(info, active)
    },
  }
}

/** Called with every info object that is written, after correlation: the door for log sending. */
export type WinstonInfoListener = (logger: object, info: Info) => void

interface WinstonLoggerClass {
  prototype: { write(...args: unknown[]): boolean }
}

/** Teaches `Logger.prototype.write` of one copy of winston 3 (`winston/lib/winston/logger.js`). */
export function patchWinstonLogger(
  Logger: WinstonLoggerClass,
  options?: { listener?: WinstonInfoListener },
): boolean {
  const prototype = Logger.prototype
  const original = prototype.write
  if (typeof original !== 'function' || !claim(prototype)) return false
  const listener = options?.listener
  prototype.write = function write(this: object, ...args: unknown[]): boolean {
    try {
      const info = args[0]
      if (typeof info === 'object' && info !== null) {
        const active = traceFieldsFor().read()
        if (active !== undefined) args[0] = withFields(info as Info, active)
        if (listener !== undefined) listener(this, args[0] as Info)
      }
    } catch {
      // An exotic info object: winston gets what the caller gave.
    }
    return original.apply(this as never, args)
  }
  return true
}
