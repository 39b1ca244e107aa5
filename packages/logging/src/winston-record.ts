// One winston line as a log record, made of the info object as the logger's format left it: what a format hides stays hidden.
import type { Line, LineOutlet } from './line-outlet.ts'
import { parseLineTime } from './line-time.ts'
import { toData } from './plain-data.ts'
import { traceFieldsFor } from './registry.ts'
import { severityOfName } from './severity.ts'
import { withoutTraceFields } from './trace-fields.ts'
import type { WinstonInfoListener } from './winston.ts'

const LEVEL = Symbol.for('level')

interface WinstonLogger {
  readonly levels?: Readonly<Record<string, number>>
  readonly transports?: readonly WinstonTransport[]
  isLevelEnabled?(level: string): boolean
}
interface WinstonTransport {
  readonly silent?: boolean
  readonly handleExceptions?: boolean
}

const senders = /^OpenTelemetryTransport/
/** What the exception handler adds about the process: the resource says it, and the stack is the exception's. */
const crashFields = ['error', 'exception', 'rejection', 'date', 'process', 'os', 'trace', 'stack'] as const
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences of `format.colorize`
const colors = /\u001b\[\d+(?:;\d+)*m/g

/** Tells `outlet` about every line that a transport of the logger would write. */
export function describeWinstonInfos(outlet: LineOutlet): WinstonInfoListener {
  return (target, info, origin) => {
    const logger = target as WinstonLogger
    const level = typeof info[LEVEL] === 'string' ? info[LEVEL] : String(info.level ?? '')
    if (!isWritten(logger, level, info)) return
    const severityNumber = severityOfName(level, logger.levels)
    const { error } = origin
    if (error !== undefined) outlet.recordError(error, severityNumber, origin.context)
    if (!outlet.accepts(severityNumber, origin.context)) return
    const sender = logger.transports?.find(transport => senders.test(transport.constructor.name))
    if (outlet.isElsewhere(logger, sender?.constructor.name)) return
    outlet.emit(describe(info, error, level, severityNumber, origin.context))
  }
}

/** Levels are decided by the transports, after the logger: a line none of them writes is not sent either. */
function isWritten(logger: WinstonLogger, level: string, info: Readonly<Record<string, unknown>>): boolean {
  if (logger.isLevelEnabled?.(level) === false) return false
  const { transports } = logger
  if (transports === undefined || transports.length === 0) return true
  return transports.some(
    transport =>
      transport.silent !== true && (info.exception !== true || transport.handleExceptions === true),
  )
}

function describe(
  info: Readonly<Record<string, unknown>>,
  error: Error | undefined,
  level: string,
  severityNumber: number,
  context: NonNullable<Line['context']>,
): Line {
  const attributes: Record<string, unknown> = {}
  for (const key of Object.keys(info)) {
    if (key === 'level' || key === 'message') continue
    const value = toData(info[key])
    if (value === undefined) continue
    if (value instanceof Error) {
      if (value !== error) attributes[key] = value
    } else attributes[key] = value
  }
  const timestamp = parseLineTime(attributes.timestamp)
  if (timestamp !== undefined) delete attributes.timestamp
  const exception = error ?? readStack(info)
  if (exception !== undefined) delete attributes.stack
  if (info.exception === true || info.rejection === true)
    for (const key of crashFields) delete attributes[key]
  const shared = traceFieldsFor()
  const { message } = info
  return {
    ...(timestamp !== undefined && { timestamp }),
    severityNumber,
    severityText: level,
    body:
      typeof message === 'string'
        ? message.replace(colors, '')
        : message instanceof Error
          ? message.message
          : toData(message),
    attributes: Object.assign(withoutTraceFields(attributes, shared, context), shared.extra(context)),
    ...(exception !== undefined && { exception }),
    context,
  }
}

/** An error that winston has spread over the info: only its stack is left, and its type is in front of that. */
function readStack(info: Readonly<Record<string, unknown>>): object | undefined {
  const { stack, message } = info
  if (typeof stack !== 'string') return undefined
  return { name: /^(\w[\w.$]*):/.exec(stack)?.[1] ?? 'Error', message, stack }
}
