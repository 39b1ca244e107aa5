// Does this trace contain this tree of spans? And if not, how far did it get?
import type { AttributeValue, Span } from '../store/record.ts'
import { bodyText } from '../store/store.ts'
import { buildTree, type Trace, type TraceNode, walk } from '../store/trace.ts'

export type ValueMatcher = AttributeValue | RegExp | ((value: AttributeValue | undefined) => boolean)

/** Every given property must fit; what is not given may be anything. */
export interface SpanMatcher {
  readonly name?: string | RegExp
  readonly kind?: Span['kind']
  readonly service?: string | RegExp
  /** Name of the instrumentation scope. */
  readonly scope?: string | RegExp
  readonly status?: 'unset' | 'ok' | 'error'
  /** `undefined` as a value means: must not be there. */
  readonly attributes?: { readonly [key: string]: ValueMatcher | undefined }
  /** Names of events that must be there. */
  readonly events?: readonly (string | RegExp)[]
  /** Number of links, or matchers of the linked ids. */
  readonly links?: number
  /** True: must be the root of the trace; false: must not be. */
  readonly root?: boolean
  /** Direct children, each matched by a different span, in any order. */
  readonly children?: readonly SpanMatcher[]
  /** Like `children`, at any depth below. */
  readonly descendants?: readonly SpanMatcher[]
  /** Exact number of direct children. */
  readonly childCount?: number
}

export type Match =
  | { readonly span: Span; readonly problems?: undefined }
  | {
      readonly span?: undefined
      /** Why the closest span did not fit, outermost first. */
      readonly problems: readonly string[]
      readonly score: number
    }

/** The first span of the trace that fits the matcher, or the reasons of the span that came closest. */
export function matchTrace(trace: Trace, matcher: SpanMatcher): Match {
  let closest: Match = { problems: [`${describe(matcher)}: the trace has no spans`], score: -1 }
  for (const node of walk(buildTree(trace))) {
    const result = matchNode(node, matcher)
    if (result.problems.length === 0) return { span: node.span }
    if (result.score > closest.score) closest = result
  }
  return closest
}

interface Attempt {
  problems: string[]
  score: number
}

function matchNode(node: TraceNode, matcher: SpanMatcher): Attempt {
  const { problems, score } = matchSpan(node, matcher)
  const attempt: Attempt = { problems: problems.map(problem => `"${node.span.name}": ${problem}`), score }
  const below = [
    { wanted: matcher.children ?? [], found: node.children, what: 'child' },
    { wanted: matcher.descendants ?? [], found: descendants(node, matcher.descendants), what: 'descendant' },
  ]
  for (const { wanted, found, what } of below) {
    if (wanted.length === 0) continue
    const table = wanted.map(child => found.map(candidate => matchNode(candidate, child)))
    const assigned = assign(table.map(row => row.map(cell => cell.problems.length === 0)))
    wanted.forEach((child, i) => {
      if (assigned[i] !== undefined) attempt.score += 10
      else {
        const best = [...table[i]!].sort((a, b) => b.score - a.score)[0]
        attempt.score += best === undefined ? 0 : Math.min(9, Math.max(0, best.score))
        attempt.problems.push(`"${node.span.name}": no ${what} fits ${describe(child)}`)
        for (const problem of best?.problems.slice(0, 6) ?? []) attempt.problems.push(`  closest: ${problem}`)
      }
    })
  }
  return attempt
}

function matchSpan(node: TraceNode, matcher: SpanMatcher): Attempt {
  const { span } = node
  const problems: string[] = []
  let score = 0
  const check = (fits: boolean, weight: number, problem: () => string) => {
    if (fits) score += weight
    else problems.push(problem())
  }
  const { name, service, scope } = matcher
  if (name !== undefined) check(fits(span.name, name), 5, () => `name is not ${show(name)}`)
  if (service !== undefined) {
    check(fits(span.service, service), 2, () => `service is ${show(span.service)}, expected ${show(service)}`)
  }
  if (scope !== undefined) {
    check(fits(span.scope.name, scope), 1, () => `scope is ${show(span.scope.name)}, expected ${show(scope)}`)
  }
  if (matcher.kind !== undefined) {
    check(span.kind === matcher.kind, 2, () => `kind is ${span.kind}, expected ${matcher.kind}`)
  }
  if (matcher.status !== undefined) {
    const { code, message } = span.status
    check(code === matcher.status, 1, () => `status is ${code} "${message}", expected ${matcher.status}`)
  }
  if (matcher.root !== undefined) {
    const isRoot = span.parentSpanId === undefined
    check(isRoot === matcher.root, 1, () => (isRoot ? 'is the root' : 'is not the root'))
  }
  for (const [key, wanted] of Object.entries(matcher.attributes ?? {})) {
    const value = Object.hasOwn(span.attributes, key) ? span.attributes[key] : undefined
    check(fitsValue(value, wanted), 1, () => `${key} is ${show(value)}, expected ${show(wanted)}`)
  }
  for (const wanted of matcher.events ?? []) {
    const names = span.events.map(event => event.name)
    check(
      names.some(event => fits(event, wanted)),
      1,
      () => `no event ${show(wanted)} among ${show(names)}`,
    )
  }
  if (matcher.links !== undefined) {
    const { length } = span.links
    check(length === matcher.links, 1, () => `has ${length} links, expected ${matcher.links}`)
  }
  if (matcher.childCount !== undefined) {
    const { length } = node.children
    check(length === matcher.childCount, 1, () => `has ${length} children, expected ${matcher.childCount}`)
  }
  return { problems, score }
}

/** Gives each row its own column (augmenting paths), so that two equal matchers need two spans. */
function assign(table: readonly (readonly boolean[])[]): (number | undefined)[] {
  const rowOf = new Map<number, number>()
  const place = (row: number, tried: Set<number>): boolean => {
    for (const [column, possible] of table[row]!.entries()) {
      if (!possible || tried.has(column)) continue
      tried.add(column)
      const holder = rowOf.get(column)
      if (holder === undefined || place(holder, tried)) {
        rowOf.set(column, row)
        return true
      }
    }
    return false
  }
  for (const row of table.keys()) place(row, new Set())
  const columns: (number | undefined)[] = table.map(() => undefined)
  for (const [column, row] of rowOf) columns[row] = column
  return columns
}

function descendants(node: TraceNode, wanted: readonly SpanMatcher[] | undefined): TraceNode[] {
  return wanted === undefined ? [] : [...walk(node.children)]
}

function fits(value: string, wanted: string | RegExp): boolean {
  return typeof wanted === 'string' ? value === wanted : wanted.test(value)
}

export function fitsValue(value: AttributeValue | undefined, wanted: ValueMatcher | undefined): boolean {
  if (wanted === undefined) return value === undefined
  if (typeof wanted === 'function') return wanted(value)
  if (value === undefined) return false
  if (wanted instanceof RegExp) return wanted.test(bodyText(value))
  return typeof wanted === 'object' ? bodyText(value) === bodyText(wanted) : Object.is(value, wanted)
}

/** `server span "GET /pay" of api-gateway`, for messages. */
export function describe(matcher: SpanMatcher): string {
  const parts = [matcher.kind ?? '', 'span', matcher.name === undefined ? '' : show(matcher.name)]
  if (matcher.service !== undefined) parts.push(`of ${show(matcher.service)}`)
  const attributes = Object.entries(matcher.attributes ?? {}).map(([key, value]) => `${key}: ${show(value)}`)
  if (attributes.length > 0) parts.push(`with { ${attributes.join(', ')} }`)
  return parts.filter(part => part !== '').join(' ')
}

export function show(value: unknown): string {
  if (value instanceof RegExp) return String(value)
  if (typeof value === 'function') return `a value that passes ${value.name || 'the given function'}`
  if (typeof value === 'bigint') return `${value}n`
  if (value === undefined) return 'nothing'
  return bodyText(value as AttributeValue) === value
    ? JSON.stringify(value)
    : bodyText(value as AttributeValue)
}
