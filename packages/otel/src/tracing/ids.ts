// Ids are int32 words until somebody asks for text. The words come from the operating system's generator through a pool:
// unguessable, and never the same in two processes (a pool is never inherited: `fork` and `cluster` start a new program).
import { randomFillSync } from 'node:crypto'
import { startupSnapshot } from 'node:v8'

const pool = new Int32Array(2048)
let next = pool.length

// A heap snapshot would hand the same pool to every process started from it.
if (startupSnapshot?.isBuildingSnapshot()) {
  startupSnapshot.addDeserializeCallback(() => {
    next = pool.length
  })
}

/** A random signed 32-bit word. */
export function randomWord(): number {
  if (next === pool.length) {
    randomFillSync(pool)
    next = 0
  }
  return pool[next++] as number
}

const bytes: string[] = []
for (let i = 0; i < 256; i++) bytes.push((i < 16 ? '0' : '') + i.toString(16))

/** Eight lower-case hex digits. */
export function printWord(word: number): string {
  return (
    (bytes[word >>> 24] as string) +
    (bytes[(word >>> 16) & 255] as string) +
    (bytes[(word >>> 8) & 255] as string) +
    (bytes[word & 255] as string)
  )
}

// 0..15 for a hex digit of either case, 255 for anything else.
const digits = new Uint8Array(256).fill(255)
for (let i = 0; i < 10; i++) digits[48 + i] = i
for (let i = 0; i < 6; i++) digits[97 + i] = digits[65 + i] = 10 + i

/** The word written at `at` in text already known to be hex. */
export function parseWord(text: string, at: number): number {
  let word = 0
  for (let i = at; i < at + 8; i++) word = (word << 4) | (digits[text.charCodeAt(i) & 255] as number)
  return word
}

/** Whether `text` is exactly `length` hex digits of either case. */
export function isHex(text: unknown, length: number): text is string {
  if (typeof text !== 'string' || text.length !== length) return false
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 255 || digits[code] === 255) return false
  }
  return true
}
