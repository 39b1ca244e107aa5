// The per-operation label: what the active span is called, so that one alert covers every operation. Span names come
// from outside; the label is bounded whatever they are.
import { activeSpan } from './active-span.ts'

export const overflow = '_other'
/** Observed outside of any span. */
export const noSpan = '_none'
/** In a span that is not recorded (not sampled): it has no name. */
export const unnamed = '_unnamed'

export class OperationNames {
  private readonly known = new Set<string>()
  private readonly max: number

  constructor(max: number) {
    this.max = max
  }

  /** The name of the active span, or `_other` once there are too many. */
  read(): string {
    const span = activeSpan() as { name?: unknown } | undefined
    if (span === undefined) return noSpan
    const { name } = span
    if (typeof name !== 'string' || name === '') return unnamed
    if (this.known.has(name)) return name
    if (this.known.size >= this.max) return overflow
    this.known.add(name)
    return name
  }
}
