// The only file that writes protobuf: one growing arena, positions instead of objects, lengths patched in afterwards.
// Values come from applications, so whatever they are (cycles, getters that throw, proxies, lone surrogates), the
// result is valid protobuf and nothing is thrown at the caller.

/** Nested arrays and maps deeper than this are cut; nobody queries attributes at such a depth. */
const maxDepth = 16
/** A single array or map stops growing here: shared sub-objects can blow up exponentially without a cycle. */
const maxContainerBytes = 1 << 20
const maxCachedKeys = 4096
const two32 = 4294967296
/** Shorter strings are copied by a loop, longer ones by the runtime: about where the two cost the same on Node 22+. */
const shortString = 24
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** Field 1 of KeyValue, ready to copy four bytes at a time: half the cost of a byte loop (24 bytes: 4.7 against 9.7 ns). */
interface KeyBytes {
  readonly words: Int32Array
  readonly length: number
}

/** Attribute keys repeat on every span. */
const keyCache = new Map<string, KeyBytes>()

// The seconds part of a timestamp needs two 64-bit multiplications and changes once per second: remember it.
let cachedSecond = -1
let cachedLow = 0
let cachedHigh = 0

function cacheSecond(second: number): void {
  const upper = Math.floor(second / 65536) * 1e9
  const x = (upper % 65536) * 65536 + (second % 65536) * 1e9
  cachedLow = x % two32
  cachedHigh = Math.floor(upper / 65536) + Math.floor(x / two32)
  cachedSecond = second
}

function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5
}

export class ProtoWriter {
  buf: Buffer
  pos = 0
  private view: DataView

  /** Writes into `memory`, or into an arena of its own of so many bytes to begin with. */
  constructor(memory: number | Buffer = 1024) {
    // Slow: a slice of Node's pool would keep 8 KiB of neighbours alive.
    this.buf = typeof memory === 'number' ? Buffer.allocUnsafeSlow(memory) : memory
    this.view = new DataView(this.buf.buffer, this.buf.byteOffset, this.buf.length)
  }

  /** What was written, as a copy. */
  finish(): Buffer {
    const out = Buffer.allocUnsafeSlow(this.pos)
    this.buf.copy(out, 0, 0, this.pos)
    return out
  }

  reserve(bytes: number): void {
    if (this.pos + bytes > this.buf.length) this.grow(bytes)
  }

  private grow(bytes: number): void {
    const next = Buffer.allocUnsafeSlow(Math.max(this.buf.length * 2, this.pos + bytes))
    this.buf.copy(next, 0, 0, this.pos)
    this.buf = next
    this.view = new DataView(next.buffer)
  }

  /** Callers that write many small fields reserve once; `byte` and `varint` do not check for room. */
  byte(value: number): void {
    this.buf[this.pos++] = value
  }

  varint(value: number): void {
    const { buf } = this
    let p = this.pos
    while (value > 127) {
      buf[p++] = (value & 127) | 128
      value >>>= 7
    }
    buf[p++] = value
    this.pos = p
  }

  /** Any integral number in the range of int64; negative numbers take ten bytes, as the format asks. */
  int64(value: number): void {
    if (value >= 0 && value <= 0x7fffffff) {
      this.varint(value)
      return
    }
    this.varint64(value >>> 0, Math.floor(value / two32) >>> 0)
  }

  varint64(low: number, high: number): void {
    const { buf } = this
    let p = this.pos
    while (high !== 0 || low > 127) {
      buf[p++] = (low & 127) | 128
      low = ((low >>> 7) | (high << 25)) >>> 0
      high >>>= 7
    }
    buf[p++] = low
    this.pos = p
  }

  /** Zigzag. */
  sint32(value: number): void {
    this.varint(((value << 1) ^ (value >> 31)) >>> 0)
  }

  fixed32(value: number): void {
    this.view.setInt32(this.pos, value, true)
    this.pos += 4
  }

  fixed64(low: number, high: number): void {
    this.view.setInt32(this.pos, low, true)
    this.view.setInt32(this.pos + 4, high, true)
    this.pos += 8
  }

  /** An integral number as sfixed64 or fixed64. */
  fixedInt(value: number): void {
    this.fixed64(value >>> 0, Math.floor(value / two32) >>> 0)
  }

  /** Four bytes of an id held as int32. */
  idWord(value: number): void {
    this.view.setInt32(this.pos, value, false)
    this.pos += 4
  }

  double(value: number): void {
    this.view.setFloat64(this.pos, value, true)
    this.pos += 8
  }

  /** Milliseconds since the epoch, with fraction, as fixed64 nanoseconds. */
  time(ms: number): void {
    if (!(ms > 0 && ms < 1e16)) {
      this.fixed64(0, 0)
      return
    }
    const second = Math.floor(ms / 1000)
    this.secondsAndNanos(second, Math.round((ms - second * 1000) * 1e6))
  }

  /** OpenTelemetry's [seconds, nanoseconds] as fixed64 nanoseconds. */
  hrTime(time: readonly [number, number]): void {
    this.secondsAndNanos(time[0], time[1])
  }

  private secondsAndNanos(second: number, nanos: number): void {
    if (second !== cachedSecond) cacheSecond(second)
    let low = cachedLow + nanos
    let high = cachedHigh
    if (low >= two32) {
      low -= two32
      high++
    }
    this.fixed64(low, high)
  }

  /** Bytes as they are, without a length. */
  raw(bytes: Uint8Array): void {
    const n = bytes.length
    const { buf } = this
    const p = this.pos
    // Below this size a call into the runtime costs more than the loop.
    if (n > 16) buf.set(bytes, p)
    else for (let i = 0; i < n; i++) buf[p + i] = bytes[i]!
    this.pos = p + n
  }

  bytes(bytes: Uint8Array): void {
    this.reserve(bytes.length + 5)
    this.varint(bytes.length)
    this.raw(bytes)
  }

  /** A length-prefixed string. Lone surrogates become U+FFFD: a string field must be valid UTF-8. */
  string(text: string): void {
    const n = text.length
    if (n < 128) {
      // Nearly always ASCII: then the length is known before the bytes are.
      this.reserve(n * 3 + 1)
      this.buf[this.pos++] = n
      if (this.chars(text, n)) return
      this.pos--
    }
    const length = Buffer.byteLength(text, 'utf8')
    this.reserve(length + 5)
    this.varint(length)
    this.pos += this.buf.write(text, this.pos, length, 'utf8')
  }

  /** Characters that take one byte each; false, and nothing is written, if one does not. Room for 3n was reserved. */
  private chars(text: string, n: number): boolean {
    const { buf } = this
    const p = this.pos
    if (n < shortString) {
      for (let i = 0; i < n; i++) {
        const c = text.charCodeAt(i)
        if (c > 127) return false
        buf[p + i] = c
      }
    } else if (buf.write(text, p, n * 3, 'utf8') !== n) return false
    this.pos = p + n
    return true
  }

  /** Opens a length-prefixed message; hand the result to `close`. Two length bytes are kept free, as most need. */
  open(): number {
    this.reserve(64)
    const at = this.pos
    this.pos = at + 2
    return at
  }

  close(at: number): void {
    const n = this.pos - at - 2
    const { buf } = this
    if (n < 128) {
      // One byte less on the wire is worth a short move; long messages keep their two bytes.
      buf.copyWithin(at + 1, at + 2, this.pos)
      buf[at] = n
      this.pos--
    } else if (n < 16384) {
      buf[at] = (n & 127) | 128
      buf[at + 1] = n >>> 7
    } else {
      const extra = varintLength(n) - 2
      this.reserve(extra)
      this.buf.copyWithin(at + 2 + extra, at + 2, this.pos)
      const end = this.pos + extra
      this.pos = at
      this.varint(n)
      this.pos = end
    }
  }

  /** Room for up to three bytes more was reserved. */
  private key({ words, length }: KeyBytes): void {
    const { view } = this
    const p = this.pos
    for (let i = 0; i < words.length; i++) view.setInt32(p + i * 4, words[i]!, isLittleEndian)
    this.pos = p + length
  }

  /**
   * One KeyValue as a length-prefixed field whose tag is `tag`. A value that cannot be read (a getter or a proxy that
   * throws) leaves nothing behind and gives `false`.
   */
  keyValue(tag: number, key: string, value: unknown): boolean {
    const keyBytes = keyCache.get(key) ?? encodeKey(key)
    switch (typeof value) {
      case 'string': {
        const n = value.length
        if (n < 1024) {
          const start = this.pos
          this.keyValueHead(tag, keyBytes, 1 + varintLength(n) + n, n * 2)
          this.byte(0x0a)
          this.varint(n)
          if (this.chars(value, n)) return true
          this.pos = start
        }
        const length = Buffer.byteLength(value, 'utf8')
        this.keyValueHead(tag, keyBytes, 1 + varintLength(length) + length, 0)
        this.byte(0x0a)
        this.varint(length)
        this.pos += this.buf.write(value, this.pos, length, 'utf8')
        return true
      }
      case 'number':
        if ((value | 0) === value && value >= 0) {
          this.keyValueHead(tag, keyBytes, 1 + varintLength(value), 0)
          this.byte(0x18)
          this.varint(value)
          return true
        }
        break
      case 'boolean':
        this.keyValueHead(tag, keyBytes, 2, 0)
        this.byte(0x10)
        this.byte(value ? 1 : 0)
        return true
    }
    this.reserve(keyBytes.length + 64)
    const start = this.pos
    this.byte(tag)
    const at = this.open()
    this.reserve(keyBytes.length + 64)
    this.key(keyBytes)
    this.byte(0x12)
    try {
      this.anyValueMessage(value, null)
    } catch {
      this.pos = start
      return false
    }
    this.close(at)
    return true
  }

  /** Tag, lengths and key of a KeyValue whose AnyValue will take `valueLength` bytes, with room for it and `spare` more. */
  private keyValueHead(tag: number, keyBytes: KeyBytes, valueLength: number, spare: number): void {
    const length = keyBytes.length + 1 + varintLength(valueLength) + valueLength
    this.reserve(length + spare + 16)
    this.byte(tag)
    this.varint(length)
    this.key(keyBytes)
    this.byte(0x12)
    this.varint(valueLength)
  }

  /** A length-prefixed AnyValue; the caller has written the tag. Never throws. */
  anyValue(value: unknown): boolean {
    const start = this.pos
    try {
      this.anyValueMessage(value, null)
      return true
    } catch {
      this.pos = start
      this.reserve(1)
      this.buf[this.pos++] = 0
      return false
    }
  }

  private anyValueMessage(value: unknown, ancestors: object[] | null): void {
    const at = this.open()
    this.anyValueBody(value, ancestors)
    this.close(at)
  }

  private anyValueBody(value: unknown, ancestors: object[] | null): void {
    this.reserve(16)
    switch (typeof value) {
      case 'string':
        this.byte(0x0a)
        this.string(value)
        return
      case 'boolean':
        this.byte(0x10)
        this.byte(value ? 1 : 0)
        return
      case 'number':
        if (Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63) {
          this.byte(0x18)
          this.int64(value)
          return
        }
        this.byte(0x21)
        this.double(value)
        return
      case 'bigint':
        if (BigInt.asIntN(64, value) === value) {
          this.byte(0x18)
          this.varint64(Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n)))
          return
        }
        this.byte(0x0a)
        this.string(String(value))
        return
      case 'object':
        value === null ? undefined : this.objectBody(value, ancestors ?? [])
        return
      default:
        // undefined, functions and symbols: an empty AnyValue, which is how the data model says "no value".
        return
    }
  }

  private objectBody(value: object, ancestors: object[]): void {
    if (ArrayBuffer.isView(value)) {
      this.byte(0x3a)
      this.bytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
      return
    }
    if (value instanceof Date) {
      this.byte(0x0a)
      this.string(Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString())
      return
    }
    if (value instanceof Error) {
      this.byte(0x0a)
      this.string(String(value.stack ?? value))
      return
    }
    if (ancestors.length >= maxDepth || ancestors.includes(value)) {
      this.byte(0x0a)
      this.string(ancestors.includes(value) ? '[circular]' : '[too deep]')
      return
    }
    ancestors.push(value)
    const limit = this.pos + maxContainerBytes
    if (Array.isArray(value) || value instanceof Set) {
      this.byte(0x2a)
      const at = this.open()
      for (const item of value) {
        if (this.pos > limit) break
        this.reserve(8)
        this.byte(0x0a)
        this.anyValueMessage(item, ancestors)
      }
      this.close(at)
    } else {
      this.byte(0x32)
      const at = this.open()
      if (value instanceof Map) {
        for (const [key, item] of value) {
          if (this.pos > limit) break
          this.mapEntry(String(key), item, ancestors)
        }
      } else {
        for (const key of Object.keys(value)) {
          if (this.pos > limit) break
          this.mapEntry(key, (value as Record<string, unknown>)[key], ancestors)
        }
      }
      this.close(at)
    }
    ancestors.pop()
  }

  private mapEntry(key: string, value: unknown, ancestors: object[]): void {
    if (value === undefined) return
    this.reserve(16)
    this.byte(0x0a)
    const at = this.open()
    const keyBytes = keyCache.get(key) ?? encodeKey(key)
    this.reserve(keyBytes.length + 64)
    this.key(keyBytes)
    this.byte(0x12)
    this.anyValueMessage(value, ancestors)
    this.close(at)
  }
}

function encodeKey(key: string): KeyBytes {
  const length = Buffer.byteLength(key, 'utf8')
  const w = new ProtoWriter(length + 16)
  w.byte(0x0a)
  w.varint(length)
  w.pos += w.buf.write(key, w.pos, length, 'utf8')
  const words = new Int32Array(Math.ceil(w.pos / 4))
  new Uint8Array(words.buffer).set(w.buf.subarray(0, w.pos))
  const out = { words, length: w.pos }
  // Keys made from data (user ids, header names) would grow the cache for ever: full means full.
  if (keyCache.size < maxCachedKeys && length < 256) keyCache.set(key, out)
  return out
}
