// Two runs of the same programs, span by span: ids become a tree, ports and stacks become words, the rest must be equal.

export interface RunSpan {
  name: string
  kind: number
  traceId: string
  spanId: string
  parentSpanId?: string
  attributes: Record<string, unknown>
  status: { code: number; message?: string }
  events: { name: string; attributes?: Record<string, unknown> }[]
  scope: string
}

export interface RunMetric {
  name: string
  unit: string
  description: string
  scope: string
  points: {
    attributes: Record<string, unknown>
    count: number
    boundaries: number[]
    exemplars?: unknown[]
  }[]
}

export interface Run {
  results: Record<string, { result: unknown; spans: RunSpan[]; neverEnded: number }>
  metrics: RunMetric[]
  swallowed: number
}

/** One thing that is not the same: `GET /q?x (server)`, `attributes.url.query`, upstream's value and ours. */
export interface Difference {
  program: string
  span: string
  field: string
  upstream: unknown
  ours: unknown
}

const kinds = ['internal', 'server', 'client', 'producer', 'consumer']

export function compareRuns(upstream: Run, ours: Run): Difference[] {
  const out: Difference[] = []
  for (const [program, { spans }] of Object.entries(ours.results)) {
    const reference = label(upstream.results[program]?.spans ?? [])
    const actual = label(spans)
    for (const key of new Set([...reference.keys(), ...actual.keys()])) {
      const u = reference.get(key)
      const o = actual.get(key)
      if (u === undefined || o === undefined) {
        out.push({ program, span: key, field: 'span', upstream: u && flat(u), ours: o && flat(o) })
        continue
      }
      const a = flat(u)
      const b = flat(o)
      for (const field of new Set([...Object.keys(a), ...Object.keys(b)]))
        if (JSON.stringify(a[field]) !== JSON.stringify(b[field]))
          out.push({ program, span: key, field, upstream: a[field], ours: b[field] })
    }
  }
  return out
}

/** Paths are unique in a program, so a path, a kind and a count of repetitions name a span. */
function label(spans: RunSpan[]): Map<string, RunSpan & { parent: string }> {
  const names = new Map<string, string>()
  const taken = new Map<string, number>()
  for (const span of spans) {
    const base = `${pathOf(span)} (${kinds[span.kind]})`
    const count = (taken.get(base) ?? 0) + 1
    taken.set(base, count)
    names.set(span.spanId, count === 1 ? base : `${base} #${count}`)
  }
  const out = new Map<string, RunSpan & { parent: string }>()
  for (const span of spans) {
    const parent =
      span.parentSpanId === undefined
        ? 'none'
        : (names.get(span.parentSpanId) ?? `remote ${span.parentSpanId}`)
    out.set(names.get(span.spanId) as string, { ...span, parent })
  }
  return out
}

function pathOf(span: RunSpan): string {
  const path = span.attributes['url.path']
  if (typeof path === 'string') return tidyPath(path)
  const url = span.attributes['url.full']
  if (typeof url !== 'string') return span.name
  const start = url.indexOf('/', url.indexOf('://') + 3)
  if (start === -1) return url.replace(/.*:\d+/, '')
  const path2 = url.slice(start).split('?')[0] as string
  return path2
}

// What upstream's URL parser makes of odd targets; ours are as sent.
const tidyPath = (path: string): string => (path === '/*' ? '*' : path)

function flat(span: RunSpan & { parent: string }): Record<string, unknown> {
  const out: Record<string, unknown> = {
    name: span.name,
    scope: span.scope,
    parent: span.parent,
    status: span.status,
    events: span.events.map(({ name, attributes }) => ({ name, ...normaliseAll(attributes ?? {}) })),
  }
  for (const [key, value] of Object.entries(normaliseAll(span.attributes))) out[key] = value
  out.status = { code: span.status.code, ...(span.status.message && { message: tidy(span.status.message) }) }
  return out
}

function normaliseAll(attributes: Record<string, unknown>): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(attributes)) {
    // An attribute without a value is not sent.
    if (value === undefined) continue
    if (key === 'exception.stacktrace')
      out[key] = String(value)
        .split('\n')[0]
        ?.replace(/\d{4,}/g, 'PORT')
    else if (typeof value === 'number' && value > 1023 && key.endsWith('.port')) out[key] = 'PORT'
    else out[key] = tidy(value)
  }
  return out
}

function tidy(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/:\d{4,5}\b/g, ':PORT')
  return value
}

/** Series by scope, metric and attributes, with their counts. */
export function tabulate(
  metrics: RunMetric[],
  rewrite: (scope: string, attributes: Record<string, unknown>) => Record<string, unknown> = (_scope, all) =>
    all,
): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const metric of metrics) {
    out[`${metric.scope} ${metric.name}`] = [metric.unit, metric.description, metric.points[0]?.boundaries]
    for (const point of metric.points) {
      const attributes = Object.entries(rewrite(metric.scope, normaliseAll(point.attributes))).sort(
        ([a], [b]) => (a < b ? -1 : 1),
      )
      const key = `${metric.scope} ${metric.name} ${JSON.stringify(attributes)}`
      out[key] = ((out[key] as number | undefined) ?? 0) + point.count
    }
  }
  return out
}
