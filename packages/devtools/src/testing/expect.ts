// Assertions on telemetry that is still on its way: each waits for the condition and fails with what did arrive.
// Only AssertionError is thrown, so they work in any test runner.
import { AssertionError } from 'node:assert'
import type { Receiver } from '../receive/receiver.ts'
import type { AttributeValue, LogRecord, Span } from '../store/record.ts'
import { bodyText, type FoundExemplar, type Store } from '../store/store.ts'
import type { Trace } from '../store/trace.ts'
import { renderLogs } from '../waterfall/logs.ts'
import { renderTrace } from '../waterfall/waterfall.ts'
import { describe, fitsValue, matchTrace, type SpanMatcher, show, type ValueMatcher } from './matcher.ts'

/** A receiver, its store, or anything that has one (an `App`). */
export type Source = Receiver | Store | { readonly receiver: Receiver }

export interface ExpectOptions {
  /** How long to wait for the telemetry. Default 10 s. */
  readonly timeoutMs?: number
}

export interface MatchedTrace extends Trace {
  /** The span that fitted the outermost matcher. */
  readonly match: Span
}

export interface LogMatcher {
  /** The body as text. */
  readonly body?: string | RegExp
  readonly severity?: string | RegExp
  readonly service?: string | RegExp
  readonly traceId?: string
  readonly spanId?: string
  readonly attributes?: { readonly [key: string]: ValueMatcher | undefined }
}

const shownTraces = 4

/**
 * Waits for a trace that contains the given tree of spans.
 * Throws `AssertionError` with the closest trace and the first differences.
 *
 *     await expectTrace(receiver, {
 *       name: 'POST /payments', kind: 'server', service: 'api-gateway',
 *       children: [{ kind: 'client', attributes: { 'http.response.status_code': 200 } }],
 *     })
 */
export async function expectTrace(
  source: Source,
  matcher: SpanMatcher,
  options: ExpectOptions = {},
): Promise<MatchedTrace> {
  const store = storeOf(source)
  const find = (): MatchedTrace | undefined => {
    for (const trace of store.traces()) {
      const { span } = matchTrace(trace, matcher)
      if (span !== undefined) return { ...trace, match: span }
    }
    return undefined
  }
  return wait(store, find, options, expectTrace, () => explainTraces(store, matcher))
}

/**
 * Asserts that no received trace contains the given tree. Absence has no moment of its own, so give `after`:
 * a trace that is known to come later; it is waited for first.
 */
export async function expectNoTrace(
  source: Source,
  matcher: SpanMatcher,
  options: ExpectOptions & { readonly after?: SpanMatcher } = {},
): Promise<void> {
  const store = storeOf(source)
  if (options.after !== undefined) await expectTrace(source, options.after, options)
  for (const trace of store.traces()) {
    if (matchTrace(trace, matcher).span === undefined) continue
    throw failure(`expected no ${describe(matcher)}, but it arrived:\n${render(trace)}`, expectNoTrace)
  }
}

/** Waits for a log record that fits. */
export async function expectLog(
  source: Source,
  matcher: LogMatcher,
  options: ExpectOptions = {},
): Promise<LogRecord> {
  const store = storeOf(source)
  const { attributes, ...filter } = matcher
  const find = () =>
    store
      .logs(filter)
      .find(log =>
        Object.entries(attributes ?? {}).every(([key, wanted]) => fitsValue(log.attributes[key], wanted)),
      )
  return wait(store, find, options, expectLog, () => {
    const logs = store.logs()
    const shown = renderLogs(logs.slice(-20), { color: false })
    return `no log record fits ${showAll(matcher)}; received ${logs.length}:\n${shown}`
  })
}

/** Waits for an exemplar of `metric`; with `trace: true` also for the trace it leads to. */
export async function expectExemplar(
  source: Source,
  matcher: {
    readonly metric: string | RegExp
    readonly traceId?: string
    readonly service?: string
    readonly trace?: boolean
  },
  options: ExpectOptions = {},
): Promise<FoundExemplar & { readonly trace: Trace | undefined }> {
  const store = storeOf(source)
  const find = () => {
    for (const exemplar of store.exemplars(matcher.metric)) {
      if (matcher.traceId !== undefined && exemplar.traceId !== matcher.traceId) continue
      if (matcher.service !== undefined && exemplar.service !== matcher.service) continue
      const trace = exemplar.traceId === undefined ? undefined : store.trace(exemplar.traceId)
      if (matcher.trace === true && trace === undefined) continue
      return { ...exemplar, trace }
    }
    return undefined
  }
  return wait(store, find, options, expectExemplar, () => {
    const names = [...new Set(store.metrics().map(series => series.name))]
    const with_ = store.exemplars().map(exemplar => `${exemplar.metric} -> ${exemplar.traceId}`)
    return `no exemplar fits ${showAll(matcher)}; metrics: ${names.join(', ') || 'none'}; exemplars: ${with_.join(', ') || 'none'}`
  })
}

/** Waits for a span that fits `from` and has a link to a received span that fits `to`. */
export async function expectLinked(
  source: Source,
  matcher: { readonly from: SpanMatcher; readonly to: SpanMatcher },
  options: ExpectOptions = {},
): Promise<{ readonly from: Span; readonly to: Span }> {
  const store = storeOf(source)
  const find = () => {
    const traces = store.traces()
    for (const trace of traces) {
      for (const from of trace.spans) {
        if (from.links.length === 0 || !fitsAlone(trace, from, matcher.from)) continue
        for (const link of from.links) {
          const target = store.trace(link.traceId)
          const to = target?.spans.find(span => span.spanId === link.spanId)
          if (target !== undefined && to !== undefined && fitsAlone(target, to, matcher.to))
            return { from, to }
        }
      }
    }
    return undefined
  }
  return wait(store, find, options, expectLinked, () => {
    const linked = store.spans().filter(span => span.links.length > 0)
    const list = linked.map(span => `  "${span.name}" -> ${span.links.map(link => link.spanId).join(', ')}`)
    const wanted = `${describe(matcher.from)} linked to ${describe(matcher.to)}`
    return `no ${wanted}; spans with links: ${linked.length}\n${list.join('\n')}\n${renderSome(store)}`
  })
}

function fitsAlone(trace: Trace, span: Span, matcher: SpanMatcher): boolean {
  const { children, descendants, childCount, ...flat } = matcher
  if (children !== undefined || descendants !== undefined || childCount !== undefined) {
    return matchTrace(trace, matcher).span === span
  }
  return matchTrace({ ...trace, spans: [span] }, flat).span !== undefined
}

async function wait<T>(
  store: Store,
  find: () => T | undefined,
  options: ExpectOptions,
  caller: Function,
  explain: () => string,
): Promise<T> {
  const { timeoutMs = 10_000 } = options
  try {
    return await store.waitFor(find, { timeoutMs, describe: () => 'not found' })
  } catch (cause) {
    throw failure(`after ${timeoutMs} ms: ${explain()}`, caller, cause)
  }
}

function explainTraces(store: Store, matcher: SpanMatcher): string {
  const traces = store.traces()
  if (traces.length === 0) return `no trace has ${describe(matcher)}; nothing was received`
  const ranked = traces
    .map(trace => ({ trace, match: matchTrace(trace, matcher) }))
    .sort((a, b) => (b.match.problems ? b.match.score : 0) - (a.match.problems ? a.match.score : 0))
  const closest = ranked[0]!
  const problems = closest.match.problems ?? []
  const others = ranked.slice(1, shownTraces).map(({ trace }) => render(trace))
  return [
    `no trace has ${describe(matcher)}`,
    `closest of ${traces.length} received:`,
    ...problems.slice(0, 12).map(problem => `  ${problem}`),
    render(closest.trace),
    ...others,
  ].join('\n')
}

function renderSome(store: Store): string {
  return store.traces().slice(-shownTraces).map(render).join('\n')
}

function render(trace: Trace): string {
  return renderTrace(trace, { color: false, width: 110 })
}

function showAll(matcher: object): string {
  const parts = Object.entries(matcher).map(([key, value]) => {
    const text =
      value !== null && typeof value === 'object' && !(value instanceof RegExp)
        ? bodyText(value as AttributeValue)
        : show(value)
    return `${key}: ${text}`
  })
  return `{ ${parts.join(', ')} }`
}

function failure(message: string, caller: Function, cause?: unknown): AssertionError {
  const error = new AssertionError({ message, stackStartFn: caller as (...args: unknown[]) => unknown })
  if (cause !== undefined) error.cause = cause
  return error
}

function storeOf(source: Source): Store {
  if ('receiver' in source) return source.receiver.store
  return 'store' in source ? source.store : source
}
