// The one door of this room: Node's HTTP server and client, HTTP/2 servers and fetch, hooked once, unhooked by `detach`.
import http from 'node:http'
import type { Config } from '../../config/config.ts'
import type { HistogramSource } from '../../metrics/histogram-source.ts'
import { buildQueryRedactor } from '../../redact/url.ts'
import { guard } from '../../self/guard.ts'
import type { LeanPropagator } from '../propagation/propagator.ts'
import type { LeanTracerProvider } from '../provider.ts'
import { buildCapturedHeaders } from './captured-headers.ts'
import { attachClient } from './client.ts'
import { type ExemplarFilter, RequestDurations, renderClientSeries, renderServerSeries } from './durations.ts'
import type { HttpCounters, HttpHooks } from './hooks.ts'
import { attachHttp2Server, type Http2ServerTracing } from './http2-server.ts'
import { buildServerTracing } from './incoming.ts'
import type { HttpInstrumentationOptions, UndiciInstrumentationOptions } from './instrumentation-options.ts'
import { watchListening } from './listening.ts'
import { patchEmit } from './observed.ts'
import { buildOldNames } from './old-names.ts'
import { buildProbeFilter } from './probes.ts'
import { attachServer } from './server.ts'
import { attachUndici } from './undici.ts'

/** The scopes upstream's spans and metrics have, so that dashboards by scope keep working. */
export const httpScope = { name: '@opentelemetry/instrumentation-http', version: '0.300.0' } as const
export const undiciScope = { name: '@opentelemetry/instrumentation-undici', version: '0.34.0' } as const

export interface HttpOptions {
  readonly tracerProvider: LeanTracerProvider
  readonly propagator: LeanPropagator
  /** `instrumentations.options.http` and `.undici` are upstream's options for its instrumentations of that name. */
  readonly config: Pick<Config, 'http' | 'logs' | 'instrumentations'> & Partial<Pick<Config, 'semconvOptIn'>>
  /** Where probes are counted; made when absent. */
  readonly counters?: HttpCounters
  /** false: no durations are counted and `sources` is empty. */
  readonly metrics?: boolean
  readonly exemplars?: ExemplarFilter
  /** Which parts to hook; all by default. `http` is server and client, `undici` is fetch as well. */
  readonly http?: boolean
  readonly undici?: boolean
}

export interface AttachedHttp {
  readonly sources: readonly HistogramSource[]
  readonly counters: HttpCounters
  detach(): void
}

/**
 *     const { sources, detach } = attachHttp({ tracerProvider, propagator, config })
 *
 * From now on every request of this process, incoming and outgoing, is traced and measured. Never throws.
 */
export function attachHttp(options: HttpOptions): AttachedHttp {
  const hooks = buildHooks(options)
  const undo: (() => void)[] = []
  const attach = (what: string, fn: () => (() => void)[]): void => {
    undo.push(...(guard(`attaching ${what}`, fn) ?? []))
  }
  if (options.http !== false) {
    const tracing = buildServerTracing(hooks)
    if (!hooks.http.disableIncomingRequestInstrumentation)
      attach('http server', () => {
        const http1 = attachServer(hooks, tracing)
        let http2: Http2ServerTracing | undefined
        const unwatch = watchListening((kind, prototype) => {
          if (kind === 'https') http1.patchServers(prototype)
          else {
            http2 ??= attachHttp2Server(hooks, tracing)
            http2.patchServers(prototype)
          }
        })
        return [unwatch, () => http2?.detach(), () => http1.detach()]
      })
    if (!hooks.http.disableOutgoingRequestInstrumentation)
      attach('http client', () => {
        const client = attachClient(hooks)
        return [() => client.detach(), patchEmit(http.IncomingMessage.prototype, client.watchResponse)]
      })
  }
  if (options.undici !== false) attach('undici', () => [attachUndici(hooks)])
  const sources: HistogramSource[] = [
    hooks.serverDurations,
    hooks.clientDurations,
    hooks.undiciDurations,
    ...(hooks.oldNames?.sources ?? []),
  ].filter(source => source !== null)
  return {
    sources,
    counters: hooks.counters,
    detach() {
      for (const fn of undo.splice(0).reverse()) guard('detaching http', fn)
    },
  }
}

function buildHooks(options: HttpOptions): HttpHooks {
  const { config, tracerProvider, metrics = true, exemplars = 'trace_based' } = options
  const isHttp = metrics && options.http !== false
  const isUndici = metrics && options.undici !== false
  const { http = {}, undici = {} } = config.instrumentations.options as {
    http?: HttpInstrumentationOptions
    undici?: UndiciInstrumentationOptions
  }
  const redactor = tracerProvider.redactor?.query ?? buildQueryRedactor(config.http.redactQueryKeys ?? [])
  const captured = (
    more: { requestHeaders?: readonly string[]; responseHeaders?: readonly string[] } = {},
  ) => ({
    request: buildCapturedHeaders('request', [
      ...config.http.captureRequestHeaders,
      ...(more.requestHeaders ?? []),
    ]),
    response: buildCapturedHeaders('response', [
      ...config.http.captureResponseHeaders,
      ...(more.responseHeaders ?? []),
    ]),
  })
  return {
    tracer: tracerProvider.getTracer(httpScope.name, httpScope.version),
    undiciTracer: tracerProvider.getTracer(undiciScope.name, undiciScope.version),
    propagator: options.propagator,
    serverDurations: isHttp
      ? new RequestDurations({
          name: 'http.server.request.duration',
          description: 'Duration of HTTP server requests.',
          scope: httpScope,
          render: renderServerSeries,
          exemplars,
        })
      : null,
    clientDurations: isHttp
      ? new RequestDurations({
          name: 'http.client.request.duration',
          description: 'Duration of HTTP client requests.',
          scope: httpScope,
          render: renderClientSeries,
          exemplars,
        })
      : null,
    undiciDurations: isUndici
      ? new RequestDurations({
          name: 'http.client.request.duration',
          description: 'Measures the duration of outbound HTTP requests.',
          scope: undiciScope,
          render: renderClientSeries,
          exemplars,
        })
      : null,
    serverRedactor: http.redactedQueryParamsServer
      ? buildQueryRedactor(http.redactedQueryParamsServer)
      : redactor,
    clientRedactor: http.redactedQueryParams ? buildQueryRedactor(http.redactedQueryParams) : redactor,
    undiciRedactor: redactor,
    probes: buildProbeFilter(config.http),
    counters: options.counters ?? { probes: 0 },
    serverHeaders: captured(http.headersToSpanAttributes?.server),
    clientHeaders: captured(http.headersToSpanAttributes?.client),
    undiciHeaders: captured(undici.headersToSpanAttributes),
    http,
    undici,
    requestIdHeader: config.logs.requestIdHeader?.toLowerCase(),
    oldNames: config.semconvOptIn?.includes('http/dup')
      ? buildOldNames(isHttp ? httpScope : undefined, isUndici ? undiciScope : undefined)
      : undefined,
  }
}
