// bunyan: `_emit` receives a record that bunyan made for this one line, so it can be written to.
import { claim, traceFieldsFor } from './registry.ts'

interface BunyanLoggerClass {
  prototype: { _emit(record: Record<string, unknown>, noemit?: boolean): unknown }
}

export function patchBunyanLogger(
  Logger: BunyanLoggerClass,
  options?: { listener?: (record: Record<string, unknown>) => void },
): boolean {
  const prototype = Logger.prototype
  const original = prototype?._emit
  if (typeof original !== 'function' || !claim(prototype)) return false
  const listener = options?.listener
  prototype._emit = function _emit(record, noemit): unknown {
    try {
      const active = traceFieldsFor().read()
      if (active !== undefined)
        for (const name of Object.keys(active)) if (record[name] === undefined) record[name] = active[name]
      // `noemit` asks for the text only: nothing is written, so nothing is sent either.
      if (listener !== undefined && noemit !== true) listener(record)
    } catch {
      // A record that refuses to be written to is logged as it is.
    }
    return original.call(this, record, noemit)
  }
  return true
}
