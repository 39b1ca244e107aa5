// What is hidden: kinds by their names, patterns by the safe part of the syntax of regular expressions.
import { compilePattern } from '../redact/pattern.ts'
import { type RedactionKind, redactionKinds } from '../redact/tally.ts'
import { findClosest } from './closest.ts'
import type { Parsed } from './parse.ts'
import { splitList } from './parse-enum.ts'

/** `on`, `off`, or the kinds that are hidden. */
export function parseRedactionKinds(text: string): Parsed<readonly RedactionKind[]> {
  const lower = text.trim().toLowerCase()
  if (['on', 'all', 'true'].includes(lower)) return { value: redactionKinds }
  if (['off', 'none', 'false'].includes(lower)) return { value: [] }
  const value: RedactionKind[] = []
  const faults: string[] = []
  for (const part of splitList(lower)) {
    const kind = redactionKinds.find(name => name === part)
    if (kind !== undefined) value.push(kind)
    else faults.push(`unknown ${JSON.stringify(part)} left out, ${expected(part)}`)
  }
  // A word that means nothing must not uncover anything.
  if (value.length === 0) return { fault: expected(lower) }
  return faults.length > 0 ? { value, faults } : { value }
}

function expected(word: string): string {
  const near = findClosest(word, redactionKinds)
  return `expected on, off or a list of ${redactionKinds.join(', ')}${near === undefined ? '' : ` (did you mean ${near}?)`}`
}

/** Separated by white space: a comma may be in a pattern. */
export function parseRedactionPatterns(text: string): Parsed<readonly RegExp[]> {
  const value: RegExp[] = []
  const faults: string[] = []
  for (const source of text.split(/\s+/)) {
    if (source === '') continue
    const pattern = compilePattern(source)
    if (pattern instanceof RegExp) value.push(pattern)
    else faults.push(`the pattern ${JSON.stringify(source)} ${pattern.fault} and is left out`)
  }
  return faults.length > 0 ? { value, faults } : { value }
}
