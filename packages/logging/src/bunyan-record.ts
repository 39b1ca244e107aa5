// One bunyan record as a log record. Serializers have run on it already; the logger name of bunyan is its `name` field.
import type { BunyanRecordListener } from './bunyan.ts'
import type { LineOutlet } from './line-outlet.ts'
import { parseLineTime } from './line-time.ts'
import { toData } from './plain-data.ts'
import { traceFieldsFor } from './registry.ts'
import { severityOfLevel } from './severity.ts'
import { withoutTraceFields } from './trace-fields.ts'

const sender = 'OpenTelemetryBunyanStream'
const names: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
}

interface BunyanLogger {
  readonly streams?: readonly { readonly stream?: object }[]
}

/** Tells `outlet` about every record that is written. */
export function describeBunyanRecords(outlet: LineOutlet): BunyanRecordListener {
  return (logger, record) => {
    const { level, time, msg, err, v, pid, hostname, ...rest } = record
    const severityNumber = severityOfLevel(Number(level))
    const error = isSerializedError(err) ? err : undefined
    if (error !== undefined) outlet.recordError(error, severityNumber)
    if (!outlet.accepts(severityNumber)) return
    const { streams } = logger as BunyanLogger
    const sends = streams?.some(({ stream }) => stream?.constructor?.name === sender)
    if (outlet.isElsewhere(logger, sends ? sender : undefined)) return

    const attributes: Record<string, unknown> = {}
    for (const key of Object.keys(rest)) {
      const value = toData(rest[key])
      if (value !== undefined) attributes[key] = value
    }
    if (err !== undefined && error === undefined) attributes.err = toData(err)
    const timestamp = parseLineTime(time)
    const shared = traceFieldsFor()
    const severityText = names[Number(level)]
    outlet.emit({
      ...(timestamp !== undefined && { timestamp }),
      severityNumber,
      ...(severityText !== undefined && { severityText }),
      body: msg,
      attributes: Object.assign(withoutTraceFields(attributes, shared), shared.extra()),
      ...(error !== undefined && { exception: error }),
    })
  }
}

/** What bunyan's `err` serializer makes of an error. */
function isSerializedError(value: unknown): value is { message: string; stack: string } {
  if (typeof value !== 'object' || value === null) return false
  const { message, stack } = value as { message?: unknown; stack?: unknown }
  return typeof message === 'string' && typeof stack === 'string'
}
