import { findClosest } from './closest.ts'
import { lookUp } from './look-up.ts'
import type { Parse } from './parse.ts'

/** One of a few words, in any case. `aliases` are further spellings of the same things. */
export function parseEnum<const T extends string>(
  words: readonly T[],
  aliases: Readonly<Record<string, T>> = {},
): Parse<T> {
  return text => {
    const lower = text.toLowerCase()
    const value = words.find(word => word.toLowerCase() === lower) ?? lookUp(aliases, lower)
    return value === undefined ? { fault: `expected ${words.join(', ')}${suggest(text, words)}` } : { value }
  }
}

/** Several of a few words. Unknown ones are left out and said; none left counts as not set. */
export function parseEnumList<const T extends string>(
  words: readonly T[],
  options: { none: 'wins' | 'yields' },
): Parse<readonly T[]> {
  return text => {
    const value: T[] = []
    const faults: string[] = []
    for (const part of splitList(text)) {
      const word = words.find(w => w === part.toLowerCase())
      if (word === undefined) {
        faults.push(
          `unknown ${JSON.stringify(part)} left out, expected ${words.join(', ')}${suggest(part, words)}`,
        )
      } else if (!value.includes(word)) value.push(word)
    }
    if (value.length === 0) return { fault: faults.join('; ') || `expected ${words.join(', ')}` }
    const none = value.indexOf('none' as T)
    if (none >= 0 && value.length > 1) {
      if (options.none === 'wins')
        return { value: ['none' as T], faults: [...faults, '"none" beside others wins'] }
      value.splice(none, 1)
      faults.push('"none" beside others is left out')
    }
    return faults.length > 0 ? { value, faults } : { value }
  }
}

/** `a, b,,c` -> `['a', 'b', 'c']`. */
export function splitList(text: string): string[] {
  const parts: string[] = []
  for (const part of text.split(',')) {
    const trimmed = part.trim()
    if (trimmed !== '') parts.push(trimmed)
  }
  return parts
}

function suggest(text: string, words: readonly string[]): string {
  const near = findClosest(text, words)
  return near === undefined ? '' : ` (did you mean ${near}?)`
}
