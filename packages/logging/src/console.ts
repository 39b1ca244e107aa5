// `console` as a logger, only when it was asked for. The methods are replaced in place and keep their name and length.
// Nothing here writes to the console itself, so a line of ours cannot cause another.
import { formatWithOptions } from 'node:util'
import { claim, traceFieldsFor, unclaim } from './registry.ts'
import type { TraceFields } from './trace-fields.ts'

/** `append`: ids behind the text of a line inside a span. `structured`: every line is one JSON object. */
export type ConsoleMode = 'off' | 'append' | 'structured'

const levels = { debug: 'debug', error: 'error', info: 'info', log: 'info', warn: 'warn' } as const
type Method = keyof typeof levels
type Write = (this: unknown, ...args: unknown[]) => void

/** Returns the way back, or undefined when this console was taken before. */
export function patchConsole(target: Console, mode: 'append' | 'structured'): (() => void) | undefined {
  if (!claim(target)) return undefined
  const fields = traceFieldsFor()
  const undo: (() => void)[] = [() => unclaim(target)]
  for (const name of Object.keys(levels) as Method[]) {
    const own = Object.getOwnPropertyDescriptor(target, name)
    const original = target[name] as Write
    if (own === undefined || typeof original !== 'function' || own.writable === false) continue
    const change =
      mode === 'append'
        ? (args: unknown[]) => append(args, fields)
        : (args: unknown[]) => structure(args, name, fields)
    const method: Write = function (...args) {
      let changed = args
      try {
        changed = change(args)
      } catch {
        // Arguments that cannot be formatted: the console meets them itself, as it would without us.
      }
      original.apply(this, changed)
    }
    Object.defineProperty(method, 'name', { value: original.name, configurable: true })
    Object.defineProperty(method, 'length', { value: original.length, configurable: true })
    Object.defineProperty(target, name, { ...own, value: method })
    undo.push(() => {
      if (target[name] === method) Object.defineProperty(target, name, own)
    })
  }
  return () => {
    for (const back of undo) back()
  }
}

function append(args: unknown[], fields: TraceFields): unknown[] {
  if (args.length === 0) return args
  const active = fields.read()
  if (active === undefined || mentions(args, active)) return args
  const ids = renderPairs(active)
  const [first] = args
  // With a further argument a lone `%` would begin to mean something.
  if (typeof first === 'string' && first.includes('%'))
    return [`${args.length === 1 ? first : format(args)} ${ids}`]
  return [...args, ids]
}

function structure(args: unknown[], name: Method, fields: TraceFields): unknown[] {
  const active = fields.read()
  const [first] = args
  // Another logger's line that goes through the console is structured already.
  if (args.length === 1 && typeof first === 'string' && isJsonLine(first)) return args
  const error = args.find(arg => arg instanceof Error)
  const line = {
    level: levels[name],
    time: new Date().toISOString(),
    message: format(args),
    ...active,
    ...(error !== undefined && { stack: String(error.stack ?? error) }),
  }
  return [JSON.stringify(line)]
}

function format(args: unknown[]): string {
  return formatWithOptions({ colors: false }, ...args)
}

/** The text has the ids already: a logger of its own writes through the console. */
function mentions(args: readonly unknown[], active: Readonly<Record<string, unknown>>): boolean {
  const [id] = Object.values(active).flatMap(value =>
    typeof value === 'object' ? Object.values(value as object) : [value],
  )
  return typeof id === 'string' && args.some(arg => typeof arg === 'string' && arg.includes(id))
}

function isJsonLine(text: string): boolean {
  if (!text.startsWith('{') || !text.trimEnd().endsWith('}')) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function renderPairs(active: Readonly<Record<string, unknown>>): string {
  const pairs: string[] = []
  for (const [key, value] of Object.entries(active)) {
    if (typeof value === 'object' && value !== null)
      for (const [inner, text] of Object.entries(value)) pairs.push(`${key}.${inner}=${text}`)
    else pairs.push(`${key}=${value}`)
  }
  return pairs.join(' ')
}
