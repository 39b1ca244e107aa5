// One decision per process, shared by the preload's copy of this package and the application's: the options, and
// which loggers were already taught to add the fields.
import type { CorrelationOptions } from './options.ts'
import { createTraceFields, type TraceFields } from './trace-fields.ts'

interface Registry {
  fields: TraceFields | undefined
  /** Objects (prototypes, loggers) that were patched. */
  readonly patched: WeakSet<object>
}

const registryKey = Symbol.for('org.otel.logging')

function registry(): Registry {
  const holder = globalThis as { [registryKey]?: Registry }
  holder[registryKey] ??= { fields: undefined, patched: new WeakSet() }
  return holder[registryKey]
}

/** Sets the options of every logger that has none of its own. The preload calls this with the configuration. */
export function setDefaultOptions(options: CorrelationOptions): void {
  registry().fields = createTraceFields(options)
}

/** The fields by the given options, else by the process-wide ones, else the defaults. */
export function traceFieldsFor(options?: CorrelationOptions): TraceFields {
  if (options !== undefined) return createTraceFields(options)
  const shared = registry()
  shared.fields ??= createTraceFields()
  return shared.fields
}

/** True the first time it is asked about an object. */
export function claim(object: object): boolean {
  const { patched } = registry()
  if (patched.has(object)) return false
  patched.add(object)
  return true
}

/** After its patch was taken back. */
export function unclaim(object: object): void {
  registry().patched.delete(object)
}
