import type { Problem } from '../self/problem.ts'
import type { Entry } from './entry.ts'
import { isObject } from './parse-json.ts'
import type { SettingKey } from './settings.ts'

type Reader = (value: unknown, at: string) => void

/** Walks the nodes of the file, collects entries, and says what has no effect: each thing with its place. */
export class FileWalk {
  readonly #path: string
  readonly #entries: Entry[]
  readonly #problems: Problem[]

  constructor(path: string, entries: Entry[], problems: Problem[]) {
    this.#path = path
    this.#entries = entries
    this.#problems = problems
  }

  /** Calls the reader of each key. Keys without one are said to have no effect. `null` is as good as absent. */
  node(value: unknown, at: string, readers: Readonly<Record<string, Reader>>): void {
    for (const [key, child] of this.entries(value, at)) {
      const place = `${at}/${key}`
      const reader = Object.hasOwn(readers, key) ? readers[key] : undefined
      if (reader === undefined) this.unused(place)
      else if (child !== null && child !== undefined) reader(child, place)
    }
  }

  entries(value: unknown, at: string): [string, unknown][] {
    if (value === null || value === undefined) return []
    if (isObject(value)) return Object.entries(value)
    this.invalid(at, value, 'expected a mapping; ignored')
    return []
  }

  list(value: unknown, at: string): [number, unknown][] {
    if (value === null || value === undefined) return []
    if (Array.isArray(value)) return [...value.entries()]
    this.invalid(at, value, 'expected a list; ignored')
    return []
  }

  /** The single key of a node that names a kind: `batch: {...}`, `tracecontext:`. */
  only(value: unknown, at: string): { name: string; value: unknown; at: string } | undefined {
    const entries = isObject(value) ? Object.entries(value) : []
    if (entries.length !== 1) {
      this.invalid(at, isObject(value) ? Object.keys(value) : value, 'expected exactly one key; ignored')
      return undefined
    }
    const [name, inner] = entries[0]!
    return { name, value: inner, at: `${at}/${name}` }
  }

  /** A scalar or a list of scalars, to be parsed by the row like the text of an environment variable. */
  set(key: SettingKey, value: unknown, at: string): void {
    const text = toText(value)
    if (text === undefined)
      this.invalid(
        at,
        `<${Array.isArray(value) ? 'list' : typeof value}>`,
        'expected a text, a number or true or false; ignored',
      )
    else this.#entries.push({ key, text, at: this.#place(at) })
  }

  setByName(name: string, value: unknown, at: string): void {
    if (value === null || value === undefined) return
    const text = toText(value) ?? JSON.stringify(value)
    this.#entries.push({ name, text, at: this.#place(at) })
  }

  /** A value that needs no parsing. */
  give(key: SettingKey, value: unknown, at: string): void {
    this.#entries.push({ key, value, at: this.#place(at) })
  }

  invalid(at: string, value: unknown, message: string): void {
    const shown = JSON.stringify(value) ?? String(value)
    this.#problems.push({
      code: 'ORG_OTEL_CONFIG_INVALID',
      subject: `${at || '/'}=${shown.length > 60 ? `${shown.slice(0, 57)}...` : shown} (${this.#path})`,
      message,
    })
  }

  unused(at: string, message = 'has no effect here and is ignored'): void {
    this.#problems.push({ code: 'ORG_OTEL_CONFIG_UNUSED', subject: `${at} (${this.#path})`, message })
  }

  #place(at: string): string {
    return `${this.#path}#${at}`
  }
}

function toText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value) && value.every(v => typeof v === 'string' || typeof v === 'number'))
    return value.join(',')
  return undefined
}
