// Ids are int32 words until somebody asks for text. The words come from the operating system's generator through a pool:
// unguessable, and never the same in two processes (a pool is never inherited: `fork` and `cluster` start a new program).
import { createRequire } from 'node:module'

const pool = new Int32Array(2048)
let next = pool.length

// A heap snapshot would hand the same pool to every process started from it. Asking node:v8 takes milliseconds at start, so
// it is asked only in a process that was started to build one.
if (process.execArgv.some(arg => /^--(build-snapshot|build-sea|experimental-sea-config)/.test(arg))) {
  const v8 = process.getBuiltinModule?.('node:v8')
  if (v8?.startupSnapshot.isBuildingSnapshot()) {
    v8.startupSnapshot.addDeserializeCallback(() => {
      next = pool.length
    })
  }
}

// Loading node:crypto takes 2 ms and 2 MB: it waits for the first span, or until the application has started.
let crypto: typeof import('node:crypto') | undefined

function loadCrypto(): typeof import('node:crypto') {
  const name = 'node:crypto'
  return process.getBuiltinModule?.(name) ?? createRequire(process.execPath)(name)
}

/** Fills the pool ahead of the first span. */
export function prepareIds(): void {
  if (next < pool.length) return
  crypto ??= loadCrypto()
  crypto.randomFillSync(pool)
  next = 0
}

/** A random signed 32-bit word. */
export function randomWord(): number {
  if (next === pool.length) prepareIds()
  return pool[next++] as number
}

// Text is made in one piece from bytes: joined strings would be flattened later, at three times the cost.
const highDigits = new Uint8Array(256)
const lowDigits = new Uint8Array(256)
for (let i = 0; i < 256; i++) {
  highDigits[i] = '0123456789abcdef'.charCodeAt(i >> 4)
  lowDigits[i] = '0123456789abcdef'.charCodeAt(i & 15)
}
const scratch = Buffer.alloc(55, '00-')
scratch[35] = scratch[52] = 0x2d
scratch[53] = 0x30

function write(word: number, at: number): void {
  let byte = word >>> 24
  scratch[at] = highDigits[byte] as number
  scratch[at + 1] = lowDigits[byte] as number
  byte = (word >>> 16) & 255
  scratch[at + 2] = highDigits[byte] as number
  scratch[at + 3] = lowDigits[byte] as number
  byte = (word >>> 8) & 255
  scratch[at + 4] = highDigits[byte] as number
  scratch[at + 5] = lowDigits[byte] as number
  byte = word & 255
  scratch[at + 6] = highDigits[byte] as number
  scratch[at + 7] = lowDigits[byte] as number
}

/** Eight lower-case hex digits. */
export function printWord(word: number): string {
  write(word, 3)
  return scratch.toString('latin1', 3, 11)
}

/** 32 lower-case hex digits. */
export function printTraceId(t0: number, t1: number, t2: number, t3: number): string {
  write(t0, 3)
  write(t1, 11)
  write(t2, 19)
  write(t3, 27)
  return scratch.toString('latin1', 3, 35)
}

/** 16 lower-case hex digits. */
export function printSpanId(s0: number, s1: number): string {
  write(s0, 36)
  write(s1, 44)
  return scratch.toString('latin1', 36, 52)
}

/** `00-<trace id>-<span id>-0<flags>`; flags 0 to 3. */
export function printIds(
  t0: number,
  t1: number,
  t2: number,
  t3: number,
  s0: number,
  s1: number,
  flags: number,
): string {
  write(t0, 3)
  write(t1, 11)
  write(t2, 19)
  write(t3, 27)
  write(s0, 36)
  write(s1, 44)
  scratch[54] = 0x30 + flags
  return scratch.toString('latin1', 0, 55)
}

// 0..15 for a hex digit of either case, 255 for anything else.
const digits = new Uint8Array(256).fill(255)
for (let i = 0; i < 10; i++) digits[48 + i] = i
for (let i = 0; i < 6; i++) digits[97 + i] = digits[65 + i] = 10 + i

/** What `readIds` found: four words of the trace id, two of the span id. Good until it is called again. */
export const foundWords = new Int32Array(6)

/** Reads two ids of 32 and 16 hex digits of either case into `foundWords`; false for anything else. Looks at each digit once. */
export function readIds(traceId: unknown, spanId: unknown): boolean {
  if (typeof traceId !== 'string' || typeof spanId !== 'string') return false
  if (traceId.length !== 32 || spanId.length !== 16) return false
  let all = 0
  for (let w = 0; w < 6; w++) {
    const text = w < 4 ? traceId : spanId
    const at = (w < 4 ? w : w - 4) * 8
    let word = 0
    for (let i = at; i < at + 8; i++) {
      const code = text.charCodeAt(i)
      const digit = digits[code & 255] as number
      all |= digit | (code & ~255)
      word = (word << 4) | digit
    }
    foundWords[w] = word
  }
  return all < 16
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
