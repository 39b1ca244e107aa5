// A trace is a view over spans: computed when asked, never stored.
import type { Span } from './record.ts'

export interface Trace {
  readonly traceId: string
  /** By start time. */
  readonly spans: readonly Span[]
  /** The span without a parent, or undefined while it has not arrived. */
  readonly root: Span | undefined
  /** In order of first appearance. */
  readonly services: readonly string[]
  /** Milliseconds since the epoch. */
  readonly startMs: number
  readonly durationMs: number
  /** Number of spans with error status. */
  readonly errors: number
  /** Spans of this trace that arrived but were not kept, because the trace is too large. */
  readonly droppedSpans: number
}

export interface TraceNode {
  readonly span: Span
  readonly depth: number
  readonly children: readonly TraceNode[]
  /** The parent is named but has not arrived. */
  readonly orphan: boolean
  /** The parent chain leads back to this span; it was cut here. */
  readonly cycle: boolean
}

export function buildTrace(traceId: string, spans: readonly Span[], droppedSpans = 0): Trace {
  const sorted = [...spans].sort(byStart)
  let startMs = Number.POSITIVE_INFINITY
  let endMs = 0
  let errors = 0
  for (const span of sorted) {
    if (span.startMs < startMs) startMs = span.startMs
    if (span.startMs + span.durationMs > endMs) endMs = span.startMs + span.durationMs
    if (span.status.code === 'error') errors++
  }
  return {
    traceId,
    spans: sorted,
    root: sorted.find(span => span.parentSpanId === undefined),
    services: [...new Set(sorted.map(span => span.service))],
    startMs: sorted.length === 0 ? 0 : startMs,
    durationMs: sorted.length === 0 ? 0 : Math.round((endMs - startMs) * 1e6) / 1e6,
    errors,
    droppedSpans,
  }
}

/** The spans of a trace as trees: roots first, children by start time. Iterative, so depth is no danger. */
export function buildTree(trace: Trace): TraceNode[] {
  type Draft = { -readonly [K in keyof TraceNode]: K extends 'children' ? Draft[] : TraceNode[K] }
  const drafts = new Map<string, Draft>()
  const all: Draft[] = trace.spans.map(span => ({
    span,
    depth: 0,
    children: [],
    orphan: false,
    cycle: false,
  }))
  // When an id arrives twice (a resent batch), children hang under the first.
  for (const draft of all) if (!drafts.has(draft.span.spanId)) drafts.set(draft.span.spanId, draft)
  const roots: Draft[] = []
  for (const draft of all) {
    const parentId = draft.span.parentSpanId
    const parent = parentId === undefined ? undefined : drafts.get(parentId)
    if (parent === undefined) {
      draft.orphan = parentId !== undefined
      roots.push(draft)
    } else parent.children.push(draft)
  }
  const seen = new Set<Draft>()
  const visit = (start: Draft) => {
    const stack = [start]
    while (stack.length > 0) {
      const draft = stack.pop()!
      if (seen.has(draft)) continue
      seen.add(draft)
      for (const child of draft.children) {
        child.depth = draft.depth + 1
        stack.push(child)
      }
    }
  }
  roots.forEach(visit)
  // What no root reaches is a cycle: cut it at its earliest span.
  for (const draft of all) {
    if (seen.has(draft)) continue
    draft.cycle = true
    const parent = drafts.get(draft.span.parentSpanId!)!
    parent.children.splice(parent.children.indexOf(draft), 1)
    roots.push(draft)
    visit(draft)
  }
  return roots
}

/** Depth-first, in the order they are drawn. */
export function* walk(roots: readonly TraceNode[]): Generator<TraceNode> {
  const stack = [...roots].reverse()
  while (stack.length > 0) {
    const node = stack.pop()!
    yield node
    for (let i = node.children.length - 1; i >= 0; i--) stack.push(node.children[i]!)
  }
}

function byStart(a: Span, b: Span): number {
  return a.startNano < b.startNano ? -1 : a.startNano > b.startNano ? 1 : 0
}
