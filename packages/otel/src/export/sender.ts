// What the outbox needs from a protocol, and where each protocol is loaded from. Only the chosen one is ever loaded.
import type { ExporterName, OtlpTarget, Signal } from '../config/config.ts'
import type { Outcome } from './outcome.ts'
import type { WireRequest } from './wire-request.ts'

export interface Shipment {
  readonly signal: Signal
  /** A complete Export*ServiceRequest in protobuf. */
  readonly bytes: Buffer
  readonly gzipped: boolean
  readonly items: number
}

/** A connection to one place. `send` is one attempt, ends within `timeoutMs` and never rejects. */
export interface Sender {
  send(target: OtlpTarget, shipment: Shipment, timeoutMs: number): Promise<Outcome>
  close(): void
  /**
   * For the `exit` event: what became of the shipments in flight, by their bytes, read synchronously and waited for at
   * most `budgetMs`. Absent where nothing is ever in flight for long.
   */
  readAnswers?(budgetMs: number): LateAnswers
  /** For the `exit` event, after `readAnswers`: sends it synchronously if a connection is open that can do that. */
  sendNow?(request: WireRequest, budgetMs: number): SentNow
}

/** `failed`: it may go again, another way. `unanswered`: sent in full, and the time is over. */
export type SentNow = 'accepted' | 'unanswered' | 'failed'

/** Shipments in neither of the two were not sent in full, or refused, or their connection is gone: they may go again. */
export interface LateAnswers {
  readonly accepted: ReadonlySet<Buffer>
  /** Sent in full on a connection that lives, and not answered: accepted, most likely, or about to be. */
  readonly unanswered: ReadonlySet<Buffer>
}

export interface SenderKind {
  /** Whether requests may be handed over compressed; the others transcode and need the plain bytes. */
  readonly takesGzip: boolean
  load(): Promise<() => Sender>
}

const grpc: SenderKind = {
  takesGzip: true,
  load: async () => (await import('./grpc-sender.ts')).createGrpcSender,
}
const httpProtobuf: SenderKind = {
  takesGzip: true,
  load: async () => (await import('./http-sender.ts')).createHttpSender,
}
const httpJson: SenderKind = {
  takesGzip: false,
  load: async () => (await import('./json-sender.ts')).createJsonSender,
}
const consoleKind: SenderKind = {
  takesGzip: false,
  load: async () => (await import('./console-exporter.ts')).createConsoleExporter,
}
const zipkin: SenderKind = {
  takesGzip: false,
  load: async () => (await import('./zipkin-sender.ts')).createZipkinSender,
}

/** `undefined` for exporters that are not fed by requests (prometheus, none). */
export function chooseSender(exporter: ExporterName, target: OtlpTarget): SenderKind | undefined {
  switch (exporter) {
    case 'otlp':
      return target.protocol === 'grpc' ? grpc : target.protocol === 'http/json' ? httpJson : httpProtobuf
    case 'console':
      return consoleKind
    case 'zipkin':
      return zipkin
    default:
      return undefined
  }
}
