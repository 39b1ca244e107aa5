// The log line a service writes to stdout (pino, winston, bunyan: one JSON object) as a log record, so that it can be
// shown and searched beside what came by OTLP.
import type { Attributes, AttributeValue, LogRecord } from './record.ts'

const numberOf: Record<string, number> = {
  trace: 1,
  debug: 5,
  verbose: 5,
  http: 9,
  info: 9,
  warn: 13,
  error: 17,
  fatal: 21,
}
const pinoLevels: Record<number, string> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
}
const known = new Set(['level', 'severity', 'time', 'timestamp', 'msg', 'message', 'pid', 'hostname', 'v'])
const correlation = new Set(['trace_id', 'span_id', 'trace_flags'])

/** Undefined when the line is not a JSON object. `service` is used when the line does not name one. */
export function parseLogLine(line: string, service: string): LogRecord | undefined {
  let raw: Record<string, unknown>
  try {
    raw = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return undefined
  const level = raw.level ?? raw.severity
  const severity =
    typeof level === 'number' ? (pinoLevels[level] ?? String(level)) : String(level ?? '').toUpperCase()
  const time = raw.time ?? raw.timestamp
  const timeMs = typeof time === 'number' ? time : Date.parse(String(time)) || 0
  const attributes: Attributes = {}
  for (const [key, value] of Object.entries(raw)) {
    if (!known.has(key) && !correlation.has(key)) attributes[key] = value as AttributeValue
  }
  return {
    timeMs,
    timeNano: BigInt(Math.round(timeMs * 1000)) * 1000n,
    severity,
    severityNumber: numberOf[severity.toLowerCase()] ?? 0,
    body: String(raw.msg ?? raw.message ?? ''),
    eventName: '',
    attributes,
    traceId: id(raw.trace_id, 32),
    spanId: id(raw.span_id, 16),
    flags: Number.parseInt(String(raw.trace_flags ?? '0'), 16) || 0,
    service,
    resource: { service, attributes: { 'service.name': service } },
    scope: { name: '', version: '', attributes: {} },
  }
}

function id(value: unknown, digits: number): string | undefined {
  return typeof value === 'string' && value.length === digits && /^[0-9a-f]+$/.test(value) ? value : undefined
}
