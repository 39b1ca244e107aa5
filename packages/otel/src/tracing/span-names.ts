// How many different names the spans of one scope may have. Names become series of span metrics and groups in every
// backend; one that contains an id makes a new one with each request. Asked for sampled spans when they end: 30 to 60 ns.
import { say } from '../self/log.ts'
import type { Scope } from './ended-span.ts'

export const defaultMaxNames = 1000
/** Longer ones are cut: nobody groups by them, and they are remembered. */
const maxNameLength = 256
/** Scopes of instrumentations, ours and bundled; all others are the application's own. */
const instrumentation = /^@(?:opentelemetry\/instrumentation-|org\/otel[-/]?)(.*)$/

export class SpanNames {
  private readonly known = new Set<string>()
  private readonly max: number
  private readonly scope: string
  /** What spans of an instrumentation are called beyond the limit; undefined: names are the application's, and stay. */
  private readonly other: string | undefined
  private last = ''
  private said = false

  constructor(scope: Pick<Scope, 'name'>, max: number) {
    this.max = max
    this.scope = scope.name
    const match = instrumentation.exec(scope.name)
    this.other = match === null ? undefined : `${match[1] || 'org'} (other)`
  }

  /** The name under which the span is exported. */
  bound(name: string): string {
    if (name === this.last || this.known.has(name)) return name
    return this.meet(name)
  }

  private meet(name: string): string {
    if (name.length > maxNameLength) {
      if (this.other === undefined) return name
      const cut = name.slice(0, maxNameLength)
      return this.known.has(cut) ? cut : this.meet(cut)
    }
    if (this.known.size < this.max) {
      this.known.add(name)
      this.last = name
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
