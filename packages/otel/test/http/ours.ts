// Our HTTP room alone, with everything kept in memory. Bundled for the child processes of the differential test.

import { swallowedCount } from '../../src/self/guard.ts'
import { LeanContextManager } from '../../src/tracing/context.ts'
import type { EndedSpan } from '../../src/tracing/ended-span.ts'
import { attachHttp } from '../../src/tracing/http/attach.ts'
import { printWord } from '../../src/tracing/ids.ts'
import { buildPropagator } from '../../src/tracing/propagation/propagator.ts'
import { LeanTracerProvider } from '../../src/tracing/provider.ts'
import { publishApi } from '../../src/tracing/publish.ts'

let ended: EndedSpan[] = []
const tracerProvider = new LeanTracerProvider({ sink: { add: span => void ended.push(span) } })
const propagator = buildPropagator(['tracecontext', 'baggage'])
publishApi({ tracerProvider, propagator, contextManager: new LeanContextManager() })

const given = JSON.parse(process.env.HTTP_TEST_CONFIG ?? '{}') as Record<string, never>
const { sources, detach, counters } = attachHttp({
  tracerProvider,
  propagator,
  config: {
    http: {
      probePaths: [],
      probeUserAgents: [],
      captureRequestHeaders: [],
      captureResponseHeaders: [],
      redactQueryKeys: [
        'sig',
        'Signature',
        'AWSAccessKeyId',
        'X-Goog-Signature',
        'X-Amz-Signature',
        'X-Amz-Credential',
        'X-Amz-Security-Token',
        'access_token',
        'token',
        'code',
        'password',
        'api_key',
      ],
      ...given,
    },
    logs: { requestIdHeader: 'x-request-id' } as never,
    semconvOptIn: (process.env.OTEL_SEMCONV_STABILITY_OPT_IN ?? '').split(','),
    // Functions cannot be handed over in the environment.
    instrumentations: {
      options: (globalThis as { HTTP_TEST_OPTIONS?: object }).HTTP_TEST_OPTIONS ?? {},
    } as never,
  },
})

function toObject(flat: EndedSpan['attributes']): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (let i = 0; i < flat.length; i += 2) {
    const key = flat[i] as string
    if (key in out) throw new Error(`attribute ${key} twice`)
    out[key] = flat[i + 1]
  }
  return out
}

export function openSpans(): number {
  const { live } = tracerProvider.stats
  return (live[1] ?? 0) + (live[2] ?? 0)
}

export const swallowed = swallowedCount
export { counters, detach, sources }

export function takeSpans(): unknown[] {
  const spans = ended.map(span => ({
    name: span.name,
    kind: span.kind,
    traceId: [span.t0, span.t1, span.t2, span.t3].map(printWord).join(''),
    spanId: printWord(span.s0) + printWord(span.s1),
    ...(span.hasParent && { parentSpanId: printWord(span.p0) + printWord(span.p1) }),
    attributes: toObject([...(span.common?.attributes ?? []), ...span.attributes]),
    status: span.statusMessage
      ? { code: span.statusCode, message: span.statusMessage }
      : { code: span.statusCode },
    events: (span.events ?? []).map(({ name, attributes }) => ({ name, attributes })),
    scope: span.scope.name,
  }))
  ended = []
  return spans
}

export async function takeMetrics(): Promise<unknown[]> {
  return sources
    .map(source => ({
      name: source.name,
      unit: source.unit,
      description: source.description,
      scope: source.scope.name,
      points: source.collect().map(series => ({
        attributes: series.attributes,
        count: series.count,
        boundaries: source.boundaries,
        exemplars: series.exemplars,
      })),
    }))
    .filter(metric => metric.points.length > 0)
}
