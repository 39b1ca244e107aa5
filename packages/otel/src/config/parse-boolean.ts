import type { Parsed } from './parse.ts'

/**
 * As the specification has it for OTEL_*: `true` in any case is true, everything else is false, and what is neither
 * `true` nor `false` is said.
 */
export function parseBoolean(text: string): Parsed<boolean> {
  const word = text.toLowerCase()
  if (word === 'true') return { value: true }
  if (word === 'false') return { value: false }
  return { value: false, faults: ['expected true or false, and only true is true; using false'] }
}

/** For ORG_OTEL_*: what people write when they mean yes or no. */
export function parseSwitch(text: string): Parsed<boolean> {
  switch (text.toLowerCase()) {
    case 'true':
    case '1':
    case 'on':
    case 'yes':
      return { value: true }
    case 'false':
    case '0':
    case 'off':
    case 'no':
    case 'none':
      return { value: false }
    default:
      return { fault: 'expected true or false' }
  }
}
