// What the tracer asks before a span exists. Numbers in, a number out: no object is made for a decision.
import type { Context, TraceState } from '@opentelemetry/api'
import type { FlatAttributes } from '../attributes.ts'
import type { SpanLink } from '../ended-span.ts'
import type { LeanSpan } from '../span.ts'

/** api.SamplingDecision as plain numbers. */
export const DROP = 0
export const RECORD_ONLY = 1
export const RECORD_AND_SAMPLE = 2
export type Decision = typeof DROP | typeof RECORD_ONLY | typeof RECORD_AND_SAMPLE

/** The span that is about to be. One instance per tracer provider, overwritten by every question: keep no reference. */
export interface Question {
  context: Context
  /** A valid parent, local or remote. */
  parent: LeanSpan | undefined
  t0: number
  t1: number
  t2: number
  t3: number
  /** The trace id is known to be random (it is ours, or has W3C level 2's flag): its last 56 bits may serve as randomness. */
  random: boolean
  name: string
  kind: number
  attributes: FlatAttributes
  links: readonly SpanLink[] | null
  /** Answer: the trace state of the new span; comes in as the parent's. */
  traceState: TraceState | undefined
  /** Answer: attributes the sampler wants on the span. */
  added: FlatAttributes | null
  /** Answer: a dropped span is not even held back for `keep-errors`. */
  final: boolean
}

export interface HeadSampler {
  decide(question: Question): Decision
  /** `decide` looks at more than the parent and the ids: at context, name, kind, attributes or links. */
  readonly readsDetails: boolean
  /** As upstream prints samplers: `ParentBased{root=...}`. */
  toString(): string
}
