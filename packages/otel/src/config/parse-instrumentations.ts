import { findClosest } from './closest.ts'
import {
  instrumentationAliases,
  instrumentationHabits,
  instrumentationNames,
} from './instrumentation-names.ts'
import { lookUp } from './look-up.ts'
import type { Parsed } from './parse.ts'
import { splitList } from './parse-enum.ts'

const prefix = '@opentelemetry/instrumentation-'

/** `http,@opentelemetry/instrumentation-pg,fetch` -> `['http', 'pg', 'undici']`. Unknown names are left out and said. */
export function parseInstrumentations(text: string): Parsed<readonly string[]> {
  const value: string[] = []
  const faults: string[] = []
  for (const part of splitList(text)) {
    const name = findInstrumentation(part)
    if (name !== undefined) value.push(name)
    const fault = explainInstrumentation(part, name)
    if (fault !== undefined) faults.push(fault)
  }
  return faults.length > 0 ? { value, faults } : { value }
}

export function findInstrumentation(text: string): string | undefined {
  const short = shorten(text)
  if (instrumentationNames.includes(short)) return short
  return lookUp(instrumentationAliases, short) ?? lookUp(instrumentationHabits, short)
}

/** What there is to say about a name as it was written; `found` is what `findInstrumentation` made of it. */
export function explainInstrumentation(text: string, found: string | undefined): string | undefined {
  if (found === undefined) {
    const near = findClosest(text, instrumentationNames)
    return `there is no instrumentation ${JSON.stringify(text)}${near ? `, did you mean ${near}?` : ''}`
  }
  const isHabit = lookUp(instrumentationHabits, shorten(text)) !== undefined
  return isHabit ? `${JSON.stringify(text)} is called ${found} here; using ${found}` : undefined
}

function shorten(text: string): string {
  const lower = text.toLowerCase()
  return lower.startsWith(prefix) ? lower.slice(prefix.length) : lower
}
