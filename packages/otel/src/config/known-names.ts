import { settings } from './settings.ts'

let known: Set<string> | undefined

/** Every environment variable of the table, and the ones the guard and the loader read. */
export function knownNames(): ReadonlySet<string> {
  if (known === undefined) {
    known = new Set()
    for (const row of settings) for (const name of row.env) known.add(name)
  }
  return known
}
