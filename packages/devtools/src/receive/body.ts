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

/** Collects a stream; more than `maxBytes` is a `Rejection` and the rest is not read. */
export function readAll(stream: Readable, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > maxBytes) {
        stream.removeAllListeners('data')
        stream.pause()
        reject(new Rejection('too large', `request: more than ${maxBytes} bytes`))
      } else chunks.push(chunk)
    })
    stream.on('end', () => resolve(Buffer.concat(chunks, size)))
    stream.on('error', reject)
    stream.on('close', () => reject(new Error('closed before the end of the request')))
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
