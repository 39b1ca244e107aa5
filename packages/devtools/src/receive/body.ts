// Reading and inflating a request body without ever holding more than the limits allow.
import type { Readable } from 'node:stream'
import * as zlib from 'node:zlib'
import type { Limits } from './limits.ts'
import { Rejection } from './rejection.ts'

type Inflate = (
  body: Buffer,
  options: { maxOutputLength: number },
  callback: (error: Error | null, result: Buffer) => void,
) => void

// zstd came with Node 22.15; older runtimes answer "unknown encoding".
const zstd = (zlib as { zstdDecompress?: Inflate }).zstdDecompress
const inflaters: Record<string, Inflate | undefined> = {
  gzip: zlib.gunzip as Inflate,
  'x-gzip': zlib.gunzip as Inflate,
  deflate: zlib.inflate as Inflate,
  zstd,
}

/** The encodings we can read, for the `accept-encoding` of a refusal. */
export const encodings = Object.keys(inflaters).filter(name => inflaters[name] !== undefined)

/** The bytes of all bodies being read: many large requests at once must not add up without end. */
export class InFlight {
  private bytes = 0
  private readonly max: number

  constructor(max: number) {
    this.max = max
  }

  take(bytes: number): boolean {
    if (this.bytes + bytes > this.max) return false
    this.bytes += bytes
    return true
  }

  give(bytes: number): void {
    this.bytes -= bytes
  }
}

/** Collects a stream; more than `maxBytes`, or than there is room for, is a `Rejection` and the rest is not read. */
export function readAll(stream: Readable, maxBytes: number, inFlight: InFlight): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    let taken = 0
    const settle = (finish: () => void) => {
      inFlight.give(taken)
      taken = 0
      stream.removeAllListeners('data')
      finish()
    }
    const refuse = (rejection: Rejection) => {
      stream.pause()
      settle(() => reject(rejection))
    }
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > maxBytes) refuse(new Rejection('too large', `request: more than ${maxBytes} bytes`))
      else if (!inFlight.take(chunk.length)) refuse(new Rejection('busy', 'too many large requests at once'))
      else {
        taken += chunk.length
        chunks.push(chunk)
      }
    })
    stream.on('end', () => settle(() => resolve(Buffer.concat(chunks, size))))
    stream.on('error', error => settle(() => reject(error)))
    stream.on('close', () => settle(() => reject(new Error('closed before the end of the request'))))
  })
}

/** Largest body that may come over the wire with this encoding. */
export function maxWireBytes(encoding: string, limits: Limits): number {
  return encoding === 'identity' ? limits.inflatedBytes : limits.compressedBytes
}

/** Inflates off the main thread; stops at the size and ratio limits. */
export function inflate(body: Buffer, encoding: string, limits: Limits): Promise<Buffer> {
  if (encoding === 'identity') return Promise.resolve(body)
  const run = inflaters[encoding]
  if (run === undefined)
    throw new Rejection('unknown encoding', `content encoding: use ${encodings.join(', ')}`)
  const byRatio = Math.max(limits.ratioFloorBytes, body.length * limits.ratio)
  const maxOutputLength = Math.min(limits.inflatedBytes, byRatio)
  return new Promise((resolve, reject) => {
    run(body, { maxOutputLength }, (error, result) => {
      if (error === null) resolve(result)
      else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
        reject(new Rejection('too large', `request: inflates to more than ${maxOutputLength} bytes`))
      } else reject(new Rejection('malformed', `request: not valid ${encoding}`))
    })
  })
}
