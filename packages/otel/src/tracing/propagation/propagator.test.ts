import { propagation, ROOT_CONTEXT, type TextMapPropagator, trace } from '@opentelemetry/api'
import { suppressTracing } from '@opentelemetry/core'
import { BAGGAGE_KEY, LeanContext, ROOT, spanOf, withSpan } from '../context.ts'
import { LeanSpan } from '../span.ts'
import { buildPropagator } from './propagator.ts'

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const w3c = buildPropagator(['tracecontext', 'baggage'])

function collect(inject: (set: (key: string, value: string) => void) => void): Record<string, string> {
  const carrier: Record<string, string> = {}
  inject((key, value) => {
    carrier[key] = value
  })
  return carrier
}

test('what comes in by headers goes out again, trace state and baggage included', () => {
  const headers = { traceparent, tracestate: 'a=1', baggage: 'user=1;p', host: 'x' }
  const context = w3c.extractFromHeaders(headers)
  expect(context).toBeInstanceOf(LeanContext)
  expect(spanOf(context)).toBeInstanceOf(LeanSpan)
  expect(collect(set => w3c.injectInto(context, set))).toEqual({
    traceparent,
    tracestate: 'a=1',
    baggage: 'user=1;p',
  })
})

test('headers that say nothing give the very base context', () => {
  const base = ROOT.setValue(Symbol('x'), 1)
  expect(w3c.extractFromHeaders({ host: 'x' }, base)).toBe(base)
  expect(w3c.extractFromHeaders({ traceparent: 'nonsense', baggage: '' }, base)).toBe(base)
})

test('the span that goes out may be another than that of the context', () => {
  const span = new LeanSpan(1, 2, 3, 4, 5, 6, 1, false, undefined)
  expect(collect(set => w3c.injectInto(w3c.extractFromHeaders({ traceparent }), set, span))).toEqual({
    traceparent: '00-00000001000000020000000300000004-0000000500000006-01',
  })
})

test('nothing goes out while tracing is suppressed, or without a valid span', () => {
  const context = w3c.extractFromHeaders({ traceparent, baggage: 'a=1' })
  expect(collect(set => w3c.injectInto(suppressTracing(context), set))).toEqual({})
  expect(collect(set => w3c.injectInto(ROOT, set))).toEqual({})
  const invalid = trace.setSpanContext(ROOT, {
    traceId: '0'.repeat(32),
    spanId: '0'.repeat(16),
    traceFlags: 1,
  })
  expect(collect(set => w3c.injectInto(invalid, set))).toEqual({})
})

test('contexts, spans and baggage of the API work as ours do', () => {
  const context = propagation.setBaggage(
    trace.setSpanContext(ROOT_CONTEXT, { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 }),
    propagation.createBaggage({ a: { value: '1' } }),
  )
  expect(collect(set => w3c.injectInto(context, set))).toEqual({
    traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
    baggage: 'a=1',
  })
  const read = w3c.extract(
    ROOT_CONTEXT,
    { traceparent, baggage: 'a=1' },
    { keys: Object.keys, get: (c: Record<string, string>, k: string) => c[k] },
  )
  expect(trace.getSpanContext(read)?.traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736')
  expect(propagation.getBaggage(read)?.getEntry('a')?.value).toBe('1')
})

test('of several formats the last one that is present wins, and all are written', () => {
  const both = buildPropagator(['tracecontext', 'b3'])
  const b3 = `${'a'.repeat(32)}-${'b'.repeat(16)}-1`
  expect(spanOf(both.extractFromHeaders({ traceparent, b3 }))?.spanContext().traceId).toBe('a'.repeat(32))
  const written = collect(set => both.injectInto(both.extractFromHeaders({ traceparent }), set))
  expect(Object.keys(written)).toEqual(['traceparent', 'b3'])
  expect(both.fields()).toEqual(['traceparent', 'tracestate', 'b3'])
})

test('none means none, whatever is listed beside it', () => {
  const none = buildPropagator(['tracecontext', 'none'])
  expect(none.fields()).toEqual([])
  expect(none.extractFromHeaders({ traceparent })).toBe(ROOT)
})

test("the application's own propagator runs after ours, and may fail without harm", () => {
  const own: TextMapPropagator = {
    fields: () => ['x-own'],
    inject: (_, carrier, setter) => setter.set(carrier, 'x-own', '1'),
    extract: (context, carrier, getter) => context.setValue(BAGGAGE_KEY, getter.get(carrier, 'x-own')),
  }
  const broken: TextMapPropagator = {
    fields: () => {
      throw new Error('fields')
    },
    inject: () => {
      throw new Error('inject')
    },
    extract: () => {
      throw new Error('extract')
    },
  }
  const propagator = buildPropagator(['tracecontext'], [own, broken])
  expect(propagator.fields()).toEqual(['traceparent', 'tracestate', 'x-own'])
  const context = propagator.extractFromHeaders({ traceparent, 'x-own': 'value' })
  expect(context.getValue(BAGGAGE_KEY)).toBe('value')
  expect(spanOf(context)?.spanContext().spanId).toBe('00f067aa0ba902b7')
  expect(collect(set => propagator.injectInto(context, set))).toEqual({ traceparent, 'x-own': '1' })
})

test('a getter or setter that throws costs the header and nothing else', () => {
  const getter = {
    keys: () => [],
    get: (_: unknown, key: string) => {
      if (key === 'traceparent') throw new Error('no')
      return 'a=1'
    },
  }
  const context = w3c.extract(ROOT, {}, getter)
  expect(spanOf(context)).toBeUndefined()
  expect(propagation.getBaggage(context)?.getEntry('a')?.value).toBe('1')
  const throwing = {
    set: () => {
      throw new Error('headers were sent')
    },
  }
  expect(() =>
    w3c.inject(withSpan(ROOT, new LeanSpan(1, 1, 1, 1, 1, 1, 1, false, undefined)), {}, throwing),
  ).not.toThrow()
  expect(w3c.extract(ROOT, null as never, getter)).toBe(ROOT)
})
