// The API's TextMapPropagator over a list of formats, with short cuts for what HTTP does on every request.
import type { Context, TextMapGetter, TextMapPropagator, TextMapSetter } from '@opentelemetry/api'
import type { PropagatorName } from '../../config/config.ts'
import { printError } from '../../self/error-text.ts'
import { say } from '../../self/log.ts'
import { isSuppressed, ROOT, spanOf, withSpan } from '../context.ts'
import { type LeanSpan, toLeanSpan } from '../span.ts'
import { baggage } from './baggage.ts'
import type { Format, Get, Put } from './format.ts'
import { findFormat } from './other-formats.ts'
import { parseTraceparent, tracecontext } from './tracecontext.ts'

function chooseFormat(name: Exclude<PropagatorName, 'none'>): Format {
  return name === 'tracecontext' ? tracecontext : name === 'baggage' ? baggage : findFormat(name)
}

/** Node's incoming headers: lower-case keys, text or lists of text. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 *     const propagator = buildPropagator(['tracecontext', 'baggage'])
 *     const context = propagator.extractFromHeaders(request.headers)
 *     propagator.injectInto(context, (name, value) => request.setHeader(name, value))
 *
 * None of its methods throws, whatever the carrier, getter or setter does.
 */
export class LeanPropagator implements TextMapPropagator {
  private readonly formats: readonly Format[]
  /** The application's own propagators, run after ours. */
  private readonly others: readonly TextMapPropagator[]
  /** Exactly W3C: headers can be read without going through getters. */
  private readonly plain: boolean
  private readonly traces: boolean
  private readonly carriesBaggage: boolean
  private readonly names: string[]

  constructor(formats: readonly Format[], others: readonly TextMapPropagator[] = []) {
    this.formats = formats
    this.others = others
    this.plain = others.length === 0 && formats.every(f => f === tracecontext || f === baggage)
    this.traces = formats.includes(tracecontext)
    this.carriesBaggage = formats.includes(baggage)
    this.names = [
      ...new Set([
        ...formats.flatMap(format => format.fields),
        ...others.flatMap(other => attempt(() => other.fields()) ?? []),
      ]),
    ]
  }

  fields(): string[] {
    return [...this.names]
  }

  inject<C>(context: Context, carrier: C, setter: TextMapSetter<C>): void {
    const set: Put = (key, value) => setter.set(carrier, key, value)
    if (!this.tryInject(context, set)) return
    for (const other of this.others) attempt(() => other.inject(context, carrier, setter))
  }

  extract<C>(context: Context, carrier: C, getter: TextMapGetter<C>): Context {
    if (carrier === undefined || carrier === null) return context
    const get: Get = key => getter.get(carrier, key)
    let result = this.tryExtract(context, get, () => getter.keys(carrier) ?? [])
    for (const other of this.others) {
      result = attempt(() => other.extract(result, carrier, getter)) ?? result
    }
    return result
  }

  /**
   * What the headers of an incoming request say, on top of `base`; `base` itself when they say nothing. With W3C formats
   * and a LeanContext as base the result is a LeanContext whose span, if any, is a LeanSpan.
   */
  extractFromHeaders(headers: Headers, base: Context = ROOT): Context {
    if (!this.plain) return this.extract(base, headers, headerGetter)
    let result = base
    const { traceparent, baggage: members } = headers
    if (traceparent !== undefined && this.traces) {
      const span = parseTraceparent(traceparent, headers.tracestate)
      if (span !== undefined) result = withSpan(result, span)
    }
    if (members !== undefined && this.carriesBaggage) result = baggage.extract(result, () => members, noKeys)
    return result
  }

  /**
   * Gives `set` each header that `context` asks for. `span` may name the span that goes out instead of the context's
   * (a client span that is not made active). Nothing is set inside `suppressTracing`.
   */
  injectInto(context: Context, set: Put, span?: LeanSpan): void {
    if (!this.tryInject(context, set, span)) return
    for (const other of this.others) {
      attempt(() =>
        other.inject(span === undefined ? context : withSpan(context, span), null, {
          set: (_, key, value) => set(key, value),
        }),
      )
    }
  }

  private tryInject(context: Context, set: Put, given?: LeanSpan): boolean {
    try {
      if (isSuppressed(context)) return false
      const span = given ?? toLeanSpan(spanOf(context))
      for (const format of this.formats) format.inject(context, span, set)
    } catch (error) {
      sayFailure(error)
    }
    return true
  }

  private tryExtract(context: Context, get: Get, keys: () => readonly string[]): Context {
    let result = context
    for (const format of this.formats) {
      try {
        result = format.extract(result, get, keys)
      } catch (error) {
        sayFailure(error)
      }
    }
    return result
  }
}

const noKeys = (): readonly string[] => []

const headerGetter: TextMapGetter<Headers> = {
  keys: headers => Object.keys(headers),
  get: (headers, key) => headers[key] as string | string[] | undefined,
}

function attempt<T>(fn: () => T): T | undefined {
  try {
    return fn()
  } catch (error) {
    sayFailure(error)
    return undefined
  }
}

// Getters, setters and propagators of the application: its carrier is left as it is, its request goes on.
function sayFailure(error: unknown): void {
  say('debug', 'ORG_OTEL_PROPAGATION', `a carrier could not be read or written: ${printError(error)}`)
}

/** The propagator for OTEL_PROPAGATORS, in that order; `others` are the application's own. */
export function buildPropagator(
  names: readonly PropagatorName[],
  others: readonly TextMapPropagator[] = [],
): LeanPropagator {
  const chosen = new Set(names.includes('none') ? [] : names)
  return new LeanPropagator(
    [...chosen].map(name => chooseFormat(name as Exclude<PropagatorName, 'none'>)),
    others,
  )
}
