// bunyan: `_emit` receives a record that bunyan made for this one line, so it can be written to.
import { claim, traceFieldsFor, unclaim } from './registry.ts'

type BunyanRecord = Record<string, unknown>
type Emit = (this: object, record: BunyanRecord, noemit?: boolean) => unknown

export type BunyanRecordListener = (logger: object, record: BunyanRecord) => void

export interface BunyanPatchOptions {
  /** false: the record stays as it is. */
  correlation?: boolean
  listener?: BunyanRecordListener | undefined
  /** The listener failed; the line was written. */
  onFailure?: ((error: unknown) => void) | undefined
}

/** Teaches all loggers of one copy of bunyan. Returns the way back, or undefined when there was nothing to do. */
export function patchBunyanLogger(
  Logger: { prototype: unknown },
  options: BunyanPatchOptions = {},
): (() => void) | undefined {
  const { correlation = true, listener, onFailure } = options
  const prototype = Logger.prototype as { _emit: Emit }
  const original = prototype?._emit
  if (typeof original !== 'function' || !claim(prototype)) return undefined
  const fields = traceFieldsFor()

  function _emit(this: object, record: BunyanRecord, noemit?: boolean): unknown {
    try {
      if (correlation) fields.addTo(record)
    } catch {
      // A record that refuses to be written to is logged as it is.
    }
    const text = original.call(this, record, noemit)
    // `noemit` asks for the text only: nothing is written, so nothing is sent either.
    if (listener !== undefined && noemit !== true) {
      try {
        listener(this, record)
      } catch (error) {
        onFailure?.(error)
      }
    }
    return text
  }
  prototype._emit = _emit
  return () => {
    if (prototype._emit === _emit) prototype._emit = original
    unclaim(prototype)
  }
}
