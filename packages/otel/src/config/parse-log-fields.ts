import type { LogFields } from './config.ts'
import { lookUp } from './look-up.ts'
import type { Parsed } from './parse.ts'

const keys: Readonly<Record<string, keyof LogFields>> = {
  trace_id: 'traceId',
  traceid: 'traceId',
  span_id: 'spanId',
  spanid: 'spanId',
  trace_flags: 'traceFlags',
  traceflags: 'traceFlags',
}

/** `trace_id=traceId,span_id=spanId,trace_flags=` -> names of the fields; an empty name leaves the field out. */
export function parseLogFields(text: string): Parsed<Partial<LogFields>> {
  const value: Partial<LogFields> = {}
  const faults: string[] = []
  for (const part of text.split(',')) {
    if (part.trim() === '') continue
    const equals = part.indexOf('=')
    const key = equals > 0 ? lookUp(keys, part.slice(0, equals).trim().toLowerCase()) : undefined
    if (key === undefined) {
      faults.push(
        `${JSON.stringify(part.trim())} is left out, expected trace_id=NAME, span_id=NAME or trace_flags=NAME`,
      )
    } else value[key] = part.slice(equals + 1).trim()
  }
  return faults.length > 0 ? { value, faults } : { value }
}
