import type { Parsed } from './parse.ts'

export type OptionsByName = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** ORG_OTEL_INSTRUMENTATION_OPTIONS: `{"pg": {"enhancedDatabaseReporting": true}}`. */
export function parseOptions(text: string): Parsed<OptionsByName> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { fault: 'expected JSON such as {"pg":{"enhancedDatabaseReporting":true}}' }
  }
  if (!isObject(value)) return { fault: 'expected a JSON object with one object per instrumentation' }
  const faults: string[] = []
  const options: Record<string, Readonly<Record<string, unknown>>> = {}
  for (const [name, entry] of Object.entries(value)) {
    if (isObject(entry)) options[name] = entry
    else faults.push(`${JSON.stringify(name)} is left out, expected an object of options`)
  }
  return faults.length > 0 ? { value: options, faults } : { value: options }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** One option written as text: `true`, `12`, `["a"]`, or the text itself. */
export function parseOptionValue(text: string): unknown {
  if (text === 'true') return true
  if (text === 'false') return false
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  if (text.startsWith('{') || text.startsWith('[')) {
    try {
      return JSON.parse(text)
    } catch {
      return text
    }
  }
  return text
}
