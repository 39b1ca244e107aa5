// The answer to a gRPC call, from the frames of its connection alone: at the end of the process nothing else reads them, and
// their headers are compressed with a state that only the session has. It takes no headers to tell: a call that succeeded
// is answered with a message and ends; one that failed ends without one, or is reset.
import type { Verdict } from './late-answers.ts'

const headBytes = 9
const data = 0
const headers = 1
const reset = 3
const goAway = 7
const endStream = 1

/** Reads frames as they arrive, from the beginning of one. Call by stream id, `hasMessage` when some of it has come. */
export function readFrames(
  calls: ReadonlyMap<number, { hasMessage: boolean }>,
): (bytes: Buffer) => ReadonlyMap<number, Verdict> {
  let rest: Buffer = Buffer.alloc(0)
  const withMessage = new Set([...calls].flatMap(([id, { hasMessage }]) => (hasMessage ? [id] : [])))
  return bytes => {
    const verdicts = new Map<number, Verdict>()
    rest = Buffer.concat([rest, bytes])
    while (rest.length >= headBytes) {
      const length = rest.readUIntBE(0, 3)
      if (rest.length < headBytes + length) break
      const [type, flags] = [rest[3]!, rest[4]!]
      const stream = rest.readUInt32BE(5) & 0x7fffffff
      const payload = rest.subarray(headBytes, headBytes + length)
      rest = rest.subarray(headBytes + length)
      if (type === data && length > 0) withMessage.add(stream)
      const hasEnded = (type === data || type === headers) && (flags & endStream) !== 0
      if (hasEnded && calls.has(stream))
        verdicts.set(stream, withMessage.has(stream) ? 'accepted' : 'refused')
      if (type === reset && calls.has(stream)) verdicts.set(stream, 'refused')
      // What comes after the last stream it names was not looked at.
      if (type === goAway && length >= 8) {
        const lastStream = payload.readUInt32BE(0) & 0x7fffffff
        for (const id of calls.keys()) if (id > lastStream) verdicts.set(id, 'refused')
      }
    }
    return verdicts
  }
}
