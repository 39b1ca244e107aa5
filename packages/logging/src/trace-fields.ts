// The fields of one log line: read from the active span, shaped by the options. Loggers differ only in how the
// fields reach the line, so there are two outputs: an object, and the JSON text that goes between two other fields.
import {
  type Context,
  context,
  isSpanContextValid,
  propagation,
  type SpanContext,
  trace,
} from '@opentelemetry/api'
import { noticeHiddenSdk } from './api-copy.ts'
import type { CorrelationOptions, FieldNames, Preset } from './options.ts'

const presets: Record<Preset, FieldNames> = {
  default: { traceId: 'trace_id', spanId: 'span_id', traceFlags: 'trace_flags' },
  dotted: { traceId: 'trace.id', spanId: 'span.id', traceFlags: 'trace.flags' },
  // Elastic Common Schema has no field for the flags.
  ecs: { traceId: 'trace.id', spanId: 'span.id', traceFlags: '' },
  datadog: { traceId: 'dd.trace_id', spanId: 'dd.span_id', traceFlags: '' },
  gcp: {
    traceId: 'logging.googleapis.com/trace',
    spanId: 'logging.googleapis.com/spanId',
    traceFlags: 'logging.googleapis.com/trace_sampled',
  },
}

/** The context key under which an HTTP server instrumentation leaves the inbound request id. */
export const requestIdKey: symbol = Symbol.for('org.otel.request-id')

type FieldValue = string | boolean | Record<string, string | boolean>

export interface TraceFields {
  /** The fields of the active span; `undefined` outside a span. A fresh object on every call. */
  read(ctx?: Context): Record<string, FieldValue> | undefined
  /** Whether a line logged in `ctx` gets fields at all. */
  isActive(ctx: Context): boolean
  /** Writes the fields that `line` does not have; nothing outside a span. */
  addTo(line: Record<string, unknown>, ctx?: Context): void
  /** The same as JSON text with a leading comma, `,"trace_id":"..."`; `''` outside a span. */
  json(ctx?: Context): string
  /** Whether `line` has one of the names already. */
  isIn(line: Readonly<Record<string, unknown>>): boolean
  /** Baggage entries and the request id alone, as log records carry them. */
  extra(ctx?: Context): Record<string, string> | undefined
  /** Every top-level name that can appear: a line that already has one keeps its own. */
  readonly names: readonly string[]
  /** The names, of these, that say the span. */
  readonly spanNames: readonly string[]
}

// Datadog correlates by the low 64 bits in decimal.
const decimal = (hex: string): string => BigInt(`0x${hex.slice(-16)}`).toString()

export function createTraceFields(options: CorrelationOptions = {}): TraceFields {
  const preset = options.preset ?? 'default'
  const names: FieldNames = { ...presets[preset], ...options.fields }
  const nested = options.nested || undefined
  const baggageKeys = options.baggageKeys ?? []
  const requestIdField = options.requestIdField || undefined

  const traceValue = (c: SpanContext): string =>
    preset === 'datadog'
      ? decimal(c.traceId)
      : preset === 'gcp' && options.gcpProject
        ? `projects/${options.gcpProject}/traces/${c.traceId}`
        : c.traceId
  const spanValue = (c: SpanContext): string => (preset === 'datadog' ? decimal(c.spanId) : c.spanId)
  const sampled = (c: SpanContext): boolean => (c.traceFlags & 1) === 1
  const flagsText = (c: SpanContext): string => (c.traceFlags & 0xff).toString(16).padStart(2, '0')

  function spanFields(c: SpanContext): Record<string, string | boolean> {
    const fields: Record<string, string | boolean> = {}
    if (names.traceId) fields[names.traceId] = traceValue(c)
    if (names.spanId) fields[names.spanId] = spanValue(c)
    if (names.traceFlags) fields[names.traceFlags] = preset === 'gcp' ? sampled(c) : flagsText(c)
    return fields
  }

  function extraFields(active: Context): Record<string, string> | undefined {
    let extra: Record<string, string> | undefined
    if (requestIdField) {
      const id = active.getValue(requestIdKey)
      if (typeof id === 'string') extra = { [requestIdField]: id }
    }
    if (baggageKeys.length > 0) {
      const baggage = propagation.getBaggage(active)
      for (const key of baggage === undefined ? [] : baggageKeys) {
        const entry = baggage?.getEntry(key)
        if (entry !== undefined) {
          extra ??= {}
          extra[`baggage.${key}`] = entry.value
        }
      }
    }
    return extra
  }

  const wantsExtra = requestIdField !== undefined || baggageKeys.length > 0

  const service = serviceFields(options)
  const serviceJson = service === undefined ? '' : `,${JSON.stringify(service).slice(1, -1)}`

  function read(active: Context = context.active()): Record<string, FieldValue> | undefined {
    const spanContext = trace.getSpanContext(active)
    if (spanContext === undefined) noticeHiddenSdk()
    if (spanContext === undefined || !isSpanContextValid(spanContext))
      return service === undefined ? undefined : { ...service }
    const fields = spanFields(spanContext)
    const extra = wantsExtra ? extraFields(active) : undefined
    return nested === undefined
      ? { ...service, ...fields, ...extra }
      : { ...service, [nested]: fields, ...extra }
  }

  // The common shape is put together from constant pieces: JSON.stringify of an object costs three times as much.
  const isPlain = preset !== 'gcp' && !nested && !wantsExtra
  const traceHead = names.traceId ? `,${JSON.stringify(names.traceId)}:"` : ''
  const spanHead = names.spanId ? `,${JSON.stringify(names.spanId)}:"` : ''
  const flagsHead = names.traceFlags ? `,${JSON.stringify(names.traceFlags)}:"` : ''

  // Consecutive lines mostly belong to the same span.
  let lastContext: SpanContext | undefined
  let lastJson = ''
  let lastTrace = ''
  let lastSpan = ''
  let lastFlags = ''

  function remember(c: SpanContext): void {
    lastContext = c
    lastTrace = traceValue(c)
    lastSpan = spanValue(c)
    lastFlags = flagsText(c)
    lastJson =
      serviceJson +
      (traceHead && `${traceHead}${lastTrace}"`) +
      (spanHead && `${spanHead}${lastSpan}"`) +
      (flagsHead && `${flagsHead}${lastFlags}"`)
  }

  function isActive(ctx: Context): boolean {
    if (service !== undefined) return true
    const c = trace.getSpanContext(ctx)
    if (c === undefined) noticeHiddenSdk()
    return c !== undefined && (c === lastContext || isSpanContextValid(c))
  }

  function addTo(line: Record<string, unknown>, ctx: Context = context.active()): void {
    const c = isPlain ? trace.getSpanContext(ctx) : undefined
    if (c === undefined || service !== undefined || (c !== lastContext && !isSpanContextValid(c))) {
      const active = read(ctx)
      for (const name in active) if (line[name] === undefined) line[name] = active[name]
      return
    }
    if (c !== lastContext) remember(c)
    const { traceId, spanId, traceFlags } = names
    if (traceId && line[traceId] === undefined) line[traceId] = lastTrace
    if (spanId && line[spanId] === undefined) line[spanId] = lastSpan
    if (traceFlags && line[traceFlags] === undefined) line[traceFlags] = lastFlags
  }

  function json(ctx?: Context): string {
    if (!isPlain) {
      const fields = read(ctx)
      return fields === undefined ? '' : `,${JSON.stringify(fields).slice(1, -1)}`
    }
    const span = ctx === undefined ? trace.getActiveSpan() : trace.getSpan(ctx)
    if (span === undefined) {
      noticeHiddenSdk()
      return serviceJson
    }
    const c = span.spanContext()
    if (c === lastContext) return lastJson
    if (!isSpanContextValid(c)) return serviceJson
    remember(c)
    return lastJson
  }

  const spanNames =
    nested === undefined ? [names.traceId, names.spanId, names.traceFlags].filter(Boolean) : [nested]
  const extraNames = [
    ...(requestIdField ? [requestIdField] : []),
    ...baggageKeys.map(key => `baggage.${key}`),
  ]
  const allNames = [...spanNames, ...extraNames, ...Object.keys(service ?? {})]
  const [first = '', second = '', third = ''] = allNames
  const moreNames = allNames.slice(3)

  // Written out: V8 remembers a name per place in the text.
  function isIn(line: Readonly<Record<string, unknown>>): boolean {
    if (line[first] !== undefined) return true
    if (second !== '' && line[second] !== undefined) return true
    if (third !== '' && line[third] !== undefined) return true
    for (const name of moreNames) if (line[name] !== undefined) return true
    return false
  }

  return {
    read,
    addTo,
    isActive,
    isIn,
    json,
    extra: ctx => (wantsExtra ? extraFields(ctx ?? context.active()) : undefined),
    names: allNames,
    spanNames,
  }
}

function serviceFields({ preset, service }: CorrelationOptions): Record<string, string> | undefined {
  if (service === undefined) return undefined
  const prefix = preset === 'datadog' ? 'dd.' : 'service.'
  const nameField = preset === 'datadog' ? 'dd.service' : 'service.name'
  return { [nameField]: service.name, ...(service.version && { [`${prefix}version`]: service.version }) }
}

/** Without the fields of the active span: a log record carries them as its trace context. Fields the user set himself stay. */
export function withoutTraceFields<T extends Record<string, unknown>>(
  line: T,
  fields: TraceFields,
  ctx?: Context,
): T {
  let active: Record<string, unknown> | undefined
  for (const name of fields.spanNames) {
    const value = line[name]
    if (value === undefined) continue
    active ??= fields.read(ctx) ?? {}
    const isOurs =
      typeof value === 'object'
        ? JSON.stringify(value) === JSON.stringify(active[name])
        : value === active[name]
    if (isOurs) delete line[name]
  }
  return line
}
