// pino: the fields go between the timestamp and the bindings of the line, as text, so nothing of the line is
// built twice and the user's own fields come later and win in every JSON parser.
import type { CorrelationOptions } from './options.ts'
import { claim, traceFieldsFor, unclaim } from './registry.ts'

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

export interface PinoInstance {
  [symbol: symbol]: unknown
}
type Fields = Record<string, unknown>
type AsJson = (this: PinoInstance, obj: Fields, msg: unknown, num: number, time: string) => string

/** Called with every line that is written, after correlation: the door for log sending. `time` is pino's, as text. */
export type PinoLineListener = (
  logger: PinoInstance,
  obj: Fields,
  msg: unknown,
  level: number,
  time: string,
  line: string,
) => void

export interface PinoPatchOptions {
  /** false: the line stays as it is. */
  correlation?: boolean
  listener?: PinoLineListener | undefined
  /** The listener failed; the line was written. */
  onFailure?: ((error: unknown) => void) | undefined
}

/** The symbols of a logger by description: each copy of pino makes its own. */
export function symbolsOf(object: object): ReadonlyMap<string, symbol> {
  const found = new Map<string, symbol>()
  for (let o: object | null = object; o !== null; o = Object.getPrototypeOf(o)) {
    for (const symbol of Object.getOwnPropertySymbols(o)) {
      if (symbol.description !== undefined && !found.has(symbol.description))
        found.set(symbol.description, symbol)
    }
  }
  return found
}

/**
 * Teaches the prototype of all loggers of one copy of pino (5 to 10). `makePrototype` is what `pino/lib/proto.js`
 * exports. Patching there instead of the factory keeps `pino` itself, its stack depth and its identity untouched.
 * Returns the way back, or undefined when there was nothing to do.
 */
export function patchPinoPrototype(
  makePrototype: () => object,
  options: PinoPatchOptions = {},
): (() => void) | undefined {
  const { correlation = true, listener, onFailure } = options
  const prototype = Object.getPrototypeOf(makePrototype()) as PinoInstance
  const asJsonKey = symbolsOf(prototype).get('pino.asJson')
  if (asJsonKey === undefined || typeof prototype[asJsonKey] !== 'function' || !claim(prototype))
    return undefined
  const original = prototype[asJsonKey] as AsJson
  const fields = traceFieldsFor()
  const { names } = fields
  const quoted = names.map(name => `${JSON.stringify(name)}:`)
  let bindingsKey: symbol | undefined
  let formattersKey: symbol | undefined

  /** Bindings of a child are text already; they seldom change between two lines. */
  let seenBindings: unknown
  let bindingsHaveField = false
  function hasField(logger: PinoInstance, obj: Fields): boolean {
    for (let i = 0; i < names.length; i++) if (obj[names[i] as string] !== undefined) return true
    if (bindingsKey === undefined) {
      const symbols = symbolsOf(logger)
      bindingsKey = symbols.get('pino.chindings') ?? Symbol()
      formattersKey = symbols.get('pino.formatters') ?? Symbol()
    }
    const bindings = logger[bindingsKey]
    if (bindings !== seenBindings) {
      seenBindings = bindings
      bindingsHaveField = typeof bindings === 'string' && quoted.some(name => bindings.includes(name))
    }
    return bindingsHaveField
  }

  function formatsLog(logger: PinoInstance): boolean {
    const formatters = logger[formattersKey as symbol] as { log?: unknown } | undefined
    return formatters !== undefined && formatters.log !== undefined
  }

  /** `formatters.log` may add our fields itself: it is heard first, and what is missing put in afterwards. */
  function insert(line: string, time: string, text: string): string {
    if (quoted.some(name => line.includes(name))) return line
    const at = line.indexOf(time) + time.length
    return time === '' || at < time.length ? line : line.slice(0, at) + text + line.slice(at)
  }

  function correlate(logger: PinoInstance, obj: Fields, msg: unknown, num: number, time: string): string {
    let text = ''
    let isLater = false
    try {
      text = fields.json()
      if (text !== '') {
        if (typeof time !== 'string' || hasField(logger, obj)) text = ''
        else isLater = time !== '' && formatsLog(logger)
      }
    } catch {
      // An exotic object that throws when read: pino will meet it too and behaves as it would without us.
      text = ''
    }
    if (text === '') return original.call(logger, obj, msg, num, time)
    if (!isLater) return original.call(logger, obj, msg, num, time + text)
    return insert(original.call(logger, obj, msg, num, time), time, text)
  }

  function asJson(this: PinoInstance, obj: Fields, msg: unknown, num: number, time: string): string {
    const line = correlation ? correlate(this, obj, msg, num, time) : original.call(this, obj, msg, num, time)
    if (listener !== undefined) {
      try {
        listener(this, obj, msg, num, time, line)
      } catch (error) {
        onFailure?.(error)
      }
    }
    return line
  }
  prototype[asJsonKey] = asJson
  return () => {
    if (prototype[asJsonKey] === asJson) prototype[asJsonKey] = original
    unclaim(prototype)
  }
}
