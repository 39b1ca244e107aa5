// What a careful reader would notice in a trace, found by rule.
import type { Span } from '../store/record.ts'
import { buildTree, type Trace, type TraceNode, walk } from '../store/trace.ts'
import { fingerprint } from './fingerprint.ts'
import { clean, duration } from './text.ts'
import { titleOf } from './title.ts'

export interface Insight {
  readonly kind: 'n+1' | 'serial-awaits' | 'orphan' | 'swallowed-error' | 'missing-root'
  /** One sentence with numbers and what to do. */
  readonly message: string
  /** The spans it is about, by start time. */
  readonly spans: readonly Span[]
  /** The span under which it happens. */
  readonly parent: Span | undefined
}

/** The thresholds of every rule, in one place. */
const rules = {
  repeats: 5,
  serialShare: 0.7,
  shareOfParent: 0.2,
  totalMs: 50,
  serialSiblings: 3,
  serialGapMs: 2,
  serialTotalMs: 20,
}

/** All findings of one trace, in the order of the waterfall. */
export function findInsights(trace: Trace): Insight[] {
  const roots = buildTree(trace)
  const insights: Insight[] = []
  for (const node of walk(roots)) {
    const repeated = findRepeated(node)
    insights.push(...repeated)
    const taken = new Set(repeated.flatMap(insight => insight.spans))
    insights.push(...findSerial(node, taken), ...findSwallowed(node))
  }
  insights.push(...findOrphans(trace, roots))
  return insights
}

/** N+1: the same call, many times, one after the other, for a good part of the parent. */
function findRepeated(node: TraceNode): Insight[] {
  const groups = new Map<string, { label: string; system: string; spans: Span[] }>()
  for (const { span } of node.children) {
    const print = fingerprint(span)
    if (print === undefined) continue
    const group = groups.get(print.key)
    if (group === undefined)
      groups.set(print.key, { label: print.label, system: print.system, spans: [span] })
    else group.spans.push(span)
  }
  const insights: Insight[] = []
  for (const { label, system, spans } of groups.values()) {
    if (spans.length < rules.repeats || serialShare(spans) < rules.serialShare) continue
    const total = sum(spans)
    const parentMs = node.span.durationMs
    if (total < rules.shareOfParent * parentMs && total < rules.totalMs) continue
    const advice = system === 'http' ? 'send them together or ask for a list' : 'batch or join'
    insights.push({
      kind: 'n+1',
      message: `${spans.length} x ${clean(label)} (${clean(system)}): ${duration(total)} of ${duration(parentMs)}, sequential: ${advice}`,
      spans,
      parent: node.span,
    })
  }
  return insights
}

/** Different calls that wait for each other although nothing shows that they must. */
function findSerial(node: TraceNode, taken: ReadonlySet<Span>): Insight[] {
  const calls = node.children
    .map(child => child.span)
    .filter(span => span.kind === 'client' && !taken.has(span) && fingerprint(span) !== undefined)
  const insights: Insight[] = []
  let run: Span[] = []
  const close = () => {
    const distinct = new Set(run.map(span => fingerprint(span)!.key)).size
    const total = sum(run)
    if (run.length >= rules.serialSiblings && distinct === run.length && total >= rules.serialTotalMs) {
      const longest = Math.max(...run.map(span => span.durationMs))
      insights.push({
        kind: 'serial-awaits',
        message: `${run.length} calls one after the other (${duration(total)}): if they are independent, run them together (about ${duration(longest)})`,
        spans: run,
        parent: node.span,
      })
    }
    run = []
  }
  for (const span of calls) {
    const previous = run.at(-1)
    if (previous !== undefined) {
      const gap = span.startMs - (previous.startMs + previous.durationMs)
      if (gap < 0 || gap > rules.serialGapMs) close()
    }
    run.push(span)
  }
  close()
  return insights
}

/** A failure below that the span above does not show. */
function findSwallowed(node: TraceNode): Insight[] {
  if (node.span.status.code === 'error') return []
  // A consumer fails later and elsewhere: its producer cannot know.
  const failed = node.children
    .map(child => child.span)
    .filter(span => span.status.code === 'error' && span.kind !== 'consumer')
  if (failed.length === 0) return []
  const named = (span: Span) => `${titleOf(span)} (${clean(span.service)})`
  const names = [...new Set(failed.map(named))].slice(0, 3).join(', ')
  return [
    {
      kind: 'swallowed-error',
      message: `${names} failed, but ${named(node.span)} above it reports no error: handled or lost?`,
      spans: failed,
      parent: node.span,
    },
  ]
}

function findOrphans(trace: Trace, roots: readonly TraceNode[]): Insight[] {
  const orphans = roots.filter(node => node.orphan).map(node => node.span)
  if (orphans.length === 0) return []
  const services = [...new Set(orphans.map(span => clean(span.service)))].join(', ')
  const ids = new Set(orphans.map(span => span.parentSpanId))
  return [
    {
      kind: trace.root === undefined ? 'missing-root' : 'orphan',
      message: `${orphans.length} ${orphans.length === 1 ? 'span names a parent' : 'spans name parents'} that did not arrive (${services}; ${ids.size} missing): still on its way, not sampled, or sent elsewhere`,
      spans: orphans,
      parent: undefined,
    },
  ]
}

/** Share of neighbours (by start) that do not overlap. */
function serialShare(spans: readonly Span[]): number {
  const sorted = [...spans].sort((a, b) => a.startMs - b.startMs)
  let serial = 0
  for (let i = 1; i < sorted.length; i++) {
    const before = sorted[i - 1]!
    // Half a millisecond: clocks are read before and after the call, not at the same instant.
    if (sorted[i]!.startMs >= before.startMs + before.durationMs - 0.5) serial++
  }
  return spans.length < 2 ? 0 : serial / (spans.length - 1)
}

function sum(spans: readonly Span[]): number {
  return spans.reduce((total, span) => total + span.durationMs, 0)
}
