// Answers that are in the kernel but not in JavaScript: in the `exit` event the loop runs no more, and a request whose
// answer is under way would be sent a second time by the last words. Read here, synchronously, from the socket itself.
// What was written in full and is not answered in time is not sent again either (docs/decisions/0009).
import { readSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { LateAnswers } from './sender.ts'

/** A request whose answer has not been read in full. */
export interface OpenRequest {
  /** undefined when its connection is not made yet, or gone. */
  readonly socket: Socket | undefined
  readonly body: Buffer
  /** All of it has been handed to the kernel. */
  readonly isWritten: boolean
  /** What was known when the loop stopped; 'open' when nothing was. */
  readonly verdict: Verdict
}

export type Verdict = 'accepted' | 'refused' | 'open'

/** Takes what arrived on one connection; the requests that are decided by it. */
export type ReadVerdicts = (bytes: Buffer) => ReadonlyMap<Buffer, Verdict>

export interface OpenConnection {
  readonly requests: readonly OpenRequest[]
  readonly read: ReadVerdicts
}

interface Reading extends OpenConnection {
  readonly fd: number
  readonly waiting: Set<Buffer>
}

const pauseMs = 1
/** An answer that is longer says nothing we wait for. */
const maxAnswerBytes = 64 << 10

/**
 * Waits at most `budgetMs` for what is still open. Only plain sockets are read: TLS state is out of reach. Never throws.
 * For the end of the process alone, because it takes bytes from sockets that the loop would otherwise read.
 */
export function readAnswers(connections: Iterable<OpenConnection>, budgetMs: number): LateAnswers {
  const accepted = new Set<Buffer>()
  const unanswered = new Set<Buffer>()
  let readings: Reading[] = []
  for (const connection of connections) {
    const waiting = new Set<Buffer>()
    let fd = -1
    for (const { socket, body, isWritten, verdict } of connection.requests) {
      if (verdict === 'accepted') accepted.add(body)
      if (verdict !== 'open' || !isWritten || socket === undefined || socket.destroyed || socket.connecting)
        continue
      unanswered.add(body)
      waiting.add(body)
      fd = fdOf(socket)
    }
    if (fd >= 0 && waiting.size > 0) readings.push({ ...connection, fd, waiting })
  }
  if (readings.length === 0) return { accepted, unanswered }
  const chunk = Buffer.allocUnsafe(maxAnswerBytes)
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  const end = performance.now() + budgetMs
  for (;;) {
    readings = readings.filter(({ fd, waiting, read }) => {
      try {
        const length = readSync(fd, chunk, 0, chunk.length, null)
        if (length === 0) throw new Error('the end of the connection')
        for (const [body, verdict] of read(chunk.subarray(0, length))) {
          if (verdict === 'accepted') accepted.add(body)
          unanswered.delete(body)
          waiting.delete(body)
        }
        return waiting.size > 0
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return true
        // Nobody will answer any more, and perhaps nobody read it.
        for (const body of waiting) unanswered.delete(body)
        return false
      }
    })
    if (readings.length === 0 || performance.now() >= end) return { accepted, unanswered }
    Atomics.wait(sleeper, 0, 0, pauseMs)
  }
}

/** Informational answers come before the one that counts. */
const statusLine = /^(?:HTTP\/1\.1 1\d\d[\s\S]*?\r\n\r\n)*HTTP\/1\.[01] ([2-5]\d\d)/

/** HTTP/1.1: the status of the one answer that is due. */
export function readHttpVerdict(body: Buffer): ReadVerdicts {
  let text = ''
  return bytes => {
    if (text.length < maxAnswerBytes) text += bytes.toString('latin1')
    const status = statusLine.exec(text)?.[1]
    return new Map(status === undefined ? [] : [[body, status.startsWith('2') ? 'accepted' : 'refused']])
  }
}

/** -1 where there is none to read from: Windows, TLS. */
export function fdOf(socket: Socket & { _handle?: { fd?: number }; encrypted?: boolean }): number {
  return socket.encrypted ? -1 : (socket._handle?.fd ?? -1)
}
