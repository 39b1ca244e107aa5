// What a person should know about sending, said once: when nobody answers, when it is over and what it cost, when a
// collector refuses. Header values and URL credentials never appear.
import { describeEndpoint } from '../self/endpoint-text.ts'
import { isSaid, say } from '../self/log.ts'
import type { Ledger } from './account.ts'
import type { LaneOptions } from './outbox.ts'
import type { Outcome } from './outcome.ts'

/** The same condition is not mentioned more often than this. */
const quietMs = 60_000

interface Place {
  /** When the current outage began and what the ledgers said then; `undefined` while all is well. */
  down: { sinceMs: number; said: boolean; droppedBefore: number } | undefined
  readonly ledgers: Set<Ledger>
  readonly saidAtMs: Map<string, number>
}

export class Reports {
  private readonly places = new Map<string, Place>()
  private readonly bufferBytes: number
  private readonly now: () => number

  constructor(bufferBytes: number, now: () => number = Date.now) {
    this.bufferBytes = bufferBytes
    this.now = now
  }

  failed(lane: LaneOptions, outcome: Outcome & { kind: 'retry' }): void {
    const place = this.placeOf(lane)
    if (place.down !== undefined) return
    const allowed = this.mayWarn(place, 'down')
    place.down = { sinceMs: this.now(), said: allowed, droppedBefore: droppedBy(place.ledgers) }
    if (!allowed) return
    const where = describeEndpoint(lane.target.endpoint)
    const what = outcome.unreachable
      ? `cannot reach ${where}: ${outcome.says}`
      : `${where} does not take telemetry: ${outcome.says}`
    say(
      'warn',
      outcome.unreachable ? 'ORG_OTEL_EXPORT_UNREACHABLE' : 'ORG_OTEL_EXPORT_RETRYING',
      `${what}; keeping up to ${describeBytes(this.bufferBytes)} and trying again (since ${this.timestamp()}); ` +
        'check OTEL_EXPORTER_OTLP_ENDPOINT and the collector',
    )
  }

  accepted(lane: LaneOptions, requestsWaiting: number): void {
    const place = this.places.get(lane.destination)
    if (place?.down === undefined) return
    const { sinceMs, said, droppedBefore } = place.down
    place.down = undefined
    if (!said) return
    let waiting = 0
    for (const ledger of place.ledgers) waiting += ledger.queued
    const seconds = Math.max(1, Math.round((this.now() - sinceMs) / 1000))
    say(
      'warn',
      'ORG_OTEL_EXPORT_RECOVERED',
      `${describeEndpoint(lane.target.endpoint)} answers again after ${seconds} s (${this.timestamp()}); ` +
        `${waiting} items in ${requestsWaiting} requests were kept and are being sent, ` +
        `${droppedBy(place.ledgers) - droppedBefore} were dropped`,
    )
  }

  refused(lane: LaneOptions, items: number, outcome: Outcome & { kind: 'refused' }): void {
    if (!this.mayWarn(this.placeOf(lane), `refused ${lane.ledger.signal} ${outcome.code}`)) return
    say(
      'warn',
      'ORG_OTEL_EXPORT_REFUSED',
      `${describeEndpoint(lane.target.endpoint)} refuses ${lane.ledger.signal}: ${outcome.says}; ` +
        `${items} items dropped, not retried (${this.timestamp()})`,
    )
  }

  partial(lane: LaneOptions, rejected: number, message: string): void {
    if (!this.mayWarn(this.placeOf(lane), `partial ${lane.ledger.signal}`)) return
    say(
      'warn',
      'ORG_OTEL_EXPORT_PARTIAL',
      `${describeEndpoint(lane.target.endpoint)} took ${lane.ledger.signal} but refused ${rejected} items` +
        `${message === '' ? '' : `: ${message.slice(0, 300)}`} (${this.timestamp()})`,
    )
  }

  tooLarge(lane: LaneOptions, bytes: number, outcome: Outcome & { kind: 'too_large' }): void {
    if (!this.mayWarn(this.placeOf(lane), `too large ${lane.ledger.signal}`)) return
    say(
      'warn',
      'ORG_OTEL_EXPORT_TOO_LARGE',
      `${describeEndpoint(lane.target.endpoint)} refuses a single item of ${describeBytes(bytes)} ` +
        `(${outcome.says}); dropped; set OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT to bound values (${this.timestamp()})`,
    )
  }

  overflow(lane: LaneOptions, items: number, capacityBytes: number): void {
    if (!this.mayWarn(this.placeOf(lane), 'overflow')) return
    say(
      'warn',
      'ORG_OTEL_EXPORT_BUFFER_FULL',
      `the buffer of ${describeBytes(capacityBytes)} is full; dropping the oldest telemetry, ` +
        `first ${items} items of ${lane.ledger.signal} (${this.timestamp()})`,
    )
  }

  /** Each request with its answer, for who looks closely. */
  sent(lane: LaneOptions, items: number, bytes: number, durationMs: number, outcome: Outcome): void {
    if (!isSaid('debug')) return
    const answer = outcome.kind === 'accepted' ? 'accepted' : `${outcome.kind} (${outcome.says})`
    const rejected =
      outcome.kind === 'accepted' && outcome.rejected > 0 ? `, ${outcome.rejected} rejected` : ''
    say(
      'debug',
      'ORG_OTEL_EXPORT_SENT',
      `${items} items of ${lane.ledger.signal}, ${bytes} bytes, to ${describeEndpoint(lane.target.endpoint)}: ` +
        `${answer}${rejected} in ${durationMs.toFixed(1)} ms (${this.timestamp()})`,
    )
  }

  private placeOf(lane: LaneOptions): Place {
    let place = this.places.get(lane.destination)
    if (place === undefined) {
      place = { down: undefined, ledgers: new Set(), saidAtMs: new Map() }
      this.places.set(lane.destination, place)
    }
    place.ledgers.add(lane.ledger)
    return place
  }

  private mayWarn(place: Place, condition: string): boolean {
    const now = this.now()
    const last = place.saidAtMs.get(condition)
    if (last !== undefined && now - last < quietMs) return false
    place.saidAtMs.set(condition, now)
    return true
  }

  private timestamp(): string {
    return new Date(this.now()).toISOString()
  }
}

function droppedBy(ledgers: Iterable<Ledger>): number {
  let total = 0
  for (const ledger of ledgers) total += ledger.droppedTotal()
  return total
}

function describeBytes(bytes: number): string {
  return bytes < 1 << 20 ? `${Math.ceil(bytes / 1024)} KiB` : `${Math.round(bytes / (1 << 20))} MiB`
}
