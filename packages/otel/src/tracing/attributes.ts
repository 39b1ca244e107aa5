// What may become an attribute value, as upstream's `cleanAttributes` decides it, and the flat list a span keeps.
// Everything here meets values made by strangers: getters that throw, cycles, proxies, a hundred thousand keys.
import type { AttributeValue } from '@opentelemetry/api'
import type { Redactor } from '../redact/redactor.ts'

/** key, value, key, value, ... */
export type FlatAttributes = (string | AttributeValue)[]

const invalid = Symbol('not an attribute value')
type Cleaned = AttributeValue | typeof invalid

// Deeper or wider values are refused whole: the encoder must never run out of stack because of one attribute.
const maxDepth = 64
const maxContainers = 10_000
let containers = 0

/** Upstream's AnyValue: text, numbers, booleans, null, bytes, and arrays and plain objects of those; copied and cut. */
function cleanAny(value: unknown, maxLength: number, ancestors: object[] | null): Cleaned {
  switch (typeof value) {
    case 'string':
      return value.length <= maxLength ? value : value.substring(0, maxLength)
    case 'number':
    case 'boolean':
      return value
    case 'object':
      break
    default:
      return invalid
  }
  if (value === null) return null
  if (value instanceof Uint8Array) return value.length <= maxLength ? value : value.slice(0, maxLength)
  ancestors ??= []
  if (ancestors.length >= maxDepth || ++containers > maxContainers || ancestors.includes(value))
    return invalid
  ancestors.push(value)
  const copy = Array.isArray(value)
    ? copyArray(value, maxLength, ancestors)
    : copyObject(value, maxLength, ancestors)
  ancestors.pop()
  return copy
}

function copyArray(array: readonly unknown[], maxLength: number, ancestors: object[]): Cleaned {
  const copy: AttributeValue[] = []
  for (let i = 0; i < array.length; i++) {
    const item = array[i]
    const cleaned = item === undefined ? undefined : cleanAny(item, maxLength, ancestors)
    if (cleaned === invalid) return invalid
    copy.push(cleaned)
  }
  return copy
}

function copyObject(object: object, maxLength: number, ancestors: object[]): Cleaned {
  if (!isPlain(object)) return invalid
  const copy: Record<string, AttributeValue> = {}
  for (const key of Object.keys(object)) {
    const item = (object as Record<string, unknown>)[key]
    if (item === undefined) continue
    const cleaned = cleanAny(item, maxLength, ancestors)
    if (cleaned === invalid) return invalid
    // A key called __proto__ is data, not a prototype.
    if (key === '__proto__') Object.defineProperty(copy, key, { value: cleaned, enumerable: true })
    else copy[key] = cleaned
  }
  return copy
}

// Plain objects of another realm (vm contexts, jest) count as plain, which upstream's identity test misses.
function isPlain(object: object): boolean {
  const made = (object as { constructor?: unknown }).constructor
  if (made === Object || made === undefined) return true
  if (typeof made !== 'function' || made.name !== 'Object') return false
  const proto = Object.getPrototypeOf(object) as object | null
  return proto === null || Object.getPrototypeOf(proto) === null
}

/** The values event attributes may have: text, numbers, booleans, and arrays of one of those. */
function cleanSimple(value: unknown, maxLength: number): Cleaned {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return cleanAny(value, maxLength, null)
  }
  if (!Array.isArray(value)) return invalid
  let type: string | undefined
  for (let i = 0; i < value.length; i++) {
    const item: unknown = value[i]
    if (item === null || item === undefined) continue
    const itemType = typeof item
    if (itemType !== 'string' && itemType !== 'number' && itemType !== 'boolean') return invalid
    if (type === undefined) type = itemType
    else if (type !== itemType) return invalid
  }
  return copyArray(value, maxLength, [])
}

/** The value as it may be kept, `undefined` when it may not be. */
export function cleanValue(value: unknown, maxLength: number): AttributeValue | undefined {
  try {
    containers = 0
    const cleaned = cleanAny(value, maxLength, null)
    return cleaned === invalid ? undefined : cleaned
  } catch {
    return undefined
  }
}

export interface CleanedAttributes {
  readonly attributes: Record<string, AttributeValue> | undefined
  readonly dropped: number
}

const none: CleanedAttributes = { attributes: undefined, dropped: 0 }

/** Whether a limit may take something away: then secrets are looked for before. */
export function isToBeCut(value: unknown, maxLength: number): boolean {
  if (maxLength === Number.POSITIVE_INFINITY) return false
  return typeof value === 'string' ? value.length > maxLength : typeof value === 'object'
}

/** Attributes of one event (`simple`) or link, cleaned and cut to the limits. */
export function cleanAttributes(
  input: unknown,
  maxCount: number,
  maxLength: number,
  simple: boolean,
  redactor: Redactor | null = null,
): CleanedAttributes {
  if (typeof input !== 'object' || input === null) return none
  const attributes: Record<string, AttributeValue> = {}
  let count = 0
  let dropped = 0
  for (const key of ownKeys(input)) {
    const value = read(input, key)
    if (value === undefined) continue
    if (count >= maxCount || key.length === 0) {
      dropped++
      continue
    }
    const whole =
      redactor !== null && isToBeCut(value, maxLength) ? redactor.redactAttribute(key, value) : value
    const cleaned = whole === invalid ? undefined : clean(whole, maxLength, simple)
    if (cleaned === undefined) {
      dropped++
      continue
    }
    if (key === '__proto__') Object.defineProperty(attributes, key, { value: cleaned, enumerable: true })
    else attributes[key] = cleaned
    count++
  }
  return { attributes, dropped }
}

function clean(value: unknown, maxLength: number, simple: boolean): AttributeValue | undefined {
  if (!simple) return cleanValue(value, maxLength)
  try {
    const cleaned = cleanSimple(value, maxLength)
    return cleaned === invalid ? undefined : cleaned
  } catch {
    return undefined
  }
}

/** Own enumerable keys; none when a proxy refuses. */
export function ownKeys(object: object): string[] {
  try {
    return Object.keys(object)
  } catch {
    return []
  }
}

/** `object[key]`; a getter that throws gives a value that no attribute can have. */
export function read(object: object, key: string): unknown {
  try {
    return (object as Record<string, unknown>)[key]
  } catch {
    return invalid
  }
}
