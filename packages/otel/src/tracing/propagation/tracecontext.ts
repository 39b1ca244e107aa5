// W3C trace context, level 2: a random flag that came in goes on; traces that begin here have it by setting only.
import type { Context } from '@opentelemetry/api'
import { withSpan } from '../context.ts'
import { printIds } from '../ids.ts'
import { LeanSpan, RANDOM, SAMPLED } from '../span.ts'
import { type Format, readList, readOne } from './format.ts'
import { LeanTraceState, parseTraceState } from './trace-state.ts'

const known = SAMPLED | RANDOM

// 0..15 for a lower-case hex digit, 255 for anything else: the specification forbids upper case here.
const digits = new Uint8Array(256).fill(255)
for (let i = 0; i < 10; i++) digits[48 + i] = i
for (let i = 0; i < 6; i++) digits[97 + i] = 10 + i

// Bitwise or of all digits read since it was reset: above 15 when one of them was none.
let seen = 0

function readDigits(text: string, from: number, to: number): number {
  let word = 0
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i)
    const digit = digits[code & 255] as number
    seen |= digit | (code & 0xff00)
    word = (word << 4) | digit
  }
  return word
}

/** `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`. The span must be valid. */
export function printTraceparent(span: LeanSpan): string {
  return printIds(span.t0, span.t1, span.t2, span.t3, span.s0, span.s1, span.flags & known)
}

/** The remote span of a `traceparent` and `tracestate` as they came in the carrier; undefined when not valid. */
export function parseTraceparent(traceparent: unknown, tracestate: unknown): LeanSpan | undefined {
  let text = readOne(traceparent)
  if (text === undefined || text.length < 55) return undefined
  if (text.length > 55) text = text.trim()
  if (text.charCodeAt(2) !== 45 || text.charCodeAt(35) !== 45 || text.charCodeAt(52) !== 45) return undefined
  seen = 0
  const version = readDigits(text, 0, 2)
  const t0 = readDigits(text, 3, 11)
  const t1 = readDigits(text, 11, 19)
  const t2 = readDigits(text, 19, 27)
  const t3 = readDigits(text, 27, 35)
  const s0 = readDigits(text, 36, 44)
  const s1 = readDigits(text, 44, 52)
  const flags = readDigits(text, 53, 55)
  if (seen > 15 || version === 255) return undefined
  // A later version may append fields, after a dash.
  if (text.length > 55 && (version === 0 || text.charCodeAt(55) !== 45)) return undefined
  const list = tracestate === undefined || tracestate === null ? undefined : readList(tracestate)
  const state = list === undefined ? undefined : parseTraceState(list)
  const span = new LeanSpan(t0, t1, t2, t3, s0, s1, flags & known, true, state)
  return span.isValid() ? span : undefined
}

/** The trace state as it may be sent: undefined when there is nothing legal to send. */
export function printTraceState(span: LeanSpan): string | undefined {
  if (span.traceState === undefined) return undefined
  const text: unknown = span.traceState.serialize()
  if (span.traceState instanceof LeanTraceState) return (text as string) || undefined
  // A foreign TraceState may print anything: what our own parser reads of it is legal.
  const legal = readOne(text)
  return (legal === undefined ? undefined : parseTraceState(legal)?.serialize()) || undefined
}

export const tracecontext: Format = {
  name: 'tracecontext',
  fields: ['traceparent', 'tracestate'],

  inject(_context, span, set) {
    if (span === undefined) return
    set('traceparent', printTraceparent(span))
    const state = printTraceState(span)
    if (state !== undefined) set('tracestate', state)
  },

  extract(context: Context, get): Context {
    const traceparent = get('traceparent')
    if (traceparent === undefined || traceparent === null) return context
    const span = parseTraceparent(traceparent, get('tracestate'))
    return span === undefined ? context : withSpan(context, span)
  },
}
