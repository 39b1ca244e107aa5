// One request and its answer, in two objects: what its context keeps for as long as anything made in the request lives, and
// what is let go when it ends.
import { inspect } from 'node:util'
import { monotonicMs } from '../clock.ts'
import { LeanContext, SUPPRESSED } from '../context.ts'
import type { SpanOwner } from '../open-spans.ts'
import type { LeanSpan } from '../span.ts'
import { nameOfMethod } from './methods.ts'
import type { Observed } from './observed.ts'

/** Of a request that has not ended. */
export interface LiveRequest {
  readonly method: string
  readonly scheme: string
  readonly version: string
  /** Monotonic; 0 when the span's record has the start. */
  readonly startMs: number
  /** What the request asks for beside its route (`query Books`); empty when unknown, undefined when several. */
  operation: string | undefined
}

/**
 * The context of a request. It is its own `RPCMetadata`: framework instrumentations write `route` here through
 * `getRPCMetadata(context).route = '/users/:id'`. Three objects in one, because a pooled socket may keep it.
 */
export class ServerExchange extends LeanContext implements Observed, SpanOwner {
  declare readonly span: LeanSpan
  route: string | undefined
  /** null once ended. */
  live: LiveRequest | null

  constructor(span: LeanSpan, more: LeanContext['more'], method: string, scheme: string, version: string) {
    super(span, undefined, more)
    ;(this as { rpc: unknown }).rpc = this
    this.route = undefined
    const { record } = span
    if (record !== null) record.provider.open.own(record, this)
    this.live = { method, scheme, version, startMs: record === null ? monotonicMs() : 0, operation: '' }
  }

  /** Route and operation are known long before the end, which is when they go to the span. */
  describeUnfinished(): void {
    const { live, route, span } = this
    if (live === null) return
    if (route !== undefined) {
      span.setAttribute('http.route', route)
      span.updateName(`${nameOfMethod(live.method)} ${route}`)
    }
    if (live.operation) span.updateName(`${span.name} ${live.operation}`)
  }

  get type(): 'http' {
    return 'http'
  }

  get context(): this {
    return this
  }

  /** Written by what finds operations inside a request. A batch of different ones is named by its route alone. */
  set operation(name: string) {
    const { live } = this
    if (live !== null && live.operation !== name) live.operation = live.operation === '' ? name : undefined
  }

  // It hangs on objects that people print.
  [inspect.custom](): string {
    return `ServerExchange(${this.live?.method ?? 'ended'})`
  }
}

/** Health checks and what the application ignores: the context is suppressed, nothing else happens. */
export const ignored: Observed = { context: SUPPRESSED }
