// pino: the fields go between the timestamp and the bindings of the line, as text, so nothing of the line is
// built twice and the user's own fields come later and win in every JSON parser.
import type { CorrelationOptions } from './options.ts'
import { claim, traceFieldsFor } from './registry.ts'
import type { TraceFields } from './trace-fields.ts'

/** What pino calls for every line; the result is merged under the line's own object. */
export type PinoMixin = (mergeObject?: object, level?: number, logger?: unknown) => object

/**
 * A `mixin` for pino that adds `trace_id`, `span_id` and `trace_flags` inside a span and nothing outside.
 * Together with the preload every field still appears once.
 *
 * ```ts
 * import pino from 'pino'
 * import { pinoMixin } from '@org/otel-logging'
 *
 * const logger = pino({ mixin: pinoMixin() })
 * ```
 */
export function pinoMixin(options?: CorrelationOptions): PinoMixin {
  const fields = traceFieldsFor(options)
  return () => fields.read() ?? {}
}

interface PinoInstance {
  [symbol: symbol]: unknown
}
type AsJson = (
  this: PinoInstance,
  obj: Record<string, unknown>,
  msg: unknown,
  num: number,
  time: string,
) => string

/** Called with every line that is written, after correlation: the door for log sending. */
export type PinoLineListener = (
  logger: PinoInstance,
  obj: Record<string, unknown>,
  msg: unknown,
  level: number,
  line: string,
) => void

function symbolOf(object: object, description: string): symbol | undefined {
  for (let o: object | null = object; o !== null; o = Object.getPrototypeOf(o)) {
    const found = Object.getOwnPropertySymbols(o).find(symbol => symbol.description === description)
    if (found !== undefined) return found
  }
  return undefined
}

const hasOwnField = (obj: Record<string, unknown>, names: readonly string[]): boolean => {
  for (let i = 0; i < names.length; i++) if (obj[names[i] as string] !== undefined) return true
  return false
}

/**
 * Teaches the prototype of all loggers of one copy of pino (5 to 10). `makePrototype` is what `pino/lib/proto.js`
 * exports. Patching there instead of the factory keeps `pino` itself, its stack depth and its identity untouched.
 */
export function patchPinoPrototype(
  makePrototype: () => object,
  options?: { listener?: PinoLineListener },
): boolean {
  const prototype = Object.getPrototypeOf(makePrototype()) as PinoInstance
  const asJsonKey = symbolOf(prototype, 'pino.asJson')
  if (asJsonKey === undefined || typeof prototype[asJsonKey] !== 'function' || !claim(prototype)) return false
  const original = prototype[asJsonKey] as AsJson
  const listener = options?.listener
  let fields: TraceFields | undefined
  let bindingsKey: symbol | undefined
  const quoted = (name: string): string => `,"${name}":`

  prototype[asJsonKey] = function asJson(this: PinoInstance, obj, msg, num, time): string {
    let at = time
    try {
      fields ??= traceFieldsFor()
      const text = fields.json()
      if (text !== '' && typeof time === 'string' && !hasOwnField(obj, fields.names)) {
        bindingsKey ??= symbolOf(this, 'pino.chindings') ?? Symbol()
        const bindings = this[bindingsKey]
        if (typeof bindings !== 'string' || !fields.names.some(name => bindings.includes(quoted(name))))
          at = time + text
      }
    } catch {
      // An exotic object that throws when read: pino will meet it too and behaves as it would without us.
    }
    const line = original.call(this, obj, msg, num, at)
    if (listener !== undefined) listener(this, obj, msg, num, line)
    return line
  } satisfies AsJson
  return true
}
