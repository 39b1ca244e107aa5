// Builds OTLP JSON requests for tests, and sends them: the shortest way to put known telemetry into a receiver.
import type { Receiver } from '../src/receive/receiver.ts'

export interface TestSpan {
  /** Short ids are padded: `a` is `aaaa…`. */
  readonly trace?: string
  readonly id: string
  readonly parent?: string
  readonly name?: string
  readonly kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer'
  readonly service?: string
  /** Milliseconds after a fixed moment. */
  readonly at?: number
  readonly ms?: number
  readonly attributes?: Record<string, string | number | boolean>
  readonly error?: string
  readonly links?: readonly { trace: string; id: string }[]
}

export const epochMs = 1_700_000_000_000
const kinds = ['', 'internal', 'server', 'client', 'producer', 'consumer']

export const traceId = (short: string) => short.padEnd(32, short)
export const spanId = (short: string) => short.padStart(16, '0')

export function keyValues(attributes: Record<string, string | number | boolean>): object[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value:
      typeof value === 'string'
        ? { stringValue: value }
        : typeof value === 'boolean'
          ? { boolValue: value }
          : Number.isInteger(value)
            ? { intValue: String(value) }
            : { doubleValue: value },
  }))
}

export function traceRequest(spans: readonly TestSpan[]): object {
  return {
    resourceSpans: spans.map(span => ({
      resource: { attributes: keyValues({ 'service.name': span.service ?? 'app' }) },
      scopeSpans: [
        {
          scope: { name: 'test' },
          spans: [
            {
              traceId: traceId(span.trace ?? 'a'),
              spanId: spanId(span.id),
              ...(span.parent === undefined ? {} : { parentSpanId: spanId(span.parent) }),
              name: span.name ?? span.id,
              kind: Math.max(1, kinds.indexOf(span.kind ?? 'internal')),
              startTimeUnixNano: nano(span.at ?? 0),
              endTimeUnixNano: nano((span.at ?? 0) + (span.ms ?? 1)),
              attributes: keyValues(span.attributes ?? {}),
              status: span.error === undefined ? {} : { code: 2, message: span.error },
              links: (span.links ?? []).map(link => ({
                traceId: traceId(link.trace),
                spanId: spanId(link.id),
              })),
            },
          ],
        },
      ],
    })),
  }
}

export function post(
  receiver: Receiver,
  signal: 'traces' | 'metrics' | 'logs',
  body: unknown,
): Promise<Response> {
  return fetch(`${receiver.url}/v1/${signal}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

export const send = (receiver: Receiver, spans: readonly TestSpan[]) =>
  post(receiver, 'traces', traceRequest(spans))

function nano(ms: number): string {
  return String(BigInt(Math.round((epochMs + ms) * 1000)) * 1000n)
}
