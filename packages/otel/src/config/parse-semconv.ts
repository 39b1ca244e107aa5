import { findClosest } from './closest.ts'
import { lookUp } from './look-up.ts'
import type { Parsed } from './parse.ts'
import { splitList } from './parse-enum.ts'

/** Conventions of which we can give the old names: without `/dup` the stable ones alone. */
const groups = ['http', 'database', 'messaging'] as const

const habits: Readonly<Record<string, string>> = { db: 'database', sql: 'database', kafka: 'messaging' }

/** The specification's names for conventions that have one form here. */
const others = /^(rpc|code|k8s|gen_ai_.*)$/

/** `http/dup, messaging` -> `['http/dup', 'messaging']`. What has no effect is left out and said, with what was meant. */
export function parseSemconv(text: string): Parsed<readonly string[]> {
  const value: string[] = []
  const faults: string[] = []
  for (const part of splitList(text)) {
    const [group = '', mode] = part.toLowerCase().split('/', 2)
    const word = mode === undefined ? group : `${group}/${mode}`
    const isGroup = (groups as readonly string[]).includes(group)
    if (isGroup && (mode === undefined || mode === 'dup')) {
      if (!value.includes(word)) value.push(word)
    } else faults.push(`${JSON.stringify(part)} has no effect, ${explain(group, isGroup)}`)
  }
  return faults.length > 0 ? { value, faults } : { value }
}

function explain(group: string, isGroup: boolean): string {
  if (isGroup) return `${group}/dup gives the old names beside the stable ones`
  if (others.test(group)) return 'these conventions have one form here'
  const meant = lookUp(habits, group) ?? findClosest(group, groups)
  const all = groups.flatMap(name => [name, `${name}/dup`]).join(', ')
  return meant === undefined ? `expected ${all}` : `did you mean ${meant} or ${meant}/dup?`
}
