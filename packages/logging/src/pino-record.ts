// One pino line as a log record. The object at hand is used when the logger writes it as it is; when the logger changes it
// first (`redact`, serializers, `formatters.log`), what it made of it counts, and that is on the line.
import type { LineOutlet } from './line-outlet.ts'
import { parseLineTime } from './line-time.ts'
import { type PinoInstance, type PinoLineListener, symbolsOf } from './pino.ts'
import { toData } from './plain-data.ts'
import { traceFieldsFor } from './registry.ts'
import { errorSeverity, severityOfLevel } from './severity.ts'
import { withoutTraceFields } from './trace-fields.ts'

type Fields = Record<string, unknown>

interface Internals {
  readonly bindings: string
  readonly messageKey: string
  readonly errorKey: string
  readonly serializers: Readonly<Record<string | symbol, unknown>>
  readonly isRedacting: boolean
  readonly formatsLog: boolean
  readonly stream: object | undefined
  readonly nestedKey: string | undefined
  /** What is in front of the time, by level: `{"level":30`. */
  readonly heads: Readonly<Record<number, string>>
}

// Transports and streams that send to OpenTelemetry themselves.
const senders = /pino-opentelemetry-transport|OTelPinoStream|OpenTelemetryPinoStream/i

function readInternals(logger: PinoInstance, symbols: ReadonlyMap<string, symbol>): Internals {
  const at = (name: string): any => {
    const symbol = symbols.get(name)
    return symbol === undefined ? undefined : logger[symbol]
  }
  const stringifiers = at('pino.stringifiers') as object | undefined
  return {
    bindings: String(at('pino.chindings') ?? ''),
    messageKey: at('pino.messageKey') ?? 'msg',
    errorKey: at('pino.errorKey') ?? 'err',
    serializers: at('pino.serializers') ?? {},
    // A pino that hides its stringifiers from us may be redacting.
    isRedacting:
      stringifiers === undefined ||
      Object.getOwnPropertySymbols(stringifiers).length > 0 ||
      Object.keys(stringifiers).length > 0,
    formatsLog: at('pino.formatters')?.log !== undefined,
    stream: at('pino.stream'),
    nestedKey: at('pino.nestedKey') || undefined,
    heads: at('pino.lsCache') ?? {},
  }
}

/** Names of the transports of a stream: `pino-opentelemetry-transport` among them means the lines are sent already. */
function findSender(stream: object | undefined, targets: ReadonlyTargets, isTop = true): string | undefined {
  if (stream === undefined || stream === null) return undefined
  for (const target of targets.get(stream) ?? []) {
    const found = senders.exec(target)
    if (found !== null) return found[0]
  }
  const name = stream.constructor?.name ?? ''
  if (senders.test(name)) return name
  const { streams } = stream as { streams?: unknown }
  if (!isTop || !Array.isArray(streams)) return undefined
  for (const entry of streams) {
    const found = findSender(entry?.stream, targets, false)
    if (found !== undefined) return found
  }
  return undefined
}

/** Transport targets by the stream pino made of them. */
export interface ReadonlyTargets {
  get(stream: object): readonly string[] | undefined
}

/** Tells `outlet` about every line of the loggers of one copy of pino. */
export function describePinoLines(outlet: LineOutlet, targets: ReadonlyTargets): PinoLineListener {
  const parsedBindings = new WeakMap<object, { text: string; fields: Fields }>()

  function bindingsOf(logger: PinoInstance, text: string): Fields {
    const known = parsedBindings.get(logger)
    if (known !== undefined && known.text === text) return known.fields
    const fields = parseObject(`{${text.slice(1)}}`) ?? {}
    // The resource says both.
    delete fields.pid
    delete fields.hostname
    parsedBindings.set(logger, { text, fields })
    return fields
  }

  // The same for all loggers of this copy of pino.
  let symbols: ReadonlyMap<string, symbol> | undefined

  return (logger, obj, msg, level, time, line) => {
    const severityNumber = severityOfLevel(level)
    const sends = outlet.accepts(severityNumber)
    if (!sends && !(outlet.wantsErrors && severityNumber >= errorSeverity)) return
    symbols ??= symbolsOf(logger)
    const internals = readInternals(logger, symbols)
    const error = findError(obj, internals.errorKey)
    if (error !== undefined) outlet.recordError(error, severityNumber)
    if (!sends || outlet.isElsewhere(logger, findSender(internals.stream, targets))) return

    const { messageKey, nestedKey } = internals
    const isAsWritten = writesAsItIs(obj, internals)
    const fields = isAsWritten ? {} : parseLine(line, internals.heads[level], time)
    if (fields === undefined) return
    const own = isAsWritten ? copyData(obj) : ((nestedKey ? fields[nestedKey] : fields) as Fields | undefined)
    const exception = own === undefined ? undefined : takeException(own, internals.errorKey)
    if (isAsWritten)
      Object.assign(fields, bindingsOf(logger, internals.bindings), nestedKey ? { [nestedKey]: own } : own)
    let body: unknown = msg
    if (!isAsWritten || body === undefined) body = fields[messageKey]
    delete fields[messageKey]

    const timestamp = parseLineTime(textOf(time))
    const label = (logger as Leveled).levels?.labels?.[level]
    const shared = traceFieldsFor()
    outlet.emit({
      ...(timestamp !== undefined && { timestamp }),
      severityNumber,
      ...(label !== undefined && { severityText: label }),
      body,
      attributes: Object.assign(withoutTraceFields(fields, shared), shared.extra()),
      ...(exception !== undefined && { exception }),
    })
  }
}

interface Leveled {
  readonly levels?: { readonly labels?: Readonly<Record<number, string>> }
}

function findError(obj: Fields, errorKey: string): Error | undefined {
  const value = obj[errorKey] ?? obj.err ?? obj.error
  return value instanceof Error ? value : undefined
}

/** Whether the line says the same as `obj` does. pino's own serializer of errors loses nothing we need. */
function writesAsItIs(obj: Fields, internals: Internals): boolean {
  if (internals.isRedacting || internals.formatsLog) return false
  const { serializers, messageKey } = internals
  if (serializers[messageKey] !== undefined) return false
  for (const key in obj) {
    const serializer = serializers[key] ?? (key === internals.errorKey ? serializers.err : undefined)
    if (serializer === undefined) continue
    if (!(obj[key] instanceof Error) || (serializer as { name?: string }).name !== 'errSerializer')
      return false
  }
  return true
}

function copyData(obj: Fields): Fields {
  const data: Fields = {}
  for (const key of Object.keys(obj)) {
    const value = toData(obj[key])
    if (value !== undefined) data[key] = value
  }
  return data
}

/** Takes the error off the fields; what else it carried (`statusCode`) stays as an attribute. */
function takeException(fields: Fields, errorKey: string): unknown {
  for (const key of [errorKey, 'err', 'error']) {
    const value = fields[key]
    if (value instanceof Error) {
      const more = Object.keys(value).length > 0 ? toData({ ...value }) : undefined
      if (more === undefined) delete fields[key]
      else fields[key] = more
      return value
    }
    if (typeof value !== 'object' || value === null) continue
    const { type, name, message, stack, ...more } = value as Fields
    if (typeof stack !== 'string' && !(typeof type === 'string' && typeof message === 'string')) continue
    if (Object.keys(more).length > 0) fields[key] = more
    else delete fields[key]
    return { name: type ?? name, message, stack }
  }
  return undefined
}

function parseObject(text: string): Fields | undefined {
  try {
    const value = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** The fields of the line without what is in front of the bindings: level, time, and what the resource says. */
function parseLine(line: string, head: string | undefined, time: unknown): Fields | undefined {
  const fields = parseObject(line)
  if (fields === undefined) return undefined
  for (const key of Object.keys(parseObject(`${head}}`) ?? { level: 0 })) delete fields[key]
  const timeKey = keyOf(time)
  if (timeKey !== undefined) delete fields[timeKey]
  delete fields.pid
  delete fields.hostname
  return fields
}

function keyOf(time: unknown): string | undefined {
  return typeof time === 'string' ? /^,\s*"([^"]+)"\s*:/.exec(time)?.[1] : undefined
}

function textOf(time: unknown): unknown {
  if (typeof time !== 'string') return undefined
  const colon = time.indexOf(':')
  if (colon === -1) return undefined
  const text = time.slice(colon + 1).trim()
  return text.charCodeAt(0) === 34 ? text.slice(1, -1) : Number(text)
}
