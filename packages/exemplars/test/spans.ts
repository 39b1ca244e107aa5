// A real SDK for the tests: spans come from @opentelemetry/sdk-trace, contexts from AsyncLocalStorage.
import { context, type Span, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { AlwaysOffSampler, AlwaysOnSampler, TracerProvider } from '@opentelemetry/sdk-trace'

export const sampled: Tracer = new TracerProvider({ sampler: new AlwaysOnSampler() }).getTracer('test')
export const unsampled: Tracer = new TracerProvider({ sampler: new AlwaysOffSampler() }).getTracer('test')

export function useContexts(): void {
  const manager = new AsyncLocalStorageContextManager().enable()
  context.setGlobalContextManager(manager)
  trace.setGlobalTracerProvider({ getTracer: () => sampled })
}

/** Runs `fn` inside a new root span and returns the span's ids. */
export function inSpan(fn: () => void, name = 'work', tracer = sampled): { traceId: string; spanId: string } {
  const span: Span = tracer.startSpan(name)
  context.with(trace.setSpan(context.active(), span), fn)
  span.end()
  const { traceId, spanId } = span.spanContext()
  return { traceId, spanId }
}

export function inFailedSpan(fn: () => void): { traceId: string; spanId: string } {
  return inSpan(() => {
    trace.getActiveSpan()!.setStatus({ code: SpanStatusCode.ERROR })
    fn()
  })
}
