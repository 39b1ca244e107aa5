// Runs a program of the busy-pool table under the real preload, sends it all requests of each way at once, and says what
// does not lie in the trace of its own request.
import http from 'node:http'
import { join } from 'node:path'
import { runApp } from '@org/otel-devtools/testing'
import { type Row, requests, type Way } from './row.ts'

type App = Awaited<ReturnType<typeof runApp>>
type Span = ReturnType<App['receiver']['store']['spans']>[number]

export interface Found {
  /** Way -> what is wrong, in words. */
  readonly problems: ReadonlyMap<string, readonly string[]>
  /** What is wrong and belongs to no way. */
  readonly outside: readonly string[]
  /** Headers and marks and operation spans that were looked at. */
  readonly looked: number
}

const apps = join(__dirname, '../../apps/busy-pool')

/** Longer than any of them takes on a machine that does other things too. */
const answerMs = 20_000

const tagOf = (way: number, n: number) => `busy_${way}_${n}_`
const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0')
const traceIdOf = (way: number, n: number) => `b05b${hex(way + 1, 4)}${hex(n + 1, 24)}`
const entryIdOf = (n: number) => hex(n + 1, 16)

function traceIdOfTag(tag: string): string | undefined {
  const found = /busy_(\d+)_(\d+)_/.exec(tag)
  return found === null ? undefined : traceIdOf(Number(found[1]), Number(found[2]))
}

function ask(port: number, path: string, headers: http.OutgoingHttpHeaders = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get({ port, host: '127.0.0.1', path, agent: false, headers }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', chunk => (text += chunk))
      response.on('end', () => (response.statusCode === 200 ? resolve(text) : reject(new Error(text))))
    })
    request.on('error', reject)
    request.setTimeout(answerMs, () => request.destroy(new Error(`no answer after ${answerMs} ms`)))
  })
}

/** Every tag in the name and the attributes. */
function tagsOf(span: Span): string[] {
  const text = JSON.stringify([span.name, span.attributes], (_, value) =>
    typeof value === 'bigint' ? String(value) : value,
  )
  return [...new Set(text.match(/busy_\d+_\d+_/g))]
}

const say = (span: Span) => `${span.kind} "${span.name}"`

function summary(what: string, wrong: readonly string[]): string[] {
  return wrong.length === 0 ? [] : [`${wrong.length} ${what}: ${wrong.slice(0, 3).join('; ')}`]
}

export async function keepBusy(row: Row, node: string, env: Record<string, string> = {}): Promise<Found> {
  const app = await runApp(join(apps, row.program), { node, env: { ...row.env, ...env }, timeoutMs: 60_000 })
  try {
    const failed = new Map<string, string[]>()
    const names = Object.keys(row.ways)
    for (const [way, name] of names.entries()) {
      const answers = await Promise.allSettled(
        Array.from({ length: requests }, (_, n) =>
          ask(app.port, `/${encodeURIComponent(name)}/${tagOf(way, n)}`, {
            traceparent: `00-${traceIdOf(way, n)}-${entryIdOf(n)}-01`,
          }),
        ),
      )
      const reasons = answers.flatMap(one => (one.status === 'rejected' ? [String(one.reason)] : []))
      failed.set(name, summary('requests failed', reasons))
    }
    const wire: [string, string | null][] = JSON.parse(await ask(app.port, '/wire'))
    await ask(app.port, '/close')
    const code = await Promise.race([
      app.exited.then(exit => exit.code),
      new Promise<string>(resolve => setTimeout(resolve, answerMs, 'nothing: it is still running').unref()),
    ])
    const outside = code === 0 ? [] : [`the program ended with ${code}: ${app.stderr.slice(-2000)}`]
    if (app.stderr.includes('ORG_OTEL_INTERNAL')) outside.push(app.stderr)
    const spans = app.receiver.store.spans()
    const problems = new Map(
      names.map((name, way) => [
        name,
        [...failed.get(name)!, ...checkWay(row, row.ways[name]!, way, spans, wire)],
      ]),
    )
    outside.push(...checkOutside(row, spans))
    return { problems, outside, looked: spans.length + wire.length }
  } finally {
    await app.dispose()
  }
}

function checkWay(
  row: Row,
  way: Way,
  index: number,
  spans: readonly Span[],
  wire: readonly [string, string | null][],
): string[] {
  const astray: string[] = []
  const parentless: string[] = []
  const marksAstray: string[] = []
  const headersAstray: string[] = []
  const counts: string[] = []
  const ofWay = spans.filter(span => tagsOf(span).some(tag => tag.startsWith(`busy_${index}_`)))
  for (const span of ofWay) {
    if (span.name === 'mark') continue
    for (const tag of tagsOf(span))
      if (traceIdOfTag(tag) !== span.traceId)
        astray.push(`${say(span)} of ${tag} is in the trace ${span.traceId}`)
  }
  for (let n = 0; n < requests; n++) {
    const tag = tagOf(index, n)
    const traceId = traceIdOf(index, n)
    const inTrace = spans.filter(span => span.traceId === traceId)
    const byId = new Map(inTrace.map(span => [span.spanId, span]))
    const entry = inTrace.find(span => span.parentSpanId === entryIdOf(n))
    if (entry === undefined) {
      counts.push(`${tag} has no entry span`)
      continue
    }
    for (const span of inTrace)
      if (span !== entry && !byId.has(span.parentSpanId ?? ''))
        parentless.push(`${say(span)} of ${tag} has a parent outside of its request`)

    const operations = inTrace.filter(
      span =>
        span.kind !== 'server' &&
        span.name !== 'mark' &&
        (way.named ? way.named.test(span.name) : tagsOf(span).includes(tag)),
    )
    if (operations.length !== way.spans)
      counts.push(`${tag} has ${operations.length} operation spans, not ${way.spans}`)
    const others = inTrace.filter(
      span =>
        span !== entry &&
        span.kind !== 'server' &&
        span.name !== 'mark' &&
        !operations.includes(span) &&
        !row.setup?.test(span.name),
    )
    for (const span of others) astray.push(`${say(span)} is in the trace of ${tag} and not part of it`)

    const marks = spans.filter(
      span => span.name === 'mark' && span.attributes.tag === tag && span.attributes.where === 'request',
    )
    if (marks.length !== (way.marks ?? 1)) counts.push(`${tag} has ${marks.length} marks`)
    for (const span of marks) {
      const parent = byId.get(span.parentSpanId ?? '')
      const isPlaced = parent === entry || (parent !== undefined && way.markIn?.test(parent.name))
      if (span.traceId !== traceId) marksAstray.push(`code of ${tag} runs in the trace ${span.traceId}`)
      else if (!isPlaced) marksAstray.push(`code of ${tag} runs in ${parent ? say(parent) : 'no span of it'}`)
    }

    const headers = wire.filter(([of]) => of === tag)
    if (headers.length !== (way.headers ?? 0)) counts.push(`${tag} has ${headers.length} headers on the wire`)
    for (const [, traceparent] of headers) {
      const [, id, parentId] = (traceparent ?? '').split('-')
      if (id !== traceId) headersAstray.push(`that of ${tag} is ${traceparent}`)
      else if (!operations.some(span => span.spanId === parentId))
        headersAstray.push(`that of ${tag} names no operation span of its request`)
    }
  }
  return [
    ...summary('spans in the trace of another request', astray),
    ...summary('headers of another request', headersAstray),
    ...summary('places where code continues in another context', marksAstray),
    ...summary('spans without their parent', parentless),
    ...summary('wrong counts', counts),
  ]
}

/** Spans in no request's trace, and code that belongs to nobody and has somebody's context. */
function checkOutside(row: Row, spans: readonly Span[]): string[] {
  const lost: string[] = []
  const claimed: string[] = []
  for (const span of spans) {
    if (span.name === 'mark' && span.attributes.where === 'nobody') {
      if (span.parentSpanId !== undefined) claimed.push(`${span.attributes.tag} in ${span.traceId}`)
      continue
    }
    if (span.traceId.startsWith('b05b')) continue
    // The two requests that end the test.
    if (span.kind === 'server' && /^\/(?:wire|close)$/.test(String(span.attributes['url.path']))) continue
    if (row.setup?.test(span.name)) continue
    lost.push(`${say(span)} ${tagsOf(span)}`)
  }
  return [
    ...summary('spans in no request', lost),
    ...summary('places where code of nobody runs in somebody’s context', claimed),
  ]
}
