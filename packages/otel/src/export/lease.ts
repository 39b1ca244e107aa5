// Request buffers are used again: a fresh 220 KB allocation per batch costs its page faults, 75 to 180 ns per span where
// encoding the span costs 400. A buffer goes back when its last user has released it; a release too few costs one
// garbage collection, so when in doubt, keep.

const maxFree = 2
const maxFreeBytes = 1 << 20
/** Small requests get memory of their own size: one that waits for hours must not hold a large buffer. */
const minLeasedBytes = 64 << 10

const free: Buffer[] = []

export class Lease {
  /** Exactly the bytes asked for; beyond them the memory belongs to nobody. */
  readonly bytes: Buffer
  private readonly whole: Buffer | undefined
  private users = 1

  /** Memory for `length` bytes, uninitialized. The taker is its first user. */
  static take(length: number): Lease {
    return new Lease(length)
  }

  private constructor(length: number) {
    if (length < minLeasedBytes || length > maxFreeBytes) {
      this.bytes = Buffer.allocUnsafeSlow(length)
      return
    }
    const found = free.findIndex(buffer => buffer.length >= length)
    // A quarter more than needed: the next batch is rarely smaller by much, and often a little larger.
    this.whole = found < 0 ? Buffer.allocUnsafeSlow(length + (length >> 2)) : free.splice(found, 1)[0]!
    this.bytes = this.whole.subarray(0, length)
  }

  retain(): this {
    this.users++
    return this
  }

  release(): void {
    if (--this.users !== 0 || this.whole === undefined) return
    if (free.length === maxFree) free.shift()
    free.push(this.whole)
  }
}
