// Items are encoded the moment they are added, into one arena per scope; what is kept between add() and the request is
// bytes, never an object of the application. A batch leaves when it is full or old enough.
import type { BatchLimits } from '../config/config.ts'
import { swallow } from '../self/guard.ts'
import type { Ledger } from './account.ts'
import type { Lease } from './lease.ts'
import { ProtoWriter } from './protobuf.ts'
import { type EncodedScope, encodeScope, frameRequest, type ScopeLike } from './request.ts'
import type { EncodedResource } from './resource-encoder.ts'
import { runOutside } from './untraced.ts'

/** Collectors take gRPC messages up to 4 MiB unless told otherwise: a batch of big items leaves before that. */
const maxBatchBytes = 2 << 20
/** An arena that once held something huge is not kept. */
const maxKeptArenaBytes = 1 << 20
/** Scopes are few; a program that invents one per request must not grow our table. */
const maxKeptArenas = 64

interface Arena {
  readonly scope: EncodedScope
  readonly writer: ProtoWriter
  items: number
}

export interface BatcherOptions<T> {
  encode(writer: ProtoWriter, item: T): void
  limits: Pick<BatchLimits, 'maxExportBatchSize' | 'maxQueueSize' | 'scheduleDelayMs'>
  /** Read when a batch leaves, so that a resource completed later is used from then on. */
  resource(): EncodedResource
  /** Takes a complete request; synchronous. Who keeps the bytes retains the lease. */
  handOver(request: Lease, items: number): void
  ledgers: readonly Ledger[]
}

export class Batcher<T extends { readonly scope: ScopeLike }> {
  /** Items in the batch being filled. */
  size = 0
  private bytes = 0
  private timer: NodeJS.Timeout | undefined
  private closed = false
  private readonly arenas = new Map<ScopeLike, Arena>()
  private lastScope: ScopeLike | undefined
  private lastArena: Arena | undefined
  private readonly options: BatcherOptions<T>
  readonly capacity: number

  constructor(options: BatcherOptions<T>) {
    this.options = options
    const { maxExportBatchSize, maxQueueSize } = options.limits
    this.capacity = Math.max(1, Math.min(maxExportBatchSize, maxQueueSize))
  }

  /** Synchronous, keeps no reference to `item`, never throws. */
  add(item: T): void {
    if (this.closed) {
      this.refuse('shutdown')
      return
    }
    try {
      const scope = item.scope
      const arena = scope === this.lastScope ? this.lastArena! : this.arenaOf(scope)
      const { writer } = arena
      const start = writer.pos
      try {
        this.options.encode(writer, item)
      } catch (error) {
        writer.pos = start
        throw error
      }
      arena.items++
      this.bytes += writer.pos - start
    } catch (error) {
      this.refuse('encoding')
      swallow('encode', error)
      return
    }
    for (const ledger of this.options.ledgers) ledger.created++
    this.size++
    if (this.size >= this.capacity || this.bytes >= maxBatchBytes) this.flush()
    else if (this.timer === undefined) this.startTimer()
  }

  /** Hands over what there is. Returns whether there was anything. */
  flush(): boolean {
    if (this.timer !== undefined) {
      clearTimeout(this.timer)
      this.timer = undefined
    }
    if (this.size === 0) return false
    const chunks = []
    for (const { scope, writer, items } of this.arenas.values()) {
      if (items > 0) chunks.push({ scope, items: writer.buf.subarray(0, writer.pos) })
    }
    const items = this.size
    this.size = 0
    this.bytes = 0
    try {
      const request = frameRequest(this.options.resource(), chunks)
      this.options.handOver(request, items)
      request.release()
    } catch (error) {
      for (const ledger of this.options.ledgers) ledger.dropped.encoding += items
      swallow('batch', error)
    }
    this.clearArenas()
    return true
  }

  /** Later items are counted as dropped. */
  close(): void {
    this.flush()
    this.closed = true
  }

  private refuse(reason: 'shutdown' | 'encoding'): void {
    for (const ledger of this.options.ledgers) {
      ledger.created++
      ledger.dropped[reason]++
    }
  }

  private startTimer(): void {
    // Outside of the request that happens to be running: the timer would keep its context alive, and with it
    // everything the application stored there, until the batch leaves.
    this.timer = runOutside(() => setTimeout(() => this.flush(), this.options.limits.scheduleDelayMs))
    this.timer.unref()
  }

  private arenaOf(scope: ScopeLike): Arena {
    let arena = this.arenas.get(scope)
    if (arena === undefined) {
      arena = { scope: encodeScope(scope), writer: new ProtoWriter(8192), items: 0 }
      this.arenas.set(scope, arena)
    }
    this.lastScope = scope
    this.lastArena = arena
    return arena
  }

  private clearArenas(): void {
    const forget = this.arenas.size > maxKeptArenas
    for (const [scope, arena] of this.arenas) {
      if (forget || arena.writer.buf.length > maxKeptArenaBytes) this.arenas.delete(scope)
      arena.writer.pos = 0
      arena.items = 0
    }
    this.lastScope = undefined
    this.lastArena = undefined
  }
}
