import {
  foundWords,
  isHex,
  printIds,
  printSpanId,
  printTraceId,
  printWord,
  randomWord,
  readIds,
} from './ids.ts'

test('words are printed and read back', () => {
  for (const word of [
    0,
    1,
    -1,
    0x7fffffff,
    -0x80000000,
    0x0f1e2d3c,
    ...Array.from({ length: 100 }, randomWord),
  ]) {
    const text = printWord(word)
    expect(text).toBe((word >>> 0).toString(16).padStart(8, '0'))
    const words = [word, 1, word, -2, 3, word] as const
    const [t0, t1, t2, t3, s0, s1] = words
    for (const trace of [printTraceId(t0, t1, t2, t3), printTraceId(t0, t1, t2, t3).toUpperCase()]) {
      expect(readIds(trace, printSpanId(s0, s1))).toBe(true)
      expect([...foundWords]).toEqual(words)
    }
  }
})

test.each<[unknown, unknown]>([
  ['a'.repeat(31), 'b'.repeat(16)],
  ['a'.repeat(32), 'b'.repeat(17)],
  [`${'a'.repeat(31)}g`, 'b'.repeat(16)],
  ['a'.repeat(32), `${'b'.repeat(15)}\u0130`],
  [undefined, 'b'.repeat(16)],
  ['a'.repeat(32), 7],
])('%p and %p are no ids', (trace, span) => {
  expect(readIds(trace, span)).toBe(false)
})

test('ids are printed in order, each print leaving the others whole', () => {
  const trace = printTraceId(0x11111111, 0x22222222, 0x33333333, 0x44444444)
  const span = printSpanId(0x55555555, 0x66666666)
  expect(trace).toBe('11111111222222223333333344444444')
  expect(span).toBe('5555555566666666')
  expect(printIds(1, 2, 3, 4, 5, 6, 3)).toBe('00-00000001000000020000000300000004-0000000500000006-03')
  expect(printIds(1, 2, 3, 4, 5, 6, 0)).toBe('00-00000001000000020000000300000004-0000000500000006-00')
  expect(trace).toBe('11111111222222223333333344444444')
})

test.each<[unknown, number, boolean]>([
  ['00ff', 4, true],
  ['00FF', 4, true],
  ['00fg', 4, false],
  ['00f', 4, false],
  ['00f\u0130', 4, false],
  [undefined, 4, false],
  [1234, 4, false],
])('%p as %d hex digits: %p', (text, length, expected) => {
  expect(isHex(text, length)).toBe(expected)
})

test('random words use all their bits and do not repeat', () => {
  const words = Array.from({ length: 10_000 }, randomWord)
  expect(new Set(words).size).toBeGreaterThan(9_990)
  expect(words.reduce((all, word) => all | word, 0)).toBe(-1)
  expect(words.reduce((all, word) => all & word, -1)).toBe(0)
})
