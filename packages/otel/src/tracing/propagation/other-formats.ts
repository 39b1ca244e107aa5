// Formats other than W3C's, each as its upstream propagator reads and writes it. Ids of 64 bits are padded on the left.
import type { Baggage, BaggageEntry, Context } from '@opentelemetry/api'
import { BAGGAGE_KEY, withSpan } from '../context.ts'
import { fromSpanContext, type LeanSpan, SAMPLED } from '../span.ts'
import { LeanBaggage, maxBaggageBytes, maxBaggageMembers, printBaggage } from './baggage.ts'
import { type Format, type Get, readOne } from './format.ts'

const B3_DEBUG_KEY = Symbol.for('OpenTelemetry Context Key B3 Debug Flag')

function remote(traceId: string, spanId: string, sampled: boolean): LeanSpan | undefined {
  return fromSpanContext({
    traceId: traceId.length >= 32 ? traceId : traceId.padStart(32, '0'),
    spanId: spanId.length >= 16 ? spanId : spanId.padStart(16, '0'),
    traceFlags: sampled ? SAMPLED : 0,
    isRemote: true,
  })
}

function isSampled(span: LeanSpan): boolean {
  return (span.flags & SAMPLED) !== 0
}

const b3Pattern = /^([0-9a-f]{16}(?:[0-9a-f]{16})?)-([0-9a-f]{16})(?:-([01d]))?(?:-[0-9a-f]{16})?$/

function extractB3Single(context: Context, header: string): Context {
  const match = b3Pattern.exec(header.trim())
  if (match === null) return context
  const [, traceId, spanId, state] = match
  const span = remote(traceId as string, spanId as string, state === '1' || state === 'd')
  if (span === undefined) return context
  return withSpan(state === 'd' ? context.setValue(B3_DEBUG_KEY, state) : context, span)
}

const b3Sampled = new Map([
  ['1', true],
  ['true', true],
  ['True', true],
  ['0', false],
  ['false', false],
  ['False', false],
])

function extractB3Multi(context: Context, get: Get): Context {
  const traceId = readOne(get('x-b3-traceid'))
  const spanId = readOne(get('x-b3-spanid'))
  if (traceId === undefined || spanId === undefined) return context
  if ((traceId.length !== 16 && traceId.length !== 32) || spanId.length !== 16) return context
  const debug = readOne(get('x-b3-flags')) === '1'
  const raw = get('x-b3-sampled')
  const state = readOne(raw)
  const sampled = debug || (state === undefined ? raw === true || raw === 1 : b3Sampled.get(state))
  if (sampled === undefined) return context
  const span = remote(traceId, spanId, sampled)
  if (span === undefined) return context
  return withSpan(debug ? context.setValue(B3_DEBUG_KEY, '1') : context, span)
}

function extractB3(context: Context, get: Get): Context {
  const single = readOne(get('b3'))
  return single ? extractB3Single(context, single) : extractB3Multi(context, get)
}

/** `b3: traceid-spanid-1`; reads the several headers too. */
const b3: Format = {
  name: 'b3',
  fields: ['b3'],
  inject(context, span, set) {
    if (span === undefined) return
    const state = context.getValue(B3_DEBUG_KEY) ? 'd' : isSampled(span) ? '1' : '0'
    set('b3', `${span.traceId()}-${span.spanId()}-${state}`)
  },
  extract: extractB3,
}

/** `x-b3-traceid`, `x-b3-spanid`, `x-b3-sampled` (or `x-b3-flags: 1` for debug); reads the single header too. */
const b3multi: Format = {
  name: 'b3multi',
  fields: ['x-b3-traceid', 'x-b3-spanid', 'x-b3-flags', 'x-b3-sampled', 'x-b3-parentspanid'],
  inject(context, span, set) {
    if (span === undefined) return
    set('x-b3-traceid', span.traceId())
    set('x-b3-spanid', span.spanId())
    if (context.getValue(B3_DEBUG_KEY)) set('x-b3-flags', '1')
    else set('x-b3-sampled', isSampled(span) ? '1' : '0')
  },
  extract: extractB3,
}

/** `uber-trace-id: traceid:spanid:0:01`, baggage as `uberctx-<key>`. */
const jaeger: Format = {
  name: 'jaeger',
  fields: ['uber-trace-id'],
  inject(context, span, set) {
    if (span !== undefined) {
      set('uber-trace-id', `${span.traceId()}:${span.spanId()}:0:0${isSampled(span) ? 1 : 0}`)
    }
    injectBaggage(context, 'uberctx-', set)
  },
  extract(context, get, keys) {
    const withBaggage = extractBaggage(context, 'uberctx-', get, keys)
    const header = readOne(get('uber-trace-id'))
    if (header === undefined) return withBaggage
    const parts = decodeText(header).split(':', 5)
    if (parts.length !== 4) return withBaggage
    const [traceId, spanId, , flags] = parts as [string, string, string, string]
    if (traceId === '' || spanId === '') return withBaggage
    // As upstream: flags that cannot be read mean sampled.
    const sampled = /^[0-9a-f]{1,2}$/i.test(flags) ? (Number.parseInt(flags, 16) & 1) === 1 : true
    const span = remote(traceId, spanId, sampled)
    return span === undefined ? withBaggage : withSpan(withBaggage, span)
  },
}

const xrayRoot = /^1-([0-9a-f]{8})-([0-9a-f]{24})$/i

/** `X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`. */
const xray: Format = {
  name: 'xray',
  fields: ['x-amzn-trace-id'],
  inject(_context, span, set) {
    if (span === undefined) return
    const id = span.traceId()
    const sampled = isSampled(span) ? 1 : 0
    set(
      'x-amzn-trace-id',
      `Root=1-${id.slice(0, 8)}-${id.slice(8)};Parent=${span.spanId()};Sampled=${sampled}`,
    )
  },
  extract(context, get, keys) {
    const header =
      readOne(get('x-amzn-trace-id')) ?? readOne(get(findKey(keys(), 'x-amzn-trace-id') ?? 'x-amzn-trace-id'))
    if (header === undefined) return context
    const parts = new Map<string, string>()
    for (const part of header.split(';', 32)) {
      const equals = part.indexOf('=')
      if (equals > 0) parts.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim())
    }
    const root = xrayRoot.exec(parts.get('Root') ?? '')
    const sampled = parts.get('Sampled')
    const parent = parts.get('Parent') ?? ''
    if (root === null || parent.length !== 16 || (sampled !== '0' && sampled !== '1')) return context
    const span = remote(`${root[1]}${root[2]}`, parent, sampled === '1')
    return span === undefined ? context : withSpan(context, span)
  },
}

/** `ot-tracer-traceid` (its last 64 bits), `ot-tracer-spanid`, `ot-tracer-sampled`, baggage as `ot-baggage-<key>`. */
const ottrace: Format = {
  name: 'ottrace',
  fields: ['ot-tracer-traceid', 'ot-tracer-spanid', 'ot-tracer-sampled'],
  inject(context, span, set) {
    if (span === undefined) return
    set('ot-tracer-traceid', span.traceId().slice(16))
    set('ot-tracer-spanid', span.spanId())
    set('ot-tracer-sampled', isSampled(span) ? 'true' : 'false')
    injectBaggage(context, 'ot-baggage-', set)
  },
  extract(context, get, keys) {
    const traceId = readOne(get('ot-tracer-traceid'))
    const spanId = readOne(get('ot-tracer-spanid'))
    if (!traceId || !spanId) return context
    const sampled = readOne(get('ot-tracer-sampled'))
    const span = remote(traceId, spanId, sampled === 'true' || sampled === '1')
    if (span === undefined) return context
    return withSpan(extractBaggage(context, 'ot-baggage-', get, keys), span)
  },
}

function findKey(keys: readonly string[], wanted: string): string | undefined {
  return keys.find(key => typeof key === 'string' && key.toLowerCase() === wanted)
}

// One header per member: `<prefix><key>: <escaped value>`. The member is printed as W3C baggage prints it, so that the same
// bounds hold and nothing illegal gets out.
function injectBaggage(context: Context, prefix: string, set: (key: string, value: string) => void): void {
  const value = context.getValue(BAGGAGE_KEY) as Baggage | undefined
  if (value === undefined || value === null) return
  for (const member of printBaggage(value).split(',')) {
    const pair = member.split(';', 1)[0] as string
    const equals = pair.indexOf('=')
    if (equals > 0) set(prefix + pair.slice(0, equals), pair.slice(equals + 1))
  }
}

function extractBaggage(context: Context, prefix: string, get: Get, keys: () => readonly string[]): Context {
  const entries = new Map<string, BaggageEntry>()
  let bytes = 0
  for (const key of keys()) {
    if (typeof key !== 'string' || key.length <= prefix.length) continue
    if (!key.slice(0, prefix.length).toLowerCase().startsWith(prefix)) continue
    const value = readOne(get(key))
    if (value === undefined) continue
    bytes += key.length + value.length
    if (bytes > maxBaggageBytes || entries.size === maxBaggageMembers) break
    entries.set(decodeText(key.slice(prefix.length)), { value: decodeText(value) })
  }
  return entries.size === 0 ? context : context.setValue(BAGGAGE_KEY, new LeanBaggage(entries))
}

function decodeText(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const formats = { b3, b3multi, jaeger, xray, ottrace }

/** A function, because this file is loaded only when somebody chose one of its formats. */
export function findFormat(name: keyof typeof formats): Format {
  return formats[name]
}
