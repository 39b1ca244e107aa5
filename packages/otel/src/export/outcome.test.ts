import { describeEndpoint } from '../self/endpoint-text.ts'
import { readPartialSuccess } from './answer.ts'
import { computeBackoffMs } from './backoff.ts'
import { readRetryInfo } from './grpc-sender.ts'
import { outcomeOfGrpc, outcomeOfStatus, parseRetryAfter } from './outcome.ts'

const now = Date.parse('2026-11-21T08:00:00Z')

test.each([
  ['30', 30_000],
  [' 5 ', 5000],
  ['0', 0],
  ['3600', 300_000],
  ['99999999999999999999', 300_000],
  ['Sat, 21 Nov 2026 08:00:10 GMT', 10_000],
  ['Sat, 21 Nov 2026 07:00:00 GMT', 0],
  ['Sat, 21 Nov 2027 08:00:00 GMT', 300_000],
  ['-1', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  ['', undefined],
  [undefined, undefined],
])('Retry-After %j means %p ms', (text, ms) => {
  expect(parseRetryAfter(text, now)).toBe(ms)
})

test.each([200, 202, 204])('HTTP %i is success', status => {
  expect(outcomeOfStatus(status, undefined, now).kind).toBe('accepted')
})
test.each([429, 502, 503, 504])('HTTP %i is retried', status => {
  expect(outcomeOfStatus(status, undefined, now).kind).toBe('retry')
})
test.each([301, 302, 307, 400, 401, 403, 404, 405, 415, 500, 501])('HTTP %i is final', status => {
  expect(outcomeOfStatus(status, '10', now).kind).toBe('refused')
})
test.each([1, 4, 10, 11, 14, 15])('gRPC status %i is retried', status => {
  expect(outcomeOfGrpc(status, '', undefined).kind).toBe('retry')
})
test.each([2, 3, 5, 6, 7, 8, 9, 12, 13, 16, 99, Number.NaN])(
  'gRPC status %p without RetryInfo is final',
  status => {
    expect(outcomeOfGrpc(status, '', undefined).kind).toBe('refused')
  },
)

test('the back-off grows, is random below its ceiling, and never longer than eight seconds', () => {
  for (let failures = 1; failures < 100; failures++) {
    expect(computeBackoffMs(failures, 0)).toBe(100)
    expect(computeBackoffMs(failures, 0.999999)).toBeLessThanOrEqual(
      Math.min(8000, 1000 * 2 ** (failures - 1)),
    )
  }
  expect(computeBackoffMs(4, 0.5)).toBeGreaterThan(computeBackoffMs(1, 0.5))
})

test.each([undefined, '', 'not base64!', 'CAgS', Buffer.from([0x1a, 0xff]).toString('base64')])(
  'status details %j carry no RetryInfo and break nothing',
  details => {
    expect(readRetryInfo(details)).toBeUndefined()
  },
)

test.each(['', 'ff', '0aff01', '0a0408ffffff', '0a0c08ffffffffffffffffffff01'])(
  'an answer of %j reads as accepted or counts sanely',
  hex => {
    const { rejected } = readPartialSuccess(Buffer.from(hex, 'hex'))
    expect(Number.isFinite(rejected)).toBe(true)
  },
)

test('endpoints are named without their secrets', () => {
  expect(describeEndpoint('https://user:canary@host:4318/v1/traces?token=canary#canary')).toBe(
    'https://host:4318/v1/traces',
  )
  expect(describeEndpoint('canary')).not.toContain('canary')
})
