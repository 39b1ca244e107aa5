// The application's own Sampler (upstream's interface) as a HeadSampler. Only here are objects and ids in text made for it.
import type { Attributes, Context, Link, SpanKind, TraceState } from '@opentelemetry/api'
import { printError } from '../../self/error-text.ts'
import { say } from '../../self/log.ts'
import { cleanAttributes } from '../attributes.ts'
import { SPAN_KEY, spanOf, withSpan } from '../context.ts'
import { printSpanId, printTraceId } from '../ids.ts'
import { SAMPLED } from '../span.ts'
import {
  type Decision,
  DROP,
  type HeadSampler,
  type Question,
  RECORD_AND_SAMPLE,
  RECORD_ONLY,
} from './sampler.ts'

/** Upstream's Sampler (sdk-trace 3.x, and the API's deprecated one). */
export interface UserSampler {
  shouldSample(
    context: Context,
    traceId: string,
    spanName: string,
    spanKind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): { decision: number; attributes?: Readonly<Attributes>; traceState?: TraceState }
  toString(): string
}

/** A sampler that throws or answers nonsense does as the parent did, and samples where there is none. */
export function adaptSampler(user: UserSampler): HeadSampler {
  return {
    readsDetails: true,
    decide(question) {
      // The sampler may start spans itself, which ask the same question object.
      const asked = { ...question }
      try {
        const result = user.shouldSample(...ask(asked))
        Object.assign(question, asked)
        const { decision, attributes, traceState } = result
        if (decision !== DROP && decision !== RECORD_ONLY && decision !== RECORD_AND_SAMPLE) {
          throw new TypeError(`decision ${decision}`)
        }
        if (traceState !== undefined && traceState !== null) question.traceState = traceState
        if (attributes !== undefined) {
          const cleaned = cleanAttributes(
            attributes,
            Number.MAX_SAFE_INTEGER,
            Number.POSITIVE_INFINITY,
            false,
          )
          question.added = Object.entries(cleaned.attributes ?? {}).flat()
        }
        return decision
      } catch (error) {
        Object.assign(question, asked)
        say(
          'warn',
          'ORG_OTEL_SAMPLER_FAILED',
          `${describe(user)}: ${printError(error)}; following the parent`,
        )
        return followParent(question)
      }
    },
    toString: () => describe(user),
  }
}

function describe(user: UserSampler): string {
  try {
    return String(user)
  } catch {
    return 'Sampler'
  }
}

function ask(question: Question): Parameters<UserSampler['shouldSample']> {
  const { t0, t1, t2, t3, context, parent } = question
  const attributes: Attributes = {}
  const flat = question.attributes
  for (let i = 0; i < flat.length; i += 2) attributes[flat[i] as string] = flat[i + 1]
  return [
    parent === undefined
      ? context.deleteValue(SPAN_KEY)
      : spanOf(context) === parent
        ? context
        : withSpan(context, parent),
    printTraceId(t0, t1, t2, t3),
    question.name,
    question.kind,
    attributes,
    (question.links ?? []).map(link => ({
      context: {
        traceId: printTraceId(link.t0, link.t1, link.t2, link.t3),
        spanId: printSpanId(link.s0, link.s1),
        traceFlags: link.traceFlags,
        ...(link.traceState && { traceState: link.traceState }),
      },
      ...(link.attributes && { attributes: link.attributes }),
    })),
  ]
}

function followParent(question: Question): Decision {
  return question.parent === undefined || question.parent.flags & SAMPLED ? RECORD_AND_SAMPLE : DROP
}
