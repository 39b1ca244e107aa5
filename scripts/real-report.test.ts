import { countMissing } from './real-report.mjs'

const failed = (...failureMessages: string[]) => ({ status: 'failed', failureMessages })
const missing = 'MissingToolchain: the Collector needs Go (1.26+)\n    at need (install.ts:43)'

test('tests without their toolchain are told apart from tests that fail', () => {
  const report = {
    testResults: [
      { assertionResults: [failed(missing), failed(missing), { status: 'passed', failureMessages: [] }] },
      { assertionResults: [failed('Error: expected 1'), failed('TypeError: no', missing), failed()] },
    ],
  }
  expect([...countMissing(report)]).toEqual([['the Collector needs Go (1.26+)', 3]])
})
