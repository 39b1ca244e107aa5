import { parseSeverityRates } from './parse-severity-rates.ts'

test.each([
  ['info=500,debug=50', { info: 500, debug: 50 }],
  ['none', {}],
  [' WARN = 0 ', { warn: 0 }],
  ['10', { trace: 10, debug: 10, info: 10, warn: 10, error: 10, fatal: 10 }],
])('%j is %j', (text, value) => {
  expect(parseSeverityRates(text)).toEqual({ value })
})

test('a pair that cannot be read is left out and said, the others apply', () => {
  const parsed = parseSeverityRates('info=500,constructor=1,debug=many')
  expect(parsed).toMatchObject({ value: { info: 500 } })
  expect(parsed).toHaveProperty('faults', [
    expect.stringContaining('constructor=1'),
    expect.stringContaining('debug=many'),
  ])
  expect(parseSeverityRates('fast')).toHaveProperty('fault')
})
