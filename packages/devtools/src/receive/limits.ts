// What the receiver refuses. A development tool still listens on a port: every dimension of the input is bounded.
const KiB = 1024
const MiB = 1024 * KiB

export interface Limits {
  /** Largest body on the wire when it is compressed. */
  readonly compressedBytes: number
  /** Largest body once it is inflated (also the largest uncompressed one). */
  readonly inflatedBytes: number
  /** Bodies being read, of all requests together; beyond that senders are told to come again. */
  readonly inFlightBytes: number
  /** Largest inflated/compressed ratio; below `ratioFloorBytes` nobody asks. */
  readonly ratio: number
  readonly ratioFloorBytes: number
  /** Messages and list items in one request: a body of two-byte messages must not become gigabytes of objects. */
  readonly items: number
  /** Nesting of attribute values (and of JSON). */
  readonly depth: number
  readonly attributes: number
  readonly events: number
  readonly links: number
  readonly nameChars: number
  readonly valueChars: number
  readonly headerBytes: number
  readonly connections: number
  readonly streams: number
  readonly slowClientMs: number
  readonly idleMs: number
}

export const limits: Limits = {
  compressedBytes: 4 * MiB,
  inflatedBytes: 16 * MiB,
  inFlightBytes: 64 * MiB,
  ratio: 100,
  ratioFloorBytes: MiB,
  items: 500_000,
  depth: 64,
  attributes: 128,
  events: 128,
  links: 128,
  nameChars: KiB,
  valueChars: 64 * KiB,
  headerBytes: 16 * KiB,
  connections: 128,
  streams: 64,
  slowClientMs: 10_000,
  idleMs: 30_000,
}

/** What can be set per receiver: the request as a whole. What is cut from a single record is the same everywhere. */
export type RequestLimits = Omit<Limits, 'attributes' | 'events' | 'links' | 'nameChars' | 'valueChars'>
