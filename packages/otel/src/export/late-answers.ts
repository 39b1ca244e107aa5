// Answers that are in the kernel but not in JavaScript: in the `exit` event the loop runs no more, and a request whose
// answer is under way would be sent a second time by the last words. Read here, synchronously, from the socket itself.
import { readSync } from 'node:fs'
import type { Socket } from 'node:net'

/** A connection, with the POST whose answer has not been read in full. */
export interface OpenPost {
  readonly socket: Socket
  /** undefined when nothing is under way. */
  readonly body: Buffer | undefined
  /** 0 before the head of the answer has arrived. */
  readonly status: number
}

interface Reading {
  readonly body: Buffer
  readonly fd: number
  text: string
}

const pauseMs = 1
/** Informational answers come before the one that counts. */
const statusLine = /^(?:HTTP\/1\.1 1\d\d[\s\S]*?\r\n\r\n)*HTTP\/1\.[01] ([2-5]\d\d)/
/** A head that has no status in its first kilobytes is not an answer. */
const maxHeadChars = 16 << 10

/**
 * The bodies the other side has accepted, waiting at most `budgetMs` for what is still open. Only what was written
 * completely is waited for, and only on plain sockets: TLS state is out of reach. Never throws. For the end of the
 * process alone, because it takes bytes from sockets that the loop would otherwise read.
 */
export function readAnswers(open: Iterable<OpenPost>, budgetMs: number): Set<Buffer> {
  const accepted = new Set<Buffer>()
  let waiting: Reading[] = []
  for (const { socket, body, status } of open) {
    if (body === undefined) continue
    if (status >= 200 && status < 300) accepted.add(body)
    const fd = status === 0 && socket.writableLength === 0 ? fdOf(socket) : -1
    if (fd >= 0) waiting.push({ body, fd, text: '' })
  }
  if (waiting.length === 0) return accepted
  const chunk = Buffer.allocUnsafe(4096)
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  const end = performance.now() + budgetMs
  for (;;) {
    waiting = waiting.filter(reading => {
      try {
        const length = readSync(reading.fd, chunk, 0, chunk.length, null)
        reading.text += chunk.toString('latin1', 0, length)
        const status = statusLine.exec(reading.text)?.[1]
        if (status?.startsWith('2')) accepted.add(reading.body)
        return length > 0 && status === undefined && reading.text.length < maxHeadChars
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'EAGAIN'
      }
    })
    if (waiting.length === 0 || performance.now() >= end) return accepted
    Atomics.wait(sleeper, 0, 0, pauseMs)
  }
}

/** -1 where there is none to read from: Windows, TLS, a connection that is not made yet or already gone. */
function fdOf(socket: Socket & { _handle?: { fd?: number }; encrypted?: boolean }): number {
  if (socket.connecting || socket.destroyed || socket.encrypted) return -1
  return socket._handle?.fd ?? -1
}
