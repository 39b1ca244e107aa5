import { findClosest } from './closest.ts'
import { instrumentationAliases, instrumentationNames } from './instrumentation-names.ts'
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
    else {
      const near = findClosest(part, instrumentationNames)
      faults.push(
        `there is no instrumentation ${JSON.stringify(part)}${near ? `, did you mean ${near}?` : ''}`,
      )
    }
  }
  return faults.length > 0 ? { value, faults } : { value }
}

export function findInstrumentation(text: string): string | undefined {
  const lower = text.toLowerCase()
  const short = lower.startsWith(prefix) ? lower.slice(prefix.length) : lower
  return instrumentationNames.includes(short) ? short : lookUp(instrumentationAliases, short)
}
