// Trace contexts that messages carry already when they are sent: forwarded headers, or a context of the caller's own.
import {
  type Context,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from '@opentelemetry/api'
import { mentions, Replaced } from './headers.ts'
import { maxLinks } from './links.ts'
import type { OutgoingMessage } from './outgoing.ts'
import { extractAny, validSpanContext } from './propagate.ts'

export interface Existing {
  /** By message index: the context its headers carry. */
  readonly contexts: ReadonlyMap<number, SpanContext>
  /** To each of them, unless it belongs to the trace at work anyway. */
  readonly links: Link[]
  /** Messages whose context is not among the links, because there were too many. */
  readonly unlinked: number
}

/** Undefined when no message brings one, which costs nothing where there are no headers. */
export function readExisting(messages: readonly unknown[], active: Context): Existing | undefined {
  let fields: Replaced | undefined
  let contexts: Map<number, SpanContext> | undefined
  let links: Link[] | undefined
  let seen: Set<string> | undefined
  let unlinked = 0
  for (let i = 0; i < messages.length; i++) {
    const headers = (messages[i] as OutgoingMessage | null | undefined)?.headers
    if (headers === null || headers === undefined) continue
    fields ??= Replaced.of(propagation.fields())
    if (!mentions(headers, fields)) continue
    const found = validSpanContext(extractAny(headers, ROOT_CONTEXT))
    if (!found) continue
    contexts ??= new Map()
    links ??= []
    seen ??= new Set()
    contexts.set(i, found)
    const id = found.traceId + found.spanId
    if (found.traceId === trace.getSpanContext(active)?.traceId) continue
    if (seen.has(id)) continue
    if (links.length >= maxLinks) {
      unlinked++
      continue
    }
    seen.add(id)
    links.push({ context: found })
  }
  return contexts && { contexts, links: links!, unlinked }
}
