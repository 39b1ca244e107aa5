// A POST without the loop, on a connection that is open already: written to the socket itself, and the answer read from it.
// Takes 1 to 5 ms where a child process that connects anew takes 40, and seconds on a machine without time. For the `exit`
// event alone: nothing else may read or write the socket from here on.
import { readSync, writeSync } from 'node:fs'
import { AnswerReader } from './http-answer.ts'
import type { SentNow } from './sender.ts'

const pauseMs = 1
const maxReadBytes = 16 << 10

/** Never throws. `canGoOn`: the connection may carry another one. */
export function sendNow(
  fd: number,
  head: string,
  body: Buffer,
  endMs: number,
): { outcome: SentNow; canGoOn: boolean } {
  const request = Buffer.concat([Buffer.from(head, 'latin1'), body])
  const reader = new AnswerReader()
  let written = 0
  try {
    while (written < request.length) {
      const length = retry(endMs, () => writeSync(fd, request, written))
      if (length === undefined) return { outcome: 'failed', canGoOn: false }
      written += length
    }
    while (!reader.isDone) {
      // What is still to come is fresh: the reader keeps it.
      const chunk = Buffer.allocUnsafe(maxReadBytes)
      const length = retry(endMs, () => readSync(fd, chunk, 0, chunk.length, null))
      if (length === undefined && reader.status === 0) return { outcome: 'unanswered', canGoOn: false }
      // Once a status has arrived it counts, whatever becomes of the rest.
      if (length === undefined || length === 0) break
      reader.push(chunk.subarray(0, length))
    }
    const { status } = reader
    // 0: the other side closed a connection it had kept, and hardly looked at the request.
    const outcome = status >= 200 && status < 300 ? 'accepted' : 'failed'
    return { outcome, canGoOn: reader.isDone && reader.keepsAlive }
  } catch {
    return { outcome: 'failed', canGoOn: false }
  }
}

/** undefined when the time is over before the kernel was ready. */
function retry(endMs: number, attempt: () => number): number | undefined {
  for (;;) {
    try {
      return attempt()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
    if (performance.now() >= endMs) return undefined
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs)
  }
}
