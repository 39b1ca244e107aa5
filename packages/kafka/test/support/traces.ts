// Trace identities in tests, and waiting for a condition.
import { context, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api'

export const traceId = (n: number) => n.toString(16).repeat(32)
export const spanId = (n: number) => n.toString(16).repeat(16)
/** `TP(n)`: the traceparent of a sampled remote span. */
export const traceparent = (n: number) => `00-${traceId(n)}-${spanId(n)}-01`

/** Runs `fn` in a span `S` that is active around it, and ends it. */
export async function inSpan<R>(fn: (span: Span) => Promise<R> | R, name = 'S'): Promise<R> {
  const span = trace.getTracer('test').startSpan(name, {}, ROOT_CONTEXT)
  try {
    return await context.with(trace.setSpan(ROOT_CONTEXT, span), () => fn(span))
  } finally {
    span.end()
  }
}

/** Groups take seconds to form on a real broker. */
const patienceMs = process.env.KAFKA_BROKERS ? 30_000 : 4000

/** Polls until `check` gives something true; fails with what it gave last. */
export async function until<T>(check: () => T, what = 'a condition', timeoutMs = patienceMs): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const result = check()
    if (result) return result
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

/** Freezes an object and everything in it that can be frozen. */
export function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !ArrayBuffer.isView(value)) {
    for (const inner of Object.values(value)) deepFreeze(inner)
    Object.freeze(value)
  }
  return value
}
