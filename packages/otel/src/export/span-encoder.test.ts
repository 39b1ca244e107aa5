import { type HrTime, INVALID_SPAN_CONTEXT, type Link, type TraceFlags } from '@opentelemetry/api'
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { decode } from '../../test/export/otlp.ts'
import { idHex, Random } from '../../test/export/random.ts'
import { endedSpan, httpAttributes, seeded } from '../../test/export/samples.ts'
import type { EndedSpan } from '../tracing/ended-span.ts'
import { printSpanId, printTraceId } from '../tracing/ids.ts'
import { ProtoWriter } from './protobuf.ts'
import { encodeScope, frameRequest } from './request.ts'
import { encodeResource } from './resource-encoder.ts'
import { encodeSpan } from './span-encoder.ts'

const resourceAttributes = { 'service.name': 'shop', 'host.cpus': 4, ok: true, list: ['a', 'b'] }

function ours(spans: EndedSpan[]): any {
  const w = new ProtoWriter(16)
  for (const span of spans) encodeSpan(w, span)
  const chunk = { scope: encodeScope(spans[0]!.scope), items: w.finish() }
  return decode(
    'TraceRequest',
    frameRequest(encodeResource({ attributes: resourceAttributes }), [chunk]).bytes,
  )
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000)
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)]
}

function upstream(spans: EndedSpan[]): any {
  return decode('TraceRequest', upstreamRequest(spans))
}

function upstreamRequest(spans: EndedSpan[]): Uint8Array {
  const resource = resourceFromAttributes(resourceAttributes)
  const instrumentationScope = { ...spans[0]!.scope }
  const readable = spans.map((s): ReadableSpan => {
    const traceId = idHex(s.t0, s.t1, s.t2, s.t3)
    const attributes: Record<string, any> = {}
    for (let i = 0; i < s.attributes.length; i += 2)
      attributes[s.attributes[i] as string] = s.attributes[i + 1]
    return {
      name: s.name,
      kind: s.kind,
      spanContext: () => ({
        traceId,
        spanId: idHex(s.s0, s.s1),
        traceFlags: s.flags,
        ...(s.traceState === undefined ? {} : { traceState: s.traceState }),
      }),
      ...(s.hasParent
        ? {
            parentSpanContext: {
              traceId,
              spanId: idHex(s.p0, s.p1),
              traceFlags: 1,
              isRemote: s.parentIsRemote,
            },
          }
        : s.parentIsRemote
          ? { parentSpanContext: { ...INVALID_SPAN_CONTEXT, spanId: '', isRemote: true } }
          : {}),
      startTime: hrTime(s.startMs),
      endTime: hrTime(s.endMs),
      status: { code: s.statusCode, message: s.statusMessage },
      attributes,
      links: (s.links ?? []).map(
        (l): Link => ({
          context: {
            traceId: printTraceId(l.t0, l.t1, l.t2, l.t3),
            spanId: printSpanId(l.s0, l.s1),
            traceFlags: l.traceFlags as TraceFlags,
            ...(l.traceState === undefined ? {} : { traceState: l.traceState }),
            ...(l.isRemote === undefined ? {} : { isRemote: l.isRemote }),
          },
          attributes: l.attributes ?? {},
          droppedAttributesCount: l.droppedAttributes,
        }),
      ),
      events: (s.events ?? []).map(e => ({
        name: e.name,
        time: hrTime(e.timeMs),
        attributes: e.attributes ?? {},
        droppedAttributesCount: e.droppedAttributes,
      })),
      duration: [0, 0],
      ended: true,
      resource,
      instrumentationScope: instrumentationScope as any,
      droppedAttributesCount: s.droppedAttributes,
      droppedEventsCount: s.droppedEvents,
      droppedLinksCount: s.droppedLinks,
    }
  })
  return ProtobufTraceSerializer.serializeRequest(readable)!
}

// proto3 does not distinguish zero from absent; upstream writes zeros, we do not.
function normalize(value: any): any {
  if (Array.isArray(value)) return value.map(normalize)
  if (typeof value !== 'object' || value === null) return value
  const out: any = {}
  for (const [k, v] of Object.entries(value)) {
    const n = normalize(v)
    const isZeroCount = n === 0 && /^dropped|^code$/.test(k)
    const isEmptyStatus = k === 'status' && Object.keys(n).length === 0
    const isEmptyText = n === '' && (k === 'version' || k === 'name' || k === 'message')
    if (!isZeroCount && !isEmptyStatus && !isEmptyText) out[k] = n
  }
  return out
}

describe('a span', () => {
  test('reads back with every field where the official definition has it', () => {
    const span = endedSpan({
      hasParent: true,
      p0: 1,
      p1: 2,
      attributes: httpAttributes,
      statusCode: 2,
      statusMessage: 'boom',
      events: [{ name: 'exception', timeMs: 1_763_712_000_200, attributes: { a: 1 }, droppedAttributes: 2 }],
      common: { attributes: ['repeated', 'yes'], encoded: null },
    })
    const [decoded] = ours([span]).resourceSpans[0].scopeSpans[0].spans
    expect(decoded).toMatchObject({
      traceId: '0123456789abcdef11223344aa998878',
      spanId: '0a0b0c0dfefdfcfc',
      parentSpanId: '0000000100000002',
      name: 'GET /users/{id}',
      kind: 2,
      startTimeUnixNano: '1763712000123250000',
      endTimeUnixNano: '1763712000456500000',
      status: { code: 2, message: 'boom' },
      flags: 0x101,
    })
    expect(decoded.attributes[0]).toEqual({ key: 'repeated', value: { stringValue: 'yes' } })
    expect(decoded.attributes).toHaveLength(11)
    expect(decoded.events[0]).toEqual({
      timeUnixNano: '1763712000200000000',
      name: 'exception',
      attributes: [{ key: 'a', value: { intValue: '1' } }],
      droppedAttributesCount: 2,
    })
  })

  test.each(Array.from({ length: 60 }, (_, i) => i))(
    "random batch %i decodes to what upstream's serializer says",
    seed => {
      const random = new Random(seeded(seed))
      const first = random.span()
      const spans = [
        first,
        ...Array.from({ length: random.int(5) }, () => ({ ...random.span(), scope: first.scope })),
      ]
      expect(normalize(ours(spans))).toEqual(normalize(upstream(spans)))
    },
  )

  test('a typical HTTP span is no larger than upstream writes it', () => {
    const span = endedSpan({ attributes: httpAttributes })
    const w = new ProtoWriter()
    encodeSpan(w, span)
    const request = upstreamRequest([span])
    const head = upstreamRequest([endedSpan({ name: '', attributes: [] })])
    const bare = new ProtoWriter()
    encodeSpan(bare, endedSpan({ name: '', attributes: [] }))
    expect(w.pos - bare.pos).toBeLessThanOrEqual(request.length - head.length)
  })
})
