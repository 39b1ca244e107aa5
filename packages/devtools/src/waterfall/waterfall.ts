// A whole trace in a terminal: the tree on the left, time on the right, what is wrong below.
import type { LogRecord, Span } from '../store/record.ts'
import { bodyText, type Store } from '../store/store.ts'
import { buildTree, type Trace, type TraceNode } from '../store/trace.ts'
import { fingerprint } from './fingerprint.ts'
import { findInsights } from './insights.ts'
import { renderLogs } from './logs.ts'
import { clean, columns, cut, duration, fit, type Paint, painter, paletteColor } from './text.ts'
import { titleOf } from './title.ts'

export interface RenderOptions {
  /** Columns. Default 100, at least 60. */
  readonly width?: number
  readonly color?: boolean
  /** The log records of this trace, shown below it. */
  readonly logs?: readonly LogRecord[]
  /** Traces connected by links (see `findLinked`): named at the link and drawn below. */
  readonly linked?: readonly Trace[]
  /** False: linked traces give their names only. Default true. */
  readonly drawLinked?: boolean
  /** What is wrong, below the tree. Default true. */
  readonly insights?: boolean
  /** Draw repeated calls as one line `12 x …`. Default true. */
  readonly fold?: boolean
  /** Rows before the rest is only counted. Default 200. */
  readonly maxRows?: number
}

interface Row {
  readonly prefix: string
  readonly label: string
  readonly spans: readonly Span[]
  readonly notes: readonly string[]
  /** The tree's lines beside the notes. */
  readonly notePrefix: string
}

const deepest = 40
const foldedFrom = 4

/** Draws the trace. The result has no control characters other than line breaks and, with `color`, SGR colours. */
export function renderTrace(trace: Trace, options: RenderOptions = {}): string {
  const { width: wanted = 100, color = false, logs = [], linked = [], fold = true, maxRows = 200 } = options
  const width = Math.max(60, wanted)
  const paint = painter(color)
  const insights = options.insights === false ? [] : findInsights(trace)
  const rows = layOut(trace, linked, fold)
  const lines = [headline(trace, paint)]
  const barWidth = Math.max(14, Math.floor(width * 0.3))
  const timeWidth = 9
  const leftWidth = width - barWidth - timeWidth - 3
  const colors = new Map(trace.services.map((service, i) => [service, paletteColor(i)]))
  for (const row of rows.slice(0, maxRows)) {
    const first = row.spans[0]!
    const failed = row.spans.some(span => span.status.code === 'error')
    const tint = colors.get(first.service)!
    const service = clean(first.service)
    const nameWidth = Math.max(10, leftWidth - columns(service) - 2)
    const name = cut(row.prefix + row.label, nameWidth)
    const gap = ' '.repeat(Math.max(1, leftWidth - columns(name) - columns(service)))
    const total = row.spans.reduce((ms, span) => ms + span.durationMs, 0)
    const bar = drawBar(row.spans, trace, barWidth)
    lines.push(
      `${failed ? paint('red', name) : name}${gap}${paint(tint, service)} ` +
        `${paint(failed ? 'red' : tint, bar)} ${duration(total).padStart(timeWidth)}`.trimEnd(),
    )
    for (const note of row.notes) lines.push(paint('dim', cut(`${row.notePrefix}${note}`, width)))
  }
  if (rows.length > maxRows) lines.push(paint('dim', `… ${rows.length - maxRows} more rows`))
  for (const insight of insights) {
    const mark = insight.kind === 'n+1' ? 'N+1' : insight.kind
    lines.push(`${paint('yellow', `! ${mark}:`)} ${insight.message}`)
  }
  if (trace.droppedSpans > 0) lines.push(`! ${trace.droppedSpans} more spans arrived and were not kept`)
  if (logs.length > 0) {
    lines.push(
      paint('bold', `logs (${logs.length})`),
      renderLogs(logs, { color, width, sinceMs: trace.startMs }),
    )
  }
  for (const other of options.drawLinked === false ? [] : linked) {
    if (other.traceId === trace.traceId) continue
    lines.push('', paint('bold', 'linked'), renderTrace(other, { width, color, fold, maxRows }))
  }
  return lines.join('\n')
}

/** The traces that this one links to and the traces that link to it, one hop. */
export function findLinked(store: Store, trace: Trace): Trace[] {
  const ids = new Set<string>()
  for (const span of trace.spans) for (const link of span.links) ids.add(link.traceId)
  for (const span of store.spans()) {
    if (span.links.some(link => link.traceId === trace.traceId)) ids.add(span.traceId)
  }
  ids.delete(trace.traceId)
  return [...ids].map(id => store.trace(id)).filter(found => found !== undefined)
}

/** One line per trace: time, duration, spans, services, root. */
export function renderTraceList(traces: readonly Trace[], options: RenderOptions = {}): string {
  const { width = 100, color = false } = options
  const paint = painter(color)
  return traces
    .map(trace => {
      const clock = new Date(trace.startMs).toISOString().slice(11, 23)
      const name = clean(trace.root?.name ?? trace.spans[0]?.name ?? '(no spans)')
      const service = clean(trace.root?.service ?? trace.spans[0]?.service ?? '')
      const errors = trace.errors === 0 ? '' : ` ${trace.errors} err`
      const repeated = findInsights(trace).some(insight => insight.kind === 'n+1') ? ' N+1' : ''
      const counts = `${String(trace.spans.length).padStart(4)} spans ${String(trace.services.length).padStart(2)} svc`
      const head = `${trace.traceId} ${clock} ${duration(trace.durationMs).padStart(8)} ${counts}`
      const text = cut(`${head}  ${service} ${name}${errors}${repeated}`, width)
      return trace.errors > 0 ? paint('red', text) : text
    })
    .join('\n')
}

function headline(trace: Trace, paint: Paint): string {
  const parts = [
    duration(trace.durationMs),
    `${trace.spans.length} span${trace.spans.length === 1 ? '' : 's'}`,
    `${trace.services.length} service${trace.services.length === 1 ? '' : 's'}`,
  ]
  const errors =
    trace.errors === 0 ? '' : paint('red', `, ${trace.errors} error${trace.errors === 1 ? '' : 's'}`)
  return `${paint('bold', `trace ${trace.traceId}`)}  ${parts.join(', ')}${errors}`
}

function layOut(trace: Trace, linked: readonly Trace[], fold: boolean): Row[] {
  const rows: Row[] = []
  // Prefixes are built on the way down; the stack keeps depth from mattering.
  const stack: { group: Group; lead: string; last: boolean; top: boolean }[] = []
  const push = (nodes: readonly TraceNode[], lead: string, top: boolean) => {
    const groups = fold && !top ? foldRepeated(nodes) : nodes.map(node => ({ node, spans: [node.span] }))
    for (let i = groups.length - 1; i >= 0; i--) {
      stack.push({ group: groups[i]!, lead, last: i === groups.length - 1, top })
    }
  }
  push(buildTree(trace), '', true)
  while (stack.length > 0) {
    const { group, lead, last, top } = stack.pop()!
    const { node, spans } = group
    const branch = top ? '' : last ? '└ ' : '├ '
    const below = top ? '' : last ? '  ' : '│ '
    const deep = node.depth > deepest ? `[${node.depth}] ` : ''
    const children = spans.length > 1 ? [] : node.children
    rows.push({
      prefix: `${node.depth > deepest ? '' : lead}${branch}${deep}`,
      label: label(node, spans.length),
      spans,
      notes: notes(node.span, trace, linked),
      notePrefix: `${node.depth >= deepest ? '' : lead + below}${children.length > 0 ? '│ ' : '  '}`,
    })
    push(children, node.depth >= deepest ? '' : lead + below, false)
  }
  return rows
}

interface Group {
  readonly node: TraceNode
  readonly spans: readonly Span[]
}

/** Siblings that do the same and have nothing below them become one row, where the first of them is. */
function foldRepeated(nodes: readonly TraceNode[]): Group[] {
  const alike = new Map<string, TraceNode[]>()
  const keyOf = (node: TraceNode) =>
    node.children.length > 0 || node.span.links.length > 0 || node.orphan || node.cycle
      ? undefined
      : `${node.span.service}\0${node.span.name}\0${fingerprint(node.span)?.key}`
  for (const node of nodes) {
    const key = keyOf(node)
    if (key === undefined) continue
    const group = alike.get(key)
    if (group === undefined) alike.set(key, [node])
    else group.push(node)
  }
  const groups: Group[] = []
  for (const node of nodes) {
    const key = keyOf(node)
    const group = key === undefined ? [node] : alike.get(key)!
    if (group.length < foldedFrom) groups.push({ node, spans: [node.span] })
    else if (group[0] === node) groups.push({ node, spans: group.map(each => each.span) })
  }
  return groups
}

const kindMarks: Record<Span['kind'], string> = {
  unspecified: '',
  internal: '',
  server: '',
  client: '→ ',
  producer: '⇒ ',
  consumer: '⇐ ',
}

function label(node: TraceNode, count: number): string {
  const { span } = node
  const times = count > 1 ? `${count} x ` : ''
  const state = node.cycle ? ' (parent chain is a circle)' : node.orphan ? ' (parent missing)' : ''
  return `${kindMarks[span.kind]}${times}${titleOf(span)}${state}`
}

function notes(span: Span, trace: Trace, linked: readonly Trace[]): string[] {
  const lines: string[] = []
  if (span.status.code === 'error') {
    const exception = span.events.find(event => event.name === 'exception')?.attributes
    const what = exception?.['exception.message'] ?? span.attributes['error.type'] ?? ''
    lines.push(`✗ ${clean(span.status.message || bodyText(what) || 'error')}`)
  }
  for (const link of span.links) {
    // A consumer often links to the very span that is its parent: the tree says it already.
    if (link.traceId === span.traceId && link.spanId === span.parentSpanId) continue
    const other = [trace, ...linked]
      .find(candidate => candidate.traceId === link.traceId)
      ?.spans.find(candidate => candidate.spanId === link.spanId)
    const name =
      other === undefined ? `span ${link.spanId}` : `${clean(other.name)} (${clean(other.service)})`
    const where = link.traceId === span.traceId ? 'in this trace' : `in trace ${link.traceId}`
    lines.push(`↔ linked to ${name} ${where}`)
  }
  for (const other of linked) {
    for (const from of other.spans) {
      const points = from.links.some(link => link.traceId === span.traceId && link.spanId === span.spanId)
      if (points)
        lines.push(`↔ linked from ${clean(from.name)} (${clean(from.service)}) in trace ${other.traceId}`)
    }
  }
  return lines.slice(0, 6)
}

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

function drawBar(spans: readonly Span[], trace: Trace, width: number): string {
  const scale = trace.durationMs > 0 ? width / trace.durationMs : 0
  if (spans.length === 1) {
    const span = spans[0]!
    const from = Math.min(width - 1, Math.max(0, (span.startMs - trace.startMs) * scale))
    const length = Math.min(width - from, span.durationMs * scale)
    const whole = Math.floor(length)
    const part = eighths[Math.floor((length - whole) * 8)]!
    return fit(' '.repeat(Math.floor(from)) + ('█'.repeat(whole) + part || '▏'), width)
  }
  // Several spans on one line: a mark where one begins, so that their number stays visible.
  const cells = new Array<string>(width).fill(' ')
  for (const span of spans) {
    const from = Math.min(width - 1, Math.floor((span.startMs - trace.startMs) * scale))
    const to = Math.min(width - 1, Math.floor((span.startMs + span.durationMs - trace.startMs) * scale))
    for (let i = from; i <= to; i++) if (cells[i] === ' ') cells[i] = '▆'
    cells[from] = '▐'
  }
  return cells.join('')
}
