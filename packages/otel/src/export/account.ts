// Nothing is lost silently: for each signal and exporter, created == exported + dropped (by reason) + pending at every
// moment. The metrics room turns these numbers into `otel.sdk.processor.*` and `otel.sdk.exporter.*`.
import type { ExporterName, Protocol, Signal } from '../config/config.ts'
import type { HistogramSource } from '../metrics/histogram-source.ts'

/** Why an item was not delivered; the value of `error.type` on the metrics. */
export type DropReason =
  /** The buffer for waiting requests was full; the oldest went. */
  | 'queue_full'
  /** It could not be encoded. */
  | 'encoding'
  /** Too large for the collector or the buffer even on its own. */
  | 'too_large'
  /** The collector refused it for good (400, 401, UNIMPLEMENTED, ...). */
  | 'rejected'
  /** The collector took the request but not this item. */
  | 'partial_success'
  /** It came after the shutdown, or was still here when it ended. */
  | 'shutdown'

export interface AccountLine {
  readonly signal: Signal
  readonly exporter: ExporterName
  /** `otel.component.type` of the exporter: `otlp_grpc_span_exporter`, ... */
  readonly component: string
  readonly created: number
  readonly exported: number
  readonly dropped: Readonly<Record<DropReason, number>>
  /** Being batched, waiting or in flight. */
  readonly pending: number
  /** Part of `pending`: inside a request that was sent and not answered. */
  readonly inFlight: number
  /** Part of `inFlight`, at the end of the process: sent in full on a connection that lives, and not answered in time. */
  readonly unconfirmed: number
  /** Items that may wait unsent in the batch being filled; the buffer behind it is bounded in bytes. */
  readonly batchCapacity: number
  readonly batchSize: number
}

/** Semantic conventions, registry entry `otel.component.type`. */
const exporterTypes: Record<string, string> = {
  grpc: 'otlp_grpc',
  'http/protobuf': 'otlp_http',
  'http/json': 'otlp_http_json',
  zipkin: 'zipkin_http',
}
const records: Record<Signal, string> = { traces: 'span', metrics: 'metric', logs: 'log' }

/** The mutable side of one line. Counters only: cheap enough for the hot path. */
export class Ledger {
  created = 0
  exported = 0
  /** Items handed over by the batcher and not settled yet. */
  queued = 0
  inFlight = 0
  unconfirmed = 0
  readonly dropped: Record<DropReason, number> = {
    queue_full: 0,
    encoding: 0,
    too_large: 0,
    rejected: 0,
    partial_success: 0,
    shutdown: 0,
  }
  readonly signal: Signal
  readonly exporter: ExporterName
  readonly component: string

  constructor(signal: Signal, exporter: ExporterName, protocol: Protocol) {
    this.signal = signal
    this.exporter = exporter
    this.component = `${exporterTypes[exporter === 'otlp' ? protocol : exporter] ?? exporter}_${records[signal]}_exporter`
  }

  /** Settles items that were queued. */
  settleExported(items: number): void {
    this.queued -= items
    this.exported += items
  }

  settleDropped(items: number, reason: DropReason): void {
    this.queued -= items
    this.dropped[reason] += items
  }

  droppedTotal(): number {
    let total = 0
    for (const n of Object.values(this.dropped)) total += n
    return total
  }
}

export interface Account {
  /** One line per signal and exporter, as it is now. */
  lines(): AccountLine[]
  /** `otel.sdk.exporter.operation.duration`, in seconds, with `error.type` on failures. */
  readonly durations: HistogramSource
  /** Bytes of waiting requests over all signals. */
  bufferedBytes(): number
}
