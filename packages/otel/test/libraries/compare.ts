// Two runs of the same programs, span by span, as trees. Spans of express are taken out of upstream's tree first: what they
// say of errors moves to the request's span, which is where ours say it.
import type { Run, RunSpan } from '../http/compare.ts'

export interface Difference {
  program: string
  /** `/users/1 > pg.query:SELECT postgres`: names from the root. */
  span: string
  field: string
  upstream: unknown
  ours: unknown
}

const express = '@opentelemetry/instrumentation-express'

export function compareRuns(upstream: Run, ours: Run, { keepExpress = false } = {}): Difference[] {
  const out: Difference[] = []
  for (const [program, { spans }] of Object.entries(ours.results)) {
    const given = upstream.results[program]?.spans ?? []
    const reference = label(keepExpress ? given : withoutExpress(given))
    const actual = label(spans)
    for (const span of new Set([...reference.keys(), ...actual.keys()])) {
      const u = reference.get(span)
      const o = actual.get(span)
      if (u === undefined || o === undefined) {
        out.push({ program, span, field: 'span', upstream: u && flat(u), ours: o && flat(o) })
        continue
      }
      const a = flat(u)
      const b = flat(o)
      for (const field of new Set([...Object.keys(a), ...Object.keys(b)]))
        if (JSON.stringify(a[field]) !== JSON.stringify(b[field]))
          out.push({ program, span, field, upstream: a[field], ours: b[field] })
    }
  }
  return out
}

function withoutExpress(spans: RunSpan[]): RunSpan[] {
  const byId = new Map(spans.map(span => [span.spanId, span]))
  const kept = new Map(
    spans
      .filter(span => span.scope !== express)
      .map(span => [span.spanId, { ...span, events: [...span.events] }]),
  )
  function findKept(id: string | undefined): string | undefined {
    const span = byId.get(id as string)
    return span?.scope === express ? findKept(span.parentSpanId) : id
  }
  for (const span of spans) {
    const parent = findKept(span.parentSpanId)
    const own = kept.get(span.spanId)
    if (own !== undefined) {
      delete own.parentSpanId
      if (parent !== undefined) own.parentSpanId = parent
    } else {
      const events = kept.get(parent as string)?.events
      for (const event of span.events)
        if (!events?.some(other => messageOf(other) === messageOf(event))) events?.push(event)
    }
  }
  return [...kept.values()]
}

const messageOf = (event: RunSpan['events'][number]): unknown => event.attributes?.['exception.message']

/** Spans by their place in the tree; siblings of the same name are counted. */
function label(spans: RunSpan[]): Map<string, RunSpan> {
  const byId = new Map(spans.map(span => [span.spanId, span]))
  const labels = new Map<string, string>()
  const taken = new Map<string, number>()
  function labelOf(span: RunSpan): string {
    const known = labels.get(span.spanId)
    if (known !== undefined) return known
    const parent = byId.get(span.parentSpanId ?? '')
    const method = span.attributes['http.request.method']
    const path =
      span.attributes['url.path'] ?? String(span.attributes['url.full']).replace(/^http:..[^/]*/, '')
    const name = method === undefined ? span.name : `${method} ${path} (${span.kind})`
    const base = parent === undefined ? name : `${labelOf(parent)} > ${name}`
    const count = (taken.get(base) ?? 0) + 1
    taken.set(base, count)
    const own = count === 1 ? base : `${base} #${count}`
    labels.set(span.spanId, own)
    return own
  }
  return new Map(spans.map(span => [labelOf(span), span]))
}

function flat(span: RunSpan): Record<string, unknown> {
  return {
    name: span.name,
    kind: span.kind,
    scope: span.scope,
    hasParent: span.parentSpanId !== undefined,
    ...normalise(span.attributes),
    status: { code: span.status.code, ...(span.status.message && { message: tidy(span.status.message) }) },
    events: span.events.map(({ name, attributes }) => ({ name, ...normalise(attributes ?? {}) })),
  }
}

function normalise(attributes: Record<string, unknown>): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const key of Object.keys(attributes).sort()) {
    const value = attributes[key]
    // An attribute without a value is not sent.
    if (value === undefined) continue
    if (key === 'exception.stacktrace') out[key] = String(value).split('\n')[0]
    else if (typeof value === 'number' && value > 1023 && key.endsWith('.port')) out[key] = 'PORT'
    else out[key] = tidy(value)
  }
  return out
}

function tidy(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/:\d{4,5}\b/g, ':PORT') : value
}

/** Series with their counts or values. */
export function tabulate(metrics: readonly any[]): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const { name, unit, description, scope, isMonotonic, points } of metrics) {
    out[`${scope} ${name}`] = [unit, description, isMonotonic, points[0]?.boundaries]
    for (const point of points) {
      const attributes = JSON.stringify(
        Object.entries(normalise(point.attributes)).map(([k, v]) => [k, tidy(v)]),
      )
      out[`${name} ${attributes}`] = point.count ?? point.value
    }
  }
  return out
}
