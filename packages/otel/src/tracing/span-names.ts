// How many different names the spans of one scope may have. Names become series of span metrics and groups in every
// backend; one that contains an id makes a new one with each request. Asked for sampled spans when they
// end: 20 to 40 ns of CPU while a scope uses few names, 100 with fifty; the lookup in the set alone was 150.
import { say } from '../self/log.ts'
import type { Scope } from './ended-span.ts'

export const defaultMaxNames = 1000
/** Longer ones are cut: nobody groups by them, and they are remembered. */
const maxNameLength = 256
const recentSlots = 128
/** Scopes of instrumentations, ours and bundled; all others are the application's own. */
const instrumentation = /^@(?:opentelemetry\/instrumentation-|org\/otel[-/]?)(.*)$/

export class SpanNames {
  private readonly known = new Set<string>()
  private readonly max: number
  private readonly scope: string
  /** What spans of an instrumentation are called beyond the limit; undefined: names are the application's, and stay. */
  private readonly other: string | undefined
  /** Names met lately, found by length and last letters: a name is mostly a new string, and hashing it costs more than all this. */
  private readonly recent: string[] = new Array(recentSlots).fill('')
  private said = false

  constructor(scope: Pick<Scope, 'name'>, max: number) {
    this.max = max
    this.scope = scope.name
    const match = instrumentation.exec(scope.name)
    this.other = match === null ? undefined : `${match[1] || 'org'} (other)`
  }

  /** The name under which the span is exported. */
  bound(name: string): string {
    const end = name.length
    const slot = (end * 31 + name.charCodeAt(end - 1) * 7 + name.charCodeAt(end >> 1)) & (recentSlots - 1)
    if (this.recent[slot] === name) return name
    const bound = this.known.has(name) ? name : this.meet(name)
    if (bound === name && this.known.has(name)) this.recent[slot] = name
    return bound
  }

  private meet(name: string): string {
    if (name.length > maxNameLength) {
      if (this.other === undefined) return name
      const cut = name.slice(0, maxNameLength)
      return this.known.has(cut) ? cut : this.meet(cut)
    }
    if (this.known.size < this.max) {
      this.known.add(name)
      return name
    }
    if (!this.said) {
      this.said = true
      const then = this.other === undefined ? 'they stay as they are' : `the next are called "${this.other}"`
      say(
        'warn',
        'ORG_OTEL_SPAN_NAMES',
        `spans of ${this.scope.slice(0, maxNameLength)} have more than ${this.max} names; ${then}`,
      )
    }
    return this.other ?? name
  }
}
