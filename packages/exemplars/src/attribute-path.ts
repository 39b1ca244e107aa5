// From the attributes of a measurement to what counts it, without the text the metrics SDK makes of them: sorting and
// printing five attributes is three quarters of a record() (480 of 650 ns, bench/record.mjs), walking them takes 50 ns.
// It only remembers where the SDK led: what is not known here, or is no plain data, goes the SDK's way.
import type { Attributes } from '@opentelemetry/api'

interface Step {
  readonly name: string
  readonly values: Map<unknown, AttributePath>
  /** Another attribute that was found at this place. */
  other: Step | undefined
}

/** A place after the attributes that led here, in the order in which they were given. */
export interface AttributePath {
  target: object | undefined
  step: Step | undefined
  /** Targets below; counted at the root. */
  size: number
}

export function createPath(): AttributePath {
  return { target: undefined, step: undefined, size: 0 }
}

// The SDK's own limit of series; the same attributes in another order are another path.
const maxPaths = 2000

function isPlain(attributes: unknown): attributes is Attributes {
  return (
    typeof attributes === 'object' &&
    attributes !== null &&
    Object.getPrototypeOf(attributes) === Object.prototype
  )
}

export function findTarget(root: AttributePath, attributes: Attributes): object | undefined {
  if (!isPlain(attributes)) return undefined
  let path = root
  for (const name in attributes) {
    let { step } = path
    while (step !== undefined && step.name !== name) step = step.other
    const next = step?.values.get(attributes[name])
    if (next === undefined) return undefined
    path = next
  }
  return path.target
}

/** `target` is where the SDK led measurements with these attributes, and will as long as `root` is in use. */
export function learnTarget(root: AttributePath, attributes: Attributes, target: object): void {
  if (root.size >= maxPaths || !isPlain(attributes) || !isFixed(attributes)) return
  let path = root
  for (const name of Object.keys(attributes)) {
    let { step } = path
    while (step !== undefined && step.name !== name) step = step.other
    if (step === undefined) path.step = step = { name, values: new Map(), other: path.step }
    let next = step.values.get(attributes[name])
    if (next === undefined) step.values.set(attributes[name], (next = createPath()))
    path = next
  }
  if (path.target === undefined) root.size++
  path.target = target
}

/** Values that are the same the next time they are read, and that a map finds again: no getters, no arrays. */
function isFixed(attributes: Attributes): boolean {
  for (const { value } of Object.values(Object.getOwnPropertyDescriptors(attributes))) {
    const type = typeof value
    if (type !== 'string' && type !== 'number' && type !== 'boolean') return false
  }
  return true
}
