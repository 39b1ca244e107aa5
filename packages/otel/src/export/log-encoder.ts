// LogRecordData -> bytes of one OTLP LogRecord. Field numbers: opentelemetry/proto/logs/v1/logs.proto.
import type { ProtoWriter } from './protobuf.ts'
import type { ScopeLike } from './request.ts'
import { parseIdWord } from './span-encoder.ts'

/** A log record on its way out. Only `scope` is required; the encoder keeps no reference to any of it. */
export interface LogRecordData {
  readonly scope: ScopeLike
  /** Milliseconds since the epoch at which it happened; absent: unknown. */
  readonly timeMs?: number | undefined
  /** Milliseconds since the epoch at which we saw it. */
  readonly observedMs: number
  /** api-logs SeverityNumber, 1 (TRACE) to 24 (FATAL4); absent or 0: unspecified. */
  readonly severityNumber?: number | undefined
  readonly severityText?: string | undefined
  /** Anything: text, number, nested objects, bytes. `undefined` and `null` mean no body. */
  readonly body?: unknown
  readonly attributes?: Readonly<Record<string, unknown>> | undefined
  readonly droppedAttributes?: number | undefined
  readonly eventName?: string | undefined
  /** 32 and 16 hex digits, or absent. */
  readonly traceId?: string | undefined
  readonly spanId?: string | undefined
  readonly traceFlags?: number | undefined
}

/** Where log records go. `add` is synchronous, keeps no reference and never throws. */
export interface LogSink {
  add(record: LogRecordData): void
}

/** Appends `record` as one length-prefixed field 2, as ScopeLogs wants it. */
export function encodeLog(w: ProtoWriter, record: LogRecordData): void {
  w.reserve(64)
  w.byte(0x12)
  const at = w.open()
  if (record.timeMs !== undefined) {
    w.byte(0x09)
    w.time(record.timeMs)
  }
  if (record.severityNumber) {
    w.byte(0x10)
    w.varint(record.severityNumber & 31)
  }
  if (record.severityText) {
    w.byte(0x1a)
    w.string(record.severityText)
    w.reserve(16)
  }
  if (record.body !== undefined && record.body !== null) {
    w.byte(0x2a)
    w.anyValue(record.body)
  }
  let dropped = record.droppedAttributes ?? 0
  const { attributes } = record
  if (attributes !== undefined) {
    for (const key of listKeys(attributes)) if (!attributeField(w, attributes, key)) dropped++
  }
  w.reserve(64)
  if (dropped > 0) {
    w.byte(0x38)
    w.varint(dropped)
  }
  if (record.traceFlags !== undefined) {
    w.byte(0x45)
    w.fixed32(record.traceFlags & 255)
  }
  if (record.traceId?.length === 32) {
    w.byte(0x4a)
    w.byte(16)
    for (let i = 0; i < 32; i += 8) w.idWord(parseIdWord(record.traceId, i))
  }
  if (record.spanId?.length === 16) {
    w.byte(0x52)
    w.byte(8)
    for (let i = 0; i < 16; i += 8) w.idWord(parseIdWord(record.spanId, i))
  }
  w.byte(0x59)
  w.time(record.observedMs)
  if (record.eventName) {
    w.byte(0x62)
    w.string(record.eventName)
  }
  w.close(at)
}

function listKeys(attributes: object): string[] {
  try {
    return Object.keys(attributes)
  } catch {
    // A proxy that refuses.
    return []
  }
}

function attributeField(w: ProtoWriter, attributes: Readonly<Record<string, unknown>>, key: string): boolean {
  let value: unknown
  try {
    // Application objects may have getters that throw.
    value = attributes[key]
  } catch {
    return false
  }
  return value === undefined || w.keyValue(0x32, key, value)
}
