// An inbound request id is passed on as it came, in the header it came in (issue 5): never made up, never the trace id.
import type { Context, TextMapPropagator } from '@opentelemetry/api'
import { swallow } from '../../self/guard.ts'
import { isSuppressed } from '../context.ts'
import { parseRequestId, REQUEST_ID_KEY } from './hooks.ts'

/** The id of the request this context serves; undefined outside of one, or when it brought none. */
export function readRequestId(context: Context): string | undefined {
  const id = context.getValue(REQUEST_ID_KEY)
  return typeof id === 'string' ? id : undefined
}

/** Whether a header block, as Node's client has it, names `header` (lower case) already. */
export function hasHeader(
  headers: Record<string, unknown> | unknown[] | null | undefined,
  header: string,
): boolean {
  if (headers == null) return false
  const isIt = (key: unknown): boolean => typeof key === 'string' && key.toLowerCase() === header
  if (!Array.isArray(headers)) return header in headers || Object.keys(headers).some(isIt)
  // Pairs, or names and values in turn.
  return headers.some((item, i) => (Array.isArray(item) ? isIt(item[0]) : i % 2 === 0 && isIt(item)))
}

/** As much of gRPC's `Metadata` as it takes to know it: other carriers (messages, jobs) have no request headers. */
interface Metadata {
  get(key: string): readonly unknown[]
  getMap(): object
  set(key: string, value: string): void
}

function isMetadata(carrier: unknown): carrier is Metadata {
  if (typeof carrier !== 'object' || carrier === null) return false
  const { get, getMap, set } = carrier as Partial<Metadata>
  return [get, getMap, set].every(method => typeof method === 'function')
}

/** The propagator, passing `header` (lower case) on with gRPC calls too: their instrumentation asks only for this. */
export function passWithGrpc(propagator: TextMapPropagator, header: string): TextMapPropagator {
  return {
    fields: () => propagator.fields(),
    inject(context, carrier, setter) {
      propagator.inject(context, carrier, setter)
      try {
        const id = readRequestId(context)
        if (id === undefined || isSuppressed(context) || !isMetadata(carrier)) return
        if (carrier.get(header).length === 0) carrier.set(header, id)
      } catch (error) {
        swallow('request id of a gRPC call', error)
      }
    },
    extract(context, carrier, getter) {
      const extracted = propagator.extract(context, carrier, getter)
      try {
        const id = isMetadata(carrier) ? parseRequestId(carrier.get(header).map(String)) : undefined
        return id === undefined ? extracted : extracted.setValue(REQUEST_ID_KEY, id)
      } catch (error) {
        swallow('request id of a gRPC call', error)
        return extracted
      }
    },
  }
}
