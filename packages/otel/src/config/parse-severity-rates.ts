import type { SeverityRates } from './config.ts'
import { lookUp } from './look-up.ts'
import type { Parsed } from './parse.ts'

const severities: Readonly<Record<string, keyof SeverityRates>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  error: 'error',
  fatal: 'fatal',
}

/** `info=500,debug=50`, or one number for all. A severity that is not named has no limit; `none` lifts all limits. */
export function parseSeverityRates(text: string): Parsed<SeverityRates> {
  if (text.trim().toLowerCase() === 'none') return { value: {} }
  const all = parseRate(text)
  if (all !== undefined)
    return { value: { trace: all, debug: all, info: all, warn: all, error: all, fatal: all } }
  const value: { -readonly [K in keyof SeverityRates]: SeverityRates[K] } = {}
  const faults: string[] = []
  for (const part of text.split(',')) {
    if (part.trim() === '') continue
    const equals = part.indexOf('=')
    const severity = lookUp(severities, part.slice(0, Math.max(0, equals)).trim().toLowerCase())
    const rate = parseRate(part.slice(equals + 1))
    if (severity === undefined || rate === undefined)
      faults.push(
        `${JSON.stringify(part.trim())} is left out, expected SEVERITY=NUMBER with trace, debug, info, warn, error or fatal`,
      )
    else value[severity] = rate
  }
  if (Object.keys(value).length === 0)
    return { fault: 'expected a number, or SEVERITY=NUMBER pairs such as debug=50,info=500' }
  return faults.length > 0 ? { value, faults } : { value }
}

function parseRate(text: string): number | undefined {
  const rate = text.trim() === '' ? Number.NaN : Number(text)
  return rate >= 0 && Number.isFinite(rate) ? rate : undefined
}
