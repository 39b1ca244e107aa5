// One request, whatever it came over: decode it, put it into the store, remember that it came.
import type { Store } from '../store/store.ts'
import { InFlight } from './body.ts'
import { decodeJson } from './json.ts'
import type { Limits } from './limits.ts'
import { decodeProtobuf } from './protobuf.ts'
import { readLogs, readMetrics, readSpans } from './records.ts'
import { Rejection } from './rejection.ts'
import { requests, type Signal } from './schema.ts'

export type Protocol = 'grpc' | 'http/protobuf' | 'http/json'

export interface ReceivedRequest {
  readonly signal: Signal
  readonly protocol: Protocol
  /** `identity`, `gzip`, ... */
  readonly encoding: string
  /** Bytes on the wire, before inflating. */
  readonly bytes: number
  /** Spans, log records or data points. */
  readonly items: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** When it was complete: milliseconds since the epoch. */
  readonly atMs: number
}

export interface IntakeStats {
  /** Requests answered with success. */
  accepted: number
  /** Requests refused because of what they contained, by reason. */
  rejected: Record<string, number>
  /** Requests that an injected fault answered. */
  failed: number
  /** The last refusal: reason and field path, never the raw input. */
  lastRejection: string | undefined
}

const rememberedRequests = 1000

export class Intake {
  readonly store: Store
  readonly requests: ReceivedRequest[] = []
  readonly limits: Limits
  readonly inFlight: InFlight
  readonly stats: IntakeStats = { accepted: 0, rejected: {}, failed: 0, lastRejection: undefined }

  constructor(store: Store, limits: Limits) {
    this.store = store
    this.limits = limits
    this.inFlight = new InFlight(limits.inFlightBytes)
  }

  accept(
    body: Buffer,
    request: {
      signal: Signal
      protocol: Protocol
      encoding: string
      bytes: number
      headers: Record<string, string>
    },
  ): void {
    const message = requests[request.signal]
    const decoded =
      request.protocol === 'http/json'
        ? decodeJson(body.toString('utf8'), message, this.limits)
        : decodeProtobuf(body, message, this.limits)
    // Everything is read before anything is stored: a refused request leaves no trace.
    let items: number
    if (request.signal === 'traces') {
      const spans = readSpans(decoded)
      items = this.remember(request, spans.length)
      this.store.addSpans(spans)
    } else if (request.signal === 'logs') {
      const logs = readLogs(decoded)
      items = this.remember(request, logs.length)
      this.store.addLogs(logs)
    } else {
      const points = readMetrics(decoded)
      items = this.remember(request, points.length)
      this.store.addMetrics(points)
    }
    if (items >= 0) this.stats.accepted++
  }

  /** Counts a refusal; anything that is not one is our own fault and becomes `internal`. */
  refuse(error: unknown): Rejection {
    const rejection = error instanceof Rejection ? error : new Rejection('internal', 'the receiver failed')
    this.stats.rejected[rejection.reason] = (this.stats.rejected[rejection.reason] ?? 0) + 1
    this.stats.lastRejection = `${rejection.reason}: ${rejection.message}`
    return rejection
  }

  private remember(request: Omit<ReceivedRequest, 'items' | 'atMs'>, items: number): number {
    if (this.requests.length >= rememberedRequests) this.requests.shift()
    this.requests.push({ ...request, items, atMs: Date.now() })
    return items
  }
}
