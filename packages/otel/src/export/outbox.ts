// Requests that wait to be sent: bytes, bounded over all signals, oldest dropped first. Sends, retries, splits, and
// settles every item in the account.
//
//   batcher -> lane (one per signal and exporter) -> destination (one per place) -> sender -> collector
//
// Back-off belongs to the lane when the collector answered (one signal's pipeline may be stuck while the others flow)
// and to the whole destination when nobody answered.
import type { OtlpTarget } from '../config/config.ts'
import { swallow } from '../self/guard.ts'
import type { Ledger } from './account.ts'
import { computeBackoffMs } from './backoff.ts'
import type { OperationDurations } from './durations.ts'
import type { Lease } from './lease.ts'
import type { Outcome } from './outcome.ts'
import type { Reports } from './reports.ts'
import type { Sender, SenderKind } from './sender.ts'
import { splitRequest } from './split.ts'
import { runUntraced } from './untraced.ts'

/** Requests on their way to one place at the same time; the second only when a backlog is being worked off. */
const maxInFlight = 2

export interface LaneOptions {
  readonly ledger: Ledger
  readonly target: OtlpTarget
  readonly kind: SenderKind
  /** Lanes with the same key share a connection, the in-flight limit and the news whether anybody answers. */
  readonly destination: string
  readonly timeoutMs: number
}

interface Packet {
  readonly sequence: number
  readonly lane: Lane
  bytes: Buffer
  /** Where `bytes` are from, as long as they are what the batcher wrote. The packet is one of its users. */
  lease: Lease | undefined
  gzipped: boolean
  /** Uncompressed size. */
  readonly plainBytes: number
  readonly items: number
  /** At the end of the process: sent in full and not answered. It is not sent again. */
  unconfirmed: boolean
}

class Lane {
  readonly queue: Packet[] = []
  inFlight = 0
  failures = 0
  /** Attempts after which a request had to wait: tells a flush that it has tried. */
  postponed = 0
  blockedUntilMs = 0
  /** Blocked because nobody answered: one answer to any lane of the destination ends it. */
  blockedByOutage = false
  /** Plain size that was once refused as too large: what is as big is cut before it is sent. */
  tooLargeBytes = Number.POSITIVE_INFINITY
  readonly options: LaneOptions
  readonly destination: Destination

  constructor(options: LaneOptions, destination: Destination) {
    this.options = options
    this.destination = destination
  }

  get idle(): boolean {
    return this.queue.length === 0 && this.inFlight === 0
  }
}

class Destination {
  readonly lanes: Lane[] = []
  readonly inFlight = new Set<Packet>()
  sender: Promise<Sender> | undefined
  loaded: Sender | undefined
  timer: NodeJS.Timeout | undefined
  /** Consecutive attempts, over all lanes, that nobody answered. */
  unanswered = 0
}

/** How long a flush in vain speaks for the next attempt. */
const hopelessMs = 1000
/** Smaller requests grow or gain nothing worth a trip to the thread pool. */
const worthCompressingBytes = 1024

/** zlib is loaded with the first request that needs it. */
let compression: Promise<typeof import('./compression.ts')> | undefined
function loadCompression(): Promise<typeof import('./compression.ts')> {
  compression ??= import('./compression.ts')
  return compression
}

/** Chance is a parameter so that tests can hold it. */
export interface OutboxOptions {
  readonly capacityBytes: number
  readonly durations: OperationDurations
  readonly reports: Reports
  readonly random?: () => number
}

export interface Waiting {
  readonly target: OtlpTarget
  readonly kind: SenderKind
  readonly ledger: Ledger
  readonly bytes: Buffer
  readonly gzipped: boolean
  readonly items: number
  /** undefined before the first request. */
  readonly sender: Sender | undefined
}

export class Outbox {
  bytes = 0
  private sequence = 0
  private stopped = false
  private gaveUpAtMs = Number.NEGATIVE_INFINITY
  private readonly lanes: Lane[] = []
  private readonly destinations = new Map<string, Destination>()
  private readonly waiters = new Set<() => void>()
  private readonly options: OutboxOptions
  private readonly random: () => number

  constructor(options: OutboxOptions) {
    this.options = options
    this.random = options.random ?? Math.random
  }

  /** Opens a way for one signal to one place; the returned function takes complete requests. */
  open(options: LaneOptions): (request: Lease, items: number) => void {
    let destination = this.destinations.get(options.destination)
    if (destination === undefined) {
      destination = new Destination()
      this.destinations.set(options.destination, destination)
    }
    const lane = new Lane(options, destination)
    destination.lanes.push(lane)
    this.lanes.push(lane)
    return (request, items) => this.put(lane, request, items)
  }

  private put(lane: Lane, request: Lease, items: number): void {
    const { ledger } = lane.options
    ledger.queued += items
    if (this.stopped) {
      ledger.settleDropped(items, 'shutdown')
      return
    }
    const packet: Packet = {
      sequence: this.sequence++,
      lane,
      bytes: request.bytes,
      lease: request.retain(),
      gzipped: false,
      plainBytes: request.bytes.length,
      items,
      unconfirmed: false,
    }
    lane.queue.push(packet)
    this.bytes += packet.bytes.length
    this.pump(lane.destination)
    this.dropOverflow()
    // It has to wait: small bytes wait better. Unless it will be sent compressed anyway, only an outage is worth the work.
    if (lane.queue.includes(packet) && (wantsGzip(lane) || lane.failures > 0)) {
      void runUntraced(() => this.compact(packet))
    }
  }

  /**
   * Tries to deliver everything once, whatever the back-off says, until it is gone, an attempt failed, or the deadline
   * is over. Keeps the process alive while it waits. Never rejects.
   */
  flush(deadlineMs: number): Promise<void> {
    const waiting = this.lanes.filter(lane => !lane.idle).map(lane => ({ lane, postponed: lane.postponed }))
    if (waiting.length === 0) return Promise.resolve()
    for (const { lane } of waiting) lane.blockedUntilMs = 0
    return new Promise(resolve => {
      const done = () => {
        clearTimeout(timer)
        this.waiters.delete(check)
        if (waiting.some(({ lane }) => !lane.idle)) this.gaveUpAtMs = performance.now()
        resolve()
      }
      const check = () => {
        if (waiting.every(({ lane, postponed }) => lane.idle || lane.postponed > postponed)) done()
      }
      const timer = setTimeout(done, deadlineMs)
      this.waiters.add(check)
      for (const destination of this.destinations.values()) this.pump(destination)
    })
  }

  /**
   * For the `exit` event: settles what was accepted while nobody could read the answer, waiting for answers at most
   * `budgetMs`, or half of that when more is to be sent after it.
   */
  readAnswers(budgetMs: number): void {
    const isAll = this.lanes.every(lane => lane.queue.length === 0)
    const end = performance.now() + (isAll ? budgetMs : budgetMs / 2)
    for (const { inFlight, loaded } of this.destinations.values()) {
      if (inFlight.size === 0) continue
      const answers = loaded?.readAnswers?.(Math.max(0, end - performance.now()))
      if (answers === undefined) continue
      for (const packet of [...inFlight]) {
        const { ledger } = packet.lane.options
        if (answers.accepted.has(packet.bytes)) {
          inFlight.delete(packet)
          this.forget(packet)
          ledger.settleExported(packet.items)
        } else if (answers.unanswered.has(packet.bytes)) {
          packet.unconfirmed = true
          ledger.unconfirmed += packet.items
        }
      }
    }
  }

  /** What is to be sent now or never, oldest first: waiting requests, and those in flight that did not get through. */
  waiting(): Waiting[] {
    const packets: Packet[] = []
    for (const destination of this.destinations.values())
      for (const packet of destination.inFlight) if (!packet.unconfirmed) packets.push(packet)
    for (const lane of this.lanes) packets.push(...lane.queue)
    packets.sort((a, b) => a.sequence - b.sequence)
    return packets.map(({ lane, bytes, gzipped, items }) => {
      const { target, kind, ledger } = lane.options
      return { target, kind, ledger, bytes, gzipped, items, sender: lane.destination.loaded }
    })
  }

  /** Whether trying again right now is known to be in vain: a flush has just failed, or every place is failing. */
  get hopeless(): boolean {
    if (performance.now() - this.gaveUpAtMs < hopelessMs) return true
    const waiting = this.lanes.filter(lane => !lane.idle)
    return waiting.length > 0 && waiting.every(lane => lane.failures > 0 && lane.inFlight === 0)
  }

  /** Drops what is left, closes connections, takes nothing more. */
  stop(): void {
    this.stopped = true
    for (const lane of this.lanes) {
      for (const packet of lane.queue.splice(0)) this.settleDropped(packet, 'shutdown')
    }
    for (const destination of this.destinations.values()) {
      clearTimeout(destination.timer)
      destination.loaded?.close()
    }
  }

  private pump(destination: Destination): void {
    if (this.stopped) return
    const now = Date.now()
    while (destination.inFlight.size < maxInFlight) {
      const lane = chooseLane(destination, now)
      if (lane === undefined) break
      const packet = lane.queue.shift()!
      // Not in the context of whoever ended the last span of the batch.
      void runUntraced(() => this.attempt(packet))
    }
    this.schedule(destination, now)
  }

  /** One timer per destination, for the lane that may go first. */
  private schedule(destination: Destination, now: number): void {
    clearTimeout(destination.timer)
    destination.timer = undefined
    let earliest = Number.POSITIVE_INFINITY
    for (const lane of destination.lanes) {
      if (lane.queue.length > 0 && lane.blockedUntilMs > now) {
        earliest = Math.min(earliest, lane.blockedUntilMs)
      }
    }
    if (earliest === Number.POSITIVE_INFINITY) return
    runUntraced(() => {
      destination.timer = setTimeout(() => this.pump(destination), earliest - now)
      destination.timer.unref()
    })
  }

  private async attempt(packet: Packet): Promise<void> {
    const { lane } = packet
    const { destination } = lane
    const { ledger, target, timeoutMs } = lane.options
    destination.inFlight.add(packet)
    lane.inFlight++
    ledger.inFlight += packet.items
    let outcome: Outcome
    try {
      if (packet.plainBytes >= lane.tooLargeBytes) {
        outcome = { kind: 'too_large', code: '413', says: '' }
      } else {
        await this.encodeForSending(packet)
        const sender = await this.senderOf(lane)
        const { gzipped, items } = packet
        const began = performance.now()
        outcome = await holding(packet, bytes =>
          sender.send(target, { signal: ledger.signal, bytes, gzipped, items }, timeoutMs),
        )
        const durationMs = performance.now() - began
        this.options.durations.record(ledger, durationMs, outcome)
        this.options.reports.sent(lane.options, items, packet.bytes.length, durationMs, outcome)
      }
    } catch (error) {
      // Ours to fix, and not by sending the same bytes again.
      swallow('send', error)
      outcome = { kind: 'refused', code: 'internal', says: String(error) }
    }
    // What takes time is done while it still counts as in flight: a request is always somewhere.
    let plain: Buffer | undefined
    if (outcome.kind === 'retry') await this.compact(packet)
    if (outcome.kind === 'too_large') plain = await this.plainOf(packet)
    destination.inFlight.delete(packet)
    lane.inFlight--
    ledger.inFlight -= packet.items
    try {
      this.settle(packet, outcome, plain)
    } catch (error) {
      swallow('outbox', error)
    }
    this.pump(destination)
    for (const check of [...this.waiters]) check()
  }

  private settle(packet: Packet, outcome: Outcome, plain: Buffer | undefined): void {
    const { lane } = packet
    const { destination } = lane
    const { ledger } = lane.options
    const { reports } = this.options
    if (outcome.kind !== 'retry') {
      destination.unanswered = 0
      lane.failures = 0
      lane.blockedUntilMs = 0
    }
    switch (outcome.kind) {
      case 'accepted': {
        const rejected = Math.min(Math.max(0, outcome.rejected), packet.items)
        this.forget(packet)
        ledger.settleExported(packet.items - rejected)
        ledger.settleDropped(rejected, 'partial_success')
        reports.accepted(lane.options, lane.queue.length)
        if (rejected > 0 || outcome.message !== '') reports.partial(lane.options, rejected, outcome.message)
        // The collector is back: what waited behind a long back-off need not wait for its own timer.
        for (const other of destination.lanes) {
          if (other.blockedByOutage) other.blockedUntilMs = 0
        }
        return
      }
      case 'refused':
        this.settleDropped(packet, 'rejected')
        reports.refused(lane.options, packet.items, outcome)
        return
      case 'too_large':
        this.cut(packet, outcome, plain)
        return
      case 'retry':
        this.postpone(packet, outcome)
        return
    }
  }

  private postpone(packet: Packet, outcome: Outcome & { kind: 'retry' }): void {
    const { lane } = packet
    const { destination } = lane
    if (this.stopped) {
      this.settleDropped(packet, 'shutdown')
      return
    }
    lane.postponed++
    lane.failures++
    const failures = outcome.unreachable ? ++destination.unanswered : lane.failures
    const backoff = computeBackoffMs(failures, this.random())
    // What the collector asked for, plus up to a tenth so that all its clients do not return in the same second.
    const delay = outcome.afterMs === undefined ? backoff : outcome.afterMs * (1 + this.random() / 10)
    const until = Date.now() + delay
    if (outcome.unreachable) {
      for (const other of destination.lanes) {
        if (other.queue.length > 0 || other === lane) {
          other.blockedUntilMs = Math.max(other.blockedUntilMs, until)
          other.blockedByOutage = true
        }
      }
    } else {
      lane.blockedUntilMs = until
      lane.blockedByOutage = false
    }
    this.requeue([packet])
    this.options.reports.failed(lane.options, outcome)
    this.dropOverflow()
  }

  private cut(packet: Packet, outcome: Outcome & { kind: 'too_large' }, plain: Buffer | undefined): void {
    const { lane } = packet
    const halves = plain && splitRequest(plain, lane.options.ledger.signal === 'metrics')
    if (halves === undefined) {
      this.settleDropped(packet, 'too_large')
      this.options.reports.tooLarge(lane.options, packet.plainBytes, outcome)
      return
    }
    lane.tooLargeBytes = Math.min(lane.tooLargeBytes, packet.plainBytes)
    this.forget(packet)
    const packets = halves.map(half => ({
      sequence: packet.sequence,
      lane,
      bytes: half.bytes,
      lease: undefined,
      gzipped: false,
      plainBytes: half.bytes.length,
      items: half.items,
      unconfirmed: false,
    }))
    for (const half of packets) this.bytes += half.bytes.length
    if (this.stopped) for (const half of packets) this.settleDropped(half, 'shutdown')
    else this.requeue(packets)
  }

  /** Back to where their age puts them. */
  private requeue(packets: Packet[]): void {
    const { queue } = packets[0]!.lane
    const { sequence } = packets[0]!
    let at = 0
    while (at < queue.length && queue[at]!.sequence < sequence) at++
    queue.splice(at, 0, ...packets)
  }

  private settleDropped(packet: Packet, reason: 'queue_full' | 'rejected' | 'too_large' | 'shutdown'): void {
    this.forget(packet)
    packet.lane.options.ledger.settleDropped(packet.items, reason)
  }

  private dropOverflow(): void {
    while (this.bytes > this.options.capacityBytes) {
      let oldest: Lane | undefined
      for (const lane of this.lanes) {
        const head = lane.queue[0]
        if (head !== undefined && (oldest === undefined || head.sequence < oldest.queue[0]!.sequence))
          oldest = lane
      }
      if (oldest === undefined) return
      const packet = oldest.queue.shift()!
      this.settleDropped(packet, 'queue_full')
      this.options.reports.overflow(oldest.options, packet.items, this.options.capacityBytes)
    }
  }

  /** Never rejects. */
  private async plainOf(packet: Packet): Promise<Buffer | undefined> {
    try {
      return packet.gzipped ? await this.gunzip(packet) : packet.bytes
    } catch (error) {
      swallow('gunzip', error)
      return undefined
    }
  }

  /** Never rejects. */
  private async compact(packet: Packet): Promise<void> {
    if (packet.gzipped || packet.bytes.length < worthCompressingBytes) return
    try {
      this.replace(packet, await this.gzip(packet), true)
    } catch (error) {
      swallow('gzip', error)
    }
  }

  private async encodeForSending(packet: Packet): Promise<void> {
    const wanted = wantsGzip(packet.lane)
    if (wanted && !packet.gzipped && packet.bytes.length >= worthCompressingBytes) {
      this.replace(packet, await this.gzip(packet), true)
    } else if (!wanted && packet.gzipped) {
      this.replace(packet, await this.gunzip(packet), false)
    }
  }

  private gzip(packet: Packet): Promise<Buffer> {
    return holding(packet, async bytes => (await loadCompression()).gzip(bytes))
  }

  private gunzip(packet: Packet): Promise<Buffer> {
    return holding(packet, async bytes => (await loadCompression()).gunzip(bytes))
  }

  /** Its bytes are no longer kept. */
  private forget(packet: Packet): void {
    this.bytes -= packet.bytes.length
    packet.lease?.release()
    packet.lease = undefined
  }

  private replace(packet: Packet, bytes: Buffer, gzipped: boolean): void {
    if (packet.gzipped === gzipped) return
    // Dropped or sent in the meantime: its bytes are no longer counted.
    if (!packet.lane.destination.inFlight.has(packet) && !packet.lane.queue.includes(packet)) return
    this.forget(packet)
    this.bytes += bytes.length
    packet.bytes = bytes
    packet.gzipped = gzipped
  }

  private senderOf(lane: Lane): Promise<Sender> {
    const { destination } = lane
    destination.sender ??= lane.options.kind.load().then(create => {
      destination.loaded = create()
      return destination.loaded
    })
    return destination.sender
  }
}

function wantsGzip({ options }: Lane): boolean {
  return options.kind.takesGzip && options.target.compression === 'gzip'
}

/** Keeps the packet's bytes from being reused while `work` reads them, whatever happens to the packet meanwhile. */
async function holding<T>(packet: Packet, work: (bytes: Buffer) => Promise<T>): Promise<T> {
  const { bytes, lease } = packet
  lease?.retain()
  try {
    return await work(bytes)
  } finally {
    lease?.release()
  }
}

/** The lane whose oldest request is the oldest of those that may send now. */
function chooseLane(destination: Destination, now: number): Lane | undefined {
  let best: Lane | undefined
  for (const lane of destination.lanes) {
    const head = lane.queue[0]
    if (head === undefined || lane.blockedUntilMs > now) continue
    const limit = lane.failures === 0 && lane.queue.length > 1 ? maxInFlight : 1
    if (lane.inFlight >= limit) continue
    if (best === undefined || head.sequence < best.queue[0]!.sequence) best = lane
  }
  return best
}
