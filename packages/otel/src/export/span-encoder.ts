// EndedSpan -> bytes of one OTLP Span, written at end() so that no span object outlives its request.
// Field numbers: opentelemetry/proto/trace/v1/trace.proto.
import type { AttributeValue } from '@opentelemetry/api'
import type { CommonAttributes, EndedSpan, SpanEvent, SpanLink } from '../tracing/ended-span.ts'
import { ProtoWriter } from './protobuf.ts'

/** SpanFlags: the parent's (or link's) `isRemote` is known; and it is remote. */
const hasIsRemote = 0x100
const isRemote = 0x200

/** Appends `span` as one length-prefixed field 2, as ScopeSpans wants it. */
export function encodeSpan(w: ProtoWriter, span: EndedSpan): void {
  w.reserve(256)
  w.byte(0x12)
  const at = w.open()
  w.reserve(128)
  w.byte(0x0a)
  w.byte(16)
  w.idWord(span.t0)
  w.idWord(span.t1)
  w.idWord(span.t2)
  w.idWord(span.t3)
  w.byte(0x12)
  w.byte(8)
  w.idWord(span.s0)
  w.idWord(span.s1)
  if (span.traceState !== undefined) traceStateField(w, 0x1a, span.traceState)
  if (span.hasParent) {
    w.reserve(16)
    w.byte(0x22)
    w.byte(8)
    w.idWord(span.p0)
    w.idWord(span.p1)
  }
  w.reserve(8)
  w.byte(0x2a)
  w.string(span.name)
  w.reserve(32)
  w.byte(0x30)
  w.byte((span.kind + 1) & 7)
  w.byte(0x39)
  w.time(span.startMs)
  w.byte(0x41)
  w.time(span.endMs)
  if (span.common !== null) {
    const encoded = span.common.encoded ?? encodeCommon(span.common)
    w.reserve(encoded.length)
    w.raw(encoded)
  }
  let dropped = span.droppedAttributes
  const { attributes } = span
  for (let i = 0; i < attributes.length; i += 2) {
    if (!w.keyValue(0x4a, attributes[i] as string, attributes[i + 1])) dropped++
  }
  count(w, 0x50, dropped)
  if (span.events !== null) for (const event of span.events) encodeEvent(w, event)
  count(w, 0x60, span.droppedEvents)
  if (span.links !== null) for (const link of span.links) encodeLink(w, link)
  count(w, 0x70, span.droppedLinks)
  w.reserve(32)
  if (span.statusCode !== 0 || span.statusMessage !== '') {
    w.byte(0x7a)
    const status = w.open()
    if (span.statusMessage !== '') {
      w.byte(0x12)
      w.string(span.statusMessage)
    }
    w.reserve(16)
    w.byte(0x18)
    w.byte(span.statusCode & 3)
    w.close(status)
    w.reserve(8)
  }
  w.byte(0x85)
  w.byte(0x01)
  w.fixed32((span.flags & 255) | hasIsRemote | (span.parentIsRemote ? isRemote : 0))
  w.close(at)
}

function encodeCommon(common: CommonAttributes): Uint8Array {
  const w = new ProtoWriter(512)
  const { attributes } = common
  for (let i = 0; i < attributes.length; i += 2) w.keyValue(0x4a, attributes[i] as string, attributes[i + 1])
  return (common.encoded = w.finish())
}

function encodeEvent(w: ProtoWriter, event: SpanEvent): void {
  w.reserve(8)
  w.byte(0x5a)
  const at = w.open()
  w.byte(0x09)
  w.time(event.timeMs)
  w.byte(0x12)
  w.string(event.name)
  count(w, 0x20, event.droppedAttributes + attributeFields(w, 0x1a, event.attributes))
  w.close(at)
}

function encodeLink(w: ProtoWriter, link: SpanLink): void {
  w.reserve(8)
  w.byte(0x6a)
  const at = w.open()
  w.byte(0x0a)
  w.byte(16)
  w.idWord(link.t0)
  w.idWord(link.t1)
  w.idWord(link.t2)
  w.idWord(link.t3)
  w.byte(0x12)
  w.byte(8)
  w.idWord(link.s0)
  w.idWord(link.s1)
  if (link.traceState !== undefined) traceStateField(w, 0x1a, link.traceState)
  count(w, 0x28, link.droppedAttributes + attributeFields(w, 0x22, link.attributes))
  w.reserve(8)
  w.byte(0x35)
  w.fixed32((link.traceFlags & 255) | hasIsRemote | (link.isRemote === true ? isRemote : 0))
  w.close(at)
}

/** Returns how many attributes could not be written. */
function attributeFields(
  w: ProtoWriter,
  tag: number,
  attributes: Record<string, AttributeValue> | undefined,
): number {
  if (attributes === undefined) return 0
  let dropped = 0
  for (const key of Object.keys(attributes)) {
    const value = attributes[key]
    if (value !== undefined && !w.keyValue(tag, key, value)) dropped++
  }
  return dropped
}

function traceStateField(w: ProtoWriter, tag: number, state: { serialize(): string }): void {
  const text = state.serialize()
  if (text === '') return
  w.reserve(8)
  w.byte(tag)
  w.string(text)
}

function count(w: ProtoWriter, tag: number, value: number): void {
  if (value === 0) return
  w.reserve(8)
  w.byte(tag)
  w.varint(value)
}

const digits = new Uint8Array(128)
for (let i = 0; i < 10; i++) digits[48 + i] = i
for (let i = 0; i < 6; i++) digits[97 + i] = digits[65 + i] = 10 + i

/** Eight hex digits at `offset` as an int32. */
export function parseIdWord(hex: string, offset: number): number {
  let word = 0
  for (let i = offset; i < offset + 8; i++) word = (word << 4) | digits[hex.charCodeAt(i) & 127]!
  return word
}
