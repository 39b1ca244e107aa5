// Everything that leaves the process, for all signals: sinks in front, one bounded outbox behind.
//
//   sinks (encode at once) -> batches -> outbox (bytes, bounded, retried) -> the chosen protocol
//
// Building it costs next to nothing: no sender, no socket and no zlib before the first batch is due.
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import type { Config, ExporterName, OtlpTarget, Signal } from '../config/config.ts'
import { guard, swallow } from '../self/guard.ts'
import { version } from '../self/version.ts'
import type { SpanSink } from '../tracing/ended-span.ts'
import { type Account, type AccountLine, Ledger } from './account.ts'
import { Batcher } from './batcher.ts'
import { OperationDurations } from './durations.ts'
import { printLast } from './last-bodies.ts'
import type { Lease } from './lease.ts'
import { encodeLog, type LogSink } from './log-encoder.ts'
import { Outbox, type Waiting } from './outbox.ts'
import { Reports } from './reports.ts'
import { type EncodedResource, encodeResource, type Resource } from './resource-encoder.ts'
import { chooseSender } from './sender.ts'
import { encodeSpan } from './span-encoder.ts'
import { toWireRequest, type WireRequest } from './wire-request.ts'

/** Delivers requests synchronously within the budget; gives back, for each, whether it was accepted. */
export type Speak = (requests: readonly WireRequest[], budgetMs: number) => readonly boolean[]

export interface Export {
  /** For ended, sampled spans. Discards when no trace exporter is configured. */
  readonly spans: SpanSink
  readonly logs: LogSink
  /** For what a MetricReader collected. Resolves when it is encoded and handed over; delivery is the outbox's business. */
  readonly metrics: { export(collected: ResourceMetrics): Promise<void> }
  readonly account: Account
  /** Replaces the resource for later requests, when a detector has found out more. */
  setResource(resource: Resource): void
  /**
   * Sends everything that is pending once, or gives up after `deadlineMs`; what could not be sent stays pending. Keeps
   * the process alive meanwhile. Never rejects.
   */
  flush(deadlineMs: number): Promise<void>
  /**
   * For the `exit` event: hands what is pending to `speak`, at most `budgetMs` long. Does nothing when nothing is
   * pending or the collector was found unreachable a moment ago.
   */
  lastWords(budgetMs: number, speak: Speak): void
  /** Flushes, then closes connections. Items added later are counted as dropped. */
  shutdown(deadlineMs?: number): Promise<void>
}

interface Route {
  readonly ledger: Ledger
  readonly put: (request: Lease, items: number) => void
}

export function createExport(config: Config, resource: Resource = config.resource): Export {
  const durations = new OperationDurations({ name: '@org/otel', version })
  const outbox = new Outbox({
    capacityBytes: config.export.bufferBytes,
    durations,
    reports: new Reports(config.export.bufferBytes),
  })
  let encoded: EncodedResource | undefined
  let current = resource
  const encodedResource = () => (encoded ??= encodeResource(current))

  const routes = {
    traces: openRoutes(
      outbox,
      'traces',
      config.traces.exporters,
      config.traces.otlp,
      timeoutOf(config, 'traces'),
      config,
    ),
    metrics: openRoutes(
      outbox,
      'metrics',
      config.metrics.exporters,
      config.metrics.otlp,
      timeoutOf(config, 'metrics'),
      config,
    ),
    logs: openRoutes(
      outbox,
      'logs',
      config.logs.exporters,
      config.logs.otlp,
      timeoutOf(config, 'logs'),
      config,
    ),
  }
  const spans = new Batcher({
    encode: encodeSpan,
    limits: config.traces.batch,
    resource: encodedResource,
    ledgers: routes.traces.map(r => r.ledger),
    handOver: (request, items) => putAll(routes.traces, request, items),
  })
  const logs = new Batcher({
    encode: encodeLog,
    limits: config.logs.batch,
    resource: encodedResource,
    ledgers: routes.logs.map(r => r.ledger),
    handOver: (request, items) => putAll(routes.logs, request, items),
  })
  let closed = false

  const flush = async (deadlineMs: number) => {
    spans.flush()
    logs.flush()
    await outbox.flush(deadlineMs)
  }

  return {
    spans: routes.traces.length === 0 ? discard : spans,
    logs: routes.logs.length === 0 ? discard : logs,
    metrics: {
      async export(collected) {
        if (routes.metrics.length === 0) return
        try {
          // Only who sends metrics needs to know how they are encoded.
          const { encodeMetrics } = await import('./metric-encoder.ts')
          const encodedMetrics = encodeMetrics(collected, encodedResource())
          if (encodedMetrics === undefined) return
          const { request, items } = encodedMetrics
          for (const { ledger } of routes.metrics) ledger.created += items
          putAll(routes.metrics, request, items)
          request.release()
        } catch (error) {
          swallow('metrics', error)
        }
      },
    },
    account: {
      lines: () => Object.values(routes).flatMap(list => list.map(r => renderLine(r.ledger, spans, logs))),
      durations,
      bufferedBytes: () => outbox.bytes,
    },
    setResource(next) {
      current = next
      encoded = undefined
    },
    flush,
    lastWords(budgetMs, speak) {
      try {
        spans.flush()
        logs.flush()
        printConsole(outbox.waiting())
        const began = performance.now()
        const { hopeless } = outbox
        outbox.readAnswers(hopeless ? 0 : budgetMs)
        if (hopeless) return
        const left = () => budgetMs - (performance.now() - began)
        const waiting = outbox.waiting().flatMap((w, i, all) => {
          const request = guard('last words', () => toWireRequest(w))
          // A collector that is slow to answer one must not take the time of all: the child sends them side by side.
          const ownMs = i === all.length - 1 ? left() : left() / 2
          return request === undefined || isSentNow(w, request, ownMs) ? [] : [{ ...w, request }]
        })
        if (waiting.length === 0) return
        const delivered = speak(
          waiting.map(w => w.request),
          Math.max(1, Math.round(left())),
        )
        for (const [i, { ledger, items }] of waiting.entries()) if (delivered[i]) ledger.settleExported(items)
      } catch (error) {
        swallow('last words', error)
      }
    },
    async shutdown(deadlineMs = config.exit.deadlineMs) {
      if (closed) return
      closed = true
      spans.close()
      logs.close()
      await outbox.flush(deadlineMs)
      outbox.stop()
    },
  }
}

/** Over a connection that is open, when there is one: without a child process. */
function isSentNow({ sender, ledger, items }: Waiting, request: WireRequest, budgetMs: number): boolean {
  if (budgetMs <= 0) return false
  const outcome = guard('last words', () => sender?.sendNow?.(request, budgetMs))
  if (outcome === 'accepted') ledger.settleExported(items)
  if (outcome === 'unanswered') ledger.unconfirmed += items
  return outcome === 'accepted' || outcome === 'unanswered'
}

/** The console needs nobody to send for it, and no time. */
function printConsole(waiting: readonly Waiting[]): void {
  for (const { ledger, bytes, gzipped, items } of waiting) {
    if (ledger.exporter !== 'console') continue
    printLast(ledger.signal, bytes, gzipped)
    ledger.settleExported(items)
  }
}

const discard: SpanSink & LogSink = { add() {} }

function putAll(routes: readonly Route[], request: Lease, items: number): void {
  for (const { put } of routes) put(request, items)
}

function timeoutOf(config: Config, signal: Signal): number {
  if (signal === 'metrics') return Math.min(config.metrics.otlp.timeoutMs, config.metrics.timeoutMs)
  const { otlp, batch } = config[signal]
  return Math.min(otlp.timeoutMs, batch.exportTimeoutMs)
}

function openRoutes(
  outbox: Outbox,
  signal: Signal,
  exporters: readonly ExporterName[],
  otlp: OtlpTarget,
  timeoutMs: number,
  config: Config,
): Route[] {
  const routes: Route[] = []
  for (const exporter of exporters) {
    const kind = chooseSender(exporter, otlp)
    if (kind === undefined || (exporter === 'zipkin' && signal !== 'traces')) continue
    const target =
      exporter === 'zipkin' ? { ...otlp, endpoint: config.traces.zipkinEndpoint, headers: {} } : otlp
    const ledger = new Ledger(signal, exporter, otlp.protocol)
    const destination = destinationKey(exporter, target)
    routes.push({ ledger, put: outbox.open({ ledger, target, kind, destination, timeoutMs }) })
  }
  return routes
}

/** Signals that go to the same server by the same protocol share a connection. */
function destinationKey(exporter: ExporterName, target: OtlpTarget): string {
  let origin = target.endpoint
  try {
    origin = new URL(target.endpoint).host
  } catch {
    // Not a URL: said when the first request fails.
  }
  return `${exporter} ${target.protocol} ${origin} ${JSON.stringify(target.tls)}`
}

function renderLine(ledger: Ledger, spans: Batcher<any>, logs: Batcher<any>): AccountLine {
  const batcher = ledger.signal === 'traces' ? spans : ledger.signal === 'logs' ? logs : undefined
  const batchSize = batcher?.size ?? 0
  return {
    signal: ledger.signal,
    exporter: ledger.exporter,
    component: ledger.component,
    created: ledger.created,
    exported: ledger.exported,
    dropped: { ...ledger.dropped },
    pending: ledger.queued + batchSize,
    inFlight: ledger.inFlight,
    unconfirmed: ledger.unconfirmed,
    batchSize,
    batchCapacity: batcher?.capacity ?? 0,
  }
}
