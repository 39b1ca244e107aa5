// Limits per severity, redaction, and both at the provider.
import { inspect } from 'node:util'
import { encodeLog, type LogRecordData } from '../export/log-encoder.ts'
import { ProtoWriter } from '../export/protobuf.ts'
import { buildRedactor } from '../redact/redactor.ts'
import { LeanLoggerProvider } from './logger-provider.ts'
import { RateLimit } from './rate-limit.ts'

const redactor = buildRedactor({ keys: { query: ['token', 'sig'] } })

test.each([
  [
    'GET https://me:pw@shop.example/pay?token=abc&n=1 failed',
    'GET https://REDACTED:REDACTED@shop.example/pay?token=REDACTED&n=1 failed',
  ],
  ['/reset?TOKEN=abc#x and /b?sig=1', '/reset?TOKEN=REDACTED#x and /b?sig=REDACTED'],
  ['why? because a=b', 'why? because a=b'],
  ['mail me@example.org', 'mail me@example.org'],
])('text %j is sent as %j', (text, expected) => {
  expect(redactor.redactBody(text)).toBe(expected)
})

test('credentials among headers are hidden at any depth, and the object of the caller stays as it is', () => {
  const request = { method: 'GET', headers: { Authorization: 'Bearer x', cookie: 'a=1', accept: '*/*' } }
  expect(redactor.redactBody({ req: request })).toEqual({
    req: { method: 'GET', headers: { Authorization: 'REDACTED', cookie: 'REDACTED', accept: '*/*' } },
  })
  expect(request.headers.cookie).toBe('a=1')
  const clean = { list: ['a', { b: 1 }] }
  expect(redactor.redactBody(clean)).toBe(clean)
})

test('a value that throws when it is read is left out and nothing is thrown', () => {
  const hostile = Object.defineProperty({}, 'x', {
    enumerable: true,
    get: () => {
      throw new Error('no')
    },
  })
  expect(redactor.redactBody(hostile)).toBeUndefined()
  const circular: Record<string, unknown> = { url: 'http://a:b@c/' }
  circular.self = circular
  expect(() => redactor.redactBody(circular)).not.toThrow()
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

describe('whatever the encoder writes, secrets are hidden in it:', () => {
  class Request {
    readonly headers = { authorization: 'Bearer hunter2' }
    readonly url = 'https://me:hunter2@shop.example/?token=hunter2'
  }
  const nest = (value: unknown, depth: number): unknown =>
    depth === 0 ? value : { in: nest(value, depth - 1) }
  const secret = 'https://me:hunter2@shop.example/'
  const cases: [string, () => unknown][] = [
    ['instances of classes', () => new Request()],
    [
      'maps',
      () =>
        new Map<string, unknown>([
          ['cookie', 'hunter2'],
          ['in', { url: secret }],
        ]),
    ],
    ['sets', () => new Set([secret, 1])],
    ['errors inside', () => ({ cause: new Error(`no answer from ${secret}`) })],
    ['depths that are written', () => nest({ url: secret, authorization: 'hunter2' }, 14)],
    ['depths that are cut', () => nest({ url: secret }, 40)],
    ['objects without prototype', () => Object.assign(Object.create(null), { 'set-cookie': ['hunter2'] })],
  ]
  test.each(cases)('%s', (_what, make) => {
    const value = make()
    const sent: LogRecordData[] = []
    const provider = new LeanLoggerProvider({
      sink: { add: record => sent.push(record) },
      limits: { attributeCount: 4, attributeValueLength: Infinity },
      now: () => 1000,
      redactor,
    })
    provider.getLogger('x').emit({ body: value as never, attributes: { value } as never })
    const w = new ProtoWriter(8)
    for (const record of sent) encodeLog(w, record)
    const bytes = Buffer.from(w.finish()).toString('latin1')
    expect(bytes).not.toContain('hunter2')
    expect(bytes).toMatch(/REDACTED|too deep/)
    expect(inspect(value, { depth: 50 })).toContain('hunter2')
  })
})

test('a secret is hidden before its text is cut, not only when the cut leaves enough of it to be seen', () => {
  const got: LogRecordData[] = []
  const provider = new LeanLoggerProvider({
    sink: { add: record => got.push(record) },
    limits: { attributeCount: 4, attributeValueLength: 24 },
    now: () => 1000,
    redactor,
  })
  const url = 'http://me:hunter2hunter2hunter2@db.example/'
  provider.getLogger('x').emit({ body: url, attributes: { url, list: [url], exception: { url } } })
  expect(JSON.stringify(got)).not.toMatch(/hunter2/)
  expect(got[0]).toMatchObject({
    body: 'http://REDACTED:REDACTED',
    attributes: { list: ['http://REDACTED:REDACTED'] },
  })
})

test('the time to redact grows with the text, not with its square, and a value that contains itself is no trap', () => {
  const self: unknown[] = ['https://me:pw@db/']
  for (let i = 0; i < 50; i++) self.push(self, { self })
  const started = performance.now()
  for (const text of ['a'.repeat(2e6), '?'.repeat(2e6), 'a://'.repeat(5e5), 'a.b@'.repeat(5e5)])
    expect(redactor.redactBody(`${text} postgres://me:pw@db/x?token=1`)).toMatch(
      /postgres:\/\/REDACTED:REDACTED@db\/x\?token=REDACTED$/,
    )
  const [first, second, third] = redactor.redactBody(self) as unknown[]
  expect([first, second, third]).toEqual([
    'https://REDACTED:REDACTED@db/',
    '[circular]',
    { self: '[circular]' },
  ])
  const got: LogRecordData[] = []
  const provider = new LeanLoggerProvider({
    sink: { add: record => got.push(record) },
    limits: { attributeCount: 4, attributeValueLength: 24 },
    now: () => 1000,
  })
  const circle: unknown[] = []
  circle.push(circle)
  provider.getLogger('x').emit({ body: 'kept', attributes: { circle } as never })
  expect(got).toMatchObject([{ body: 'kept' }])
  // Minutes before; generous for a machine that does other things too.
  expect(performance.now() - started).toBeLessThan(5000)
})
