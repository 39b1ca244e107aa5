import { compilePattern } from './pattern.ts'

it.each([
  ['KD-\\d{6,10}', 'order KD-123456.', 'order X.'],
  ['\\b[A-Z]{2}\\d{2}(?: ?[A-Z0-9]{4}){4} ?[A-Z0-9]{0,2}', 'IBAN DE89 3704 0044 0532 0130 00', undefined],
  ['\\bDE\\d{20}', 'IBAN DE89370400440532013000', 'IBAN X'],
  ['sk_live_\\w+', 'key sk_live_abc123 end', 'key X end'],
  ['(?:foo|bar)-\\d', 'foo-1 bar-2', 'X X'],
  ['a?b+', 'xabbb', 'xX'],
])('%s in %j', (source, text, expected) => {
  const pattern = compilePattern(source)
  if (expected === undefined) expect(pattern).toHaveProperty('fault')
  else expect(text.replace(pattern as RegExp, 'X')).toBe(expected)
})

it.each([
  ['(a+)+$'],
  ['(a|a)*b'],
  ['(a|b|ab){1,9}c'],
  ['(.*)(.*)x'],
  ['a*b*c'],
  ['\\w+\\d'],
  ['\\s+$'],
  ['(?:a{1,9}){2,9}'],
  ['(x)\\1'],
  ['(?=a)b'],
  ['(?<!a)b'],
  ['(?<n>a)'],
  ['\\p{L}'],
  ['a{0,64}a{0,64}a{0,64}'],
  ['a{1,9999}'],
  ['('],
  [')'],
  ['['],
  ['a**'],
  ['+'],
  ['a{x}'],
  [''],
  ['a?'],
  ['x|'],
  ['\\'],
  ['a'.repeat(300)],
])('%s is refused, and the reason is said', source => {
  expect(compilePattern(source)).toEqual({ fault: expect.stringMatching(/./) })
})

it.each(['KD-\\d{6,10}', 'sk_live_\\w+', 'a?b+', '[ab]{1,60}c', '(?:foo|bar)-\\d'])(
  '%s takes time in proportion to the text',
  source => {
    const pattern = compilePattern(source) as RegExp
    for (const text of ['a', 'KD-', 'sk_live_', 'ab', 'foo-', ' ', '1']) {
      const start = process.cpuUsage()
      text.repeat(1e5).replace(pattern, '')
      expect(process.cpuUsage(start).user).toBeLessThan(4e6)
    }
  },
)
