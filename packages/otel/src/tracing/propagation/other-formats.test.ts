// Read and written exactly as upstream's own propagators do, for every carrier below.

import type { TextMapPropagator } from '@opentelemetry/api'
import {
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from '@opentelemetry/api'
import { AWSXRayPropagator } from '@opentelemetry/propagator-aws-xray'
import { B3InjectEncoding, B3Propagator } from '@opentelemetry/propagator-b3'
import { JaegerPropagator } from '@opentelemetry/propagator-jaeger'
import type { PropagatorName } from '../../config/config.ts'
import { BAGGAGE_KEY, ROOT, spanOf } from '../context.ts'
import { LeanBaggage } from './baggage.ts'
import { buildPropagator } from './propagator.ts'

const t = '4bf92f3577b34da6a3ce929d0e0e4736'
const s = '00f067aa0ba902b7'

const upstream: Partial<Record<PropagatorName, TextMapPropagator>> = {
  b3: new B3Propagator(),
  b3multi: new B3Propagator({ injectEncoding: B3InjectEncoding.MULTI_HEADER }),
  xray: new AWSXRayPropagator(),
  jaeger: new JaegerPropagator(),
}

const carriers: Record<string, string>[] = [
  {},
  { b3: `${t}-${s}-1` },
  { b3: `${t}-${s}-0` },
  { b3: `${t}-${s}-d` },
  { b3: `${t}-${s}` },
  { b3: `${t.slice(16)}-${s}-1-${s}` },
  { b3: '0' },
  { b3: `${t}-${'0'.repeat(16)}-1` },
  { 'x-b3-traceid': t, 'x-b3-spanid': s, 'x-b3-sampled': '1' },
  { 'x-b3-traceid': t.slice(16), 'x-b3-spanid': s, 'x-b3-sampled': 'true' },
  { 'x-b3-traceid': t, 'x-b3-spanid': s, 'x-b3-sampled': '0', 'x-b3-flags': '1' },
  { 'x-b3-traceid': t, 'x-b3-spanid': s },
  { 'x-b3-traceid': t, 'x-b3-spanid': s, 'x-b3-sampled': 'maybe' },
  { 'x-b3-traceid': 'short', 'x-b3-spanid': s, 'x-b3-sampled': '1' },
  { 'x-b3-traceid': t },
  { 'uber-trace-id': `${t}:${s}:0:1` },
  { 'uber-trace-id': `${t}:${s}:0:0` },
  { 'uber-trace-id': `${t}%3A${s}%3A0%3A01` },
  { 'uber-trace-id': `${t.slice(16)}:${s.slice(2)}:0:1` },
  { 'uber-trace-id': `${t}:${s}:0:xyz` },
  { 'uber-trace-id': `${t}:${s}:1` },
  { 'x-amzn-trace-id': `Root=1-${t.slice(0, 8)}-${t.slice(8)};Parent=${s};Sampled=1` },
  { 'x-amzn-trace-id': `Parent=${s}; Sampled=0 ;Root=1-${t.slice(0, 8)}-${t.slice(8)}` },
  { 'X-Amzn-Trace-Id': `Root=1-${t.slice(0, 8)}-${t.slice(8)};Parent=${s};Sampled=1` },
  { 'x-amzn-trace-id': `Root=1-${t.slice(0, 8)}-${t.slice(8)};Parent=${s}` },
  { 'x-amzn-trace-id': `Root=2-${t};Parent=${s};Sampled=1` },
]

const names = Object.keys(upstream) as PropagatorName[]

describe.each(names)('%s', name => {
  const theirs = upstream[name] as TextMapPropagator
  const ours = buildPropagator([name])

  test.each(carriers)('reads %j as upstream does', carrier => {
    const expected = trace.getSpanContext(theirs.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter))
    expect(spanOf(ours.extract(ROOT, carrier, defaultTextMapGetter))?.spanContext()).toEqual(expected)
    expect(spanOf(ours.extractFromHeaders(carrier))?.spanContext()).toEqual(expected)
  })

  test.each([0, 1])('writes flags %d as upstream does', traceFlags => {
    const context: SpanContext = { traceId: t, spanId: s, traceFlags }
    const expected = {}
    const written = {}
    theirs.inject(trace.setSpanContext(ROOT_CONTEXT, context), expected, defaultTextMapSetter)
    ours.inject(trace.setSpanContext(ROOT, context), written, defaultTextMapSetter)
    expect(written).toEqual(expected)
  })

  test('a debug trace stays one', () => {
    const carrier = { b3: `${t}-${s}-d` }
    const expected = {}
    const written = {}
    theirs.inject(theirs.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter), expected, defaultTextMapSetter)
    ours.inject(ours.extract(ROOT, carrier, defaultTextMapGetter), written, defaultTextMapSetter)
    // Upstream's multi-header form forgets a debug flag that came in the single header; ours does not.
    expect(written).toEqual(
      name === 'b3multi' ? { 'x-b3-traceid': t, 'x-b3-spanid': s, 'x-b3-flags': '1' } : expected,
    )
  })
})

test('ottrace carries the last 64 bits of the trace id and one header per baggage member', () => {
  const ours = buildPropagator(['ottrace'])
  const baggage = new LeanBaggage(new Map([['user id', { value: 'a,b' }]]))
  const context = trace.setSpanContext(ROOT.setValue(BAGGAGE_KEY, baggage), {
    traceId: t,
    spanId: s,
    traceFlags: 1,
  })
  const written = {}
  ours.inject(context, written, defaultTextMapSetter)
  expect(written).toEqual({
    'ot-tracer-traceid': t.slice(16),
    'ot-tracer-spanid': s,
    'ot-tracer-sampled': 'true',
    'ot-baggage-user%20id': 'a%2Cb',
  })
  const read = ours.extractFromHeaders(written)
  expect(spanOf(read)?.spanContext()).toEqual({
    traceId: '0'.repeat(16) + t.slice(16),
    spanId: s,
    traceFlags: 1,
    isRemote: true,
  })
  expect((read.getValue(BAGGAGE_KEY) as LeanBaggage).getAllEntries()).toEqual([['user id', { value: 'a,b' }]])
})

test('jaeger ids that are not hex are no parent, where upstream passes them on', () => {
  expect(
    spanOf(buildPropagator(['jaeger']).extractFromHeaders({ 'uber-trace-id': 'nonsense:x:y:z' })),
  ).toBeUndefined()
})

test('jaeger carries baggage as upstream does', () => {
  const baggage = new LeanBaggage(new Map([['user', { value: 'a b' }]]))
  const written = {}
  const expected = {}
  buildPropagator(['jaeger']).inject(ROOT.setValue(BAGGAGE_KEY, baggage), written, defaultTextMapSetter)
  upstream.jaeger?.inject(ROOT_CONTEXT.setValue(BAGGAGE_KEY, baggage), expected, defaultTextMapSetter)
  expect(written).toEqual(expected)
  expect(written).toEqual({ 'uberctx-user': 'a%20b' })
})
