// Kafka's primitive types. Everything is big-endian; `compact` types and tagged fields exist only in the one flexible
// request we answer (ApiVersions 3).

/** A frame that ends too early or says impossible sizes. The connection is closed, as a real broker does. */
export class WireError extends Error {}

export class Reader {
  private readonly buffer: Buffer
  private at = 0

  constructor(buffer: Buffer) {
    this.buffer = buffer
  }

  private take(size: number): number {
    const from = this.at
    if (size < 0 || from + size > this.buffer.length) throw new WireError('frame ends too early')
    this.at = from + size
    return from
  }

  int8(): number {
    return this.buffer.readInt8(this.take(1))
  }
  bool(): boolean {
    return this.int8() !== 0
  }
  int16(): number {
    return this.buffer.readInt16BE(this.take(2))
  }
  int32(): number {
    return this.buffer.readInt32BE(this.take(4))
  }
  int64(): bigint {
    return this.buffer.readBigInt64BE(this.take(8))
  }
  nullableString(): string | null {
    const length = this.int16()
    if (length < 0) return null
    const from = this.take(length)
    return this.buffer.toString('utf8', from, from + length)
  }
  string(): string {
    return this.nullableString() ?? ''
  }
  nullableBytes(): Buffer | null {
    const length = this.int32()
    if (length < 0) return null
    const from = this.take(length)
    return this.buffer.subarray(from, from + length)
  }
  bytes(): Buffer {
    return this.nullableBytes() ?? Buffer.alloc(0)
  }
  nullableArray<T>(item: () => T): T[] | null {
    const length = this.int32()
    if (length < 0) return null
    // An item takes at least one byte: a larger count is a lie.
    if (length > this.buffer.length - this.at) throw new WireError('array longer than its frame')
    return Array.from({ length }, item)
  }
  array<T>(item: () => T): T[] {
    return this.nullableArray(item) ?? []
  }
}

export class Writer {
  private readonly parts: Buffer[] = []

  private put(size: number, write: (buffer: Buffer) => void): this {
    const buffer = Buffer.allocUnsafe(size)
    write(buffer)
    this.parts.push(buffer)
    return this
  }

  int8(value: number): this {
    return this.put(1, buffer => buffer.writeInt8(value))
  }
  bool(value: boolean): this {
    return this.int8(value ? 1 : 0)
  }
  int16(value: number): this {
    return this.put(2, buffer => buffer.writeInt16BE(value))
  }
  int32(value: number): this {
    return this.put(4, buffer => buffer.writeInt32BE(value))
  }
  uint32(value: number): this {
    return this.put(4, buffer => buffer.writeUInt32BE(value))
  }
  int64(value: bigint): this {
    return this.put(8, buffer => buffer.writeBigInt64BE(value))
  }
  raw(value: Buffer): this {
    this.parts.push(value)
    return this
  }
  string(value: string | null): this {
    if (value === null) return this.int16(-1)
    const bytes = Buffer.from(value)
    return this.int16(bytes.length).raw(bytes)
  }
  bytes(value: Buffer | null): this {
    if (value === null) return this.int32(-1)
    return this.int32(value.length).raw(value)
  }
  array<T>(items: readonly T[], write: (item: T) => void): this {
    this.int32(items.length)
    for (const item of items) write(item)
    return this
  }
  compactArray<T>(items: readonly T[], write: (item: T) => void): this {
    this.unsignedVarint(items.length + 1)
    for (const item of items) write(item)
    return this
  }
  unsignedVarint(value: number): this {
    while (value > 127) {
      this.parts.push(Buffer.from([(value & 127) | 128]))
      value >>>= 7
    }
    this.parts.push(Buffer.from([value]))
    return this
  }
  noTags(): this {
    return this.unsignedVarint(0)
  }
  toBuffer(): Buffer {
    return Buffer.concat(this.parts)
  }
}
