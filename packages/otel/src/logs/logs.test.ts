// Limits per severity, redaction, and both at the provider.
import type { LogRecordData } from '../export/log-encoder.ts'
import { buildQueryRedactor } from '../tracing/http/redact.ts'
import { LeanLoggerProvider } from './logger-provider.ts'
import { RateLimit } from './rate-limit.ts'
import { buildLogRedactor } from './redact.ts'

const redactor = buildLogRedactor(buildQueryRedactor(['token', 'sig']).redactQuery)

test.each([
  [
    'GET https://me:pw@shop.example/pay?token=abc&n=1 failed',
    'GET https://REDACTED:REDACTED@shop.example/pay?token=REDACTED&n=1 failed',
  ],
  ['/reset?TOKEN=abc#x and /b?sig=1', '/reset?TOKEN=REDACTED#x and /b?sig=REDACTED'],
  ['why? because a=b', 'why? because a=b'],
  ['mail me@example.org', 'mail me@example.org'],
])('text %j is sent as %j', (text, expected) => {
  expect(redactor.redact(text)).toBe(expected)
})

test('credentials among headers are hidden at any depth, and the object of the caller stays as it is', () => {
  const request = { method: 'GET', headers: { Authorization: 'Bearer x', cookie: 'a=1', accept: '*/*' } }
  expect(redactor.redact({ req: request })).toEqual({
    req: { method: 'GET', headers: { Authorization: 'REDACTED', cookie: 'REDACTED', accept: '*/*' } },
  })
  expect(request.headers.cookie).toBe('a=1')
  const clean = { list: ['a', { b: 1 }] }
  expect(redactor.redact(clean)).toBe(clean)
})

test('a value that throws when it is read is left out and nothing is thrown', () => {
  const hostile = Object.defineProperty({}, 'x', {
    enumerable: true,
    get: () => {
      throw new Error('no')
    },
  })
  expect(redactor.redact(hostile)).toBeUndefined()
  const circular: Record<string, unknown> = { url: 'http://a:b@c/' }
  circular.self = circular
  expect(() => redactor.redact(circular)).not.toThrow()
})

describe('the limit of a severity', () => {
  const take = (limit: RateLimit, severity: number, nowMs: number, times: number) =>
    Array.from({ length: times }, () => limit.take(severity, nowMs)).filter(Boolean).length

  test('lets so many through per second, and refills with time', () => {
    const limit = new RateLimit({ rates: { info: 10 }, say() {} })
    expect(take(limit, 9, 0, 30)).toBe(10)
    expect(take(limit, 12, 500, 30)).toBe(5)
    expect(take(limit, 9, 60_000, 30)).toBe(10)
  })

  test('does not touch other severities, nor records without one', () => {
    const limit = new RateLimit({ rates: { info: 0, debug: 1 }, say() {} })
    expect([take(limit, 9, 0, 5), take(limit, 5, 0, 5), take(limit, 17, 0, 5), take(limit, 0, 0, 5)]).toEqual(
      [0, 1, 5, 5],
    )
  })

  test('is said when it begins to drop and then once a minute with the count', () => {
    const said: unknown[] = []
    const limit = new RateLimit({ rates: { warn: 1 }, say: (...args) => said.push(args) })
    take(limit, 13, 0, 4)
    take(limit, 13, 100, 3)
    take(limit, 13, 70_000, 2)
    expect(said).toEqual([
      ['warn', 1, 1],
      ['warn', 1, 6],
    ])
  })
})

test('a record through the provider is limited, redacted and cut, and carries its exception', () => {
  const got: LogRecordData[] = []
  const provider = new LeanLoggerProvider({
    sink: { add: record => got.push(record) },
    limits: { attributeCount: 4, attributeValueLength: 40 },
    now: () => 1000,
    redactor,
    rateLimit: new RateLimit({ rates: { info: 1 }, say() {} }),
  })
  const logger = provider.getLogger('x')
  const exception = new RangeError('at http://me:pw@db/')
  logger.emit({
    severityNumber: 9,
    body: 'a'.repeat(99),
    attributes: { url: '/a?token=1', cookie: 'c', n: 1, m: 2 },
  })
  logger.emit({ severityNumber: 9, body: 'dropped' })
  logger.emit({ severityNumber: 17, exception })
  expect(logger.enabled({ severityNumber: 9 })).toBe(false)
  expect(provider.rateLimited).toBe(2)
  expect(got).toMatchObject([
    { body: 'a'.repeat(40), attributes: { url: '/a?token=REDACTED', cookie: 'REDACTED', n: 1, m: 2 } },
    {
      attributes: { 'exception.type': 'RangeError', 'exception.message': 'at http://REDACTED:REDACTED@db/' },
    },
  ])
})
