import { describeError, messageOf, printError } from './error-text.ts'

const circular: any = { error: {} }
circular.error.error = circular
const hostile = new Proxy(
  {},
  {
    get() {
      throw new Error('no')
    },
    ownKeys() {
      throw new Error('no')
    },
  },
)
const getter = {
  get message() {
    throw new Error('no')
  },
  code: 'E_GETTER',
}

// What was thrown -> type, message.
const table: [string, unknown, string, string][] = [
  ['an error', new TypeError('bad'), 'TypeError', 'bad'],
  [
    'an error with a code',
    Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
    'ECONNREFUSED',
    'refused',
  ],
  ['a DOMException', new DOMException('late', 'TimeoutError'), 'TimeoutError', 'late'],
  ['an error without a message', new Error(''), 'Error', ''],
  ['an error whose cause speaks', new Error('', { cause: new Error('deeper') }), 'Error', 'deeper'],
  [
    'several errors',
    new AggregateError([new Error('first'), new Error('second')]),
    'AggregateError',
    'first',
  ],
  ['a plain object', { message: 'plain' }, '', 'plain'],
  ['with a code', { code: 'E_PLAIN', message: 'plain' }, 'E_PLAIN', 'plain'],
  ['with a status', { status: 400, message: 'bad request' }, '', 'bad request'],
  ['a code alone', { code: 'E_ONLY' }, 'E_ONLY', ''],
  ['a number as code', { code: 42 }, '42', ''],
  ['a status alone', { status: 503 }, '', 'status 503'],
  ['a number as message', { message: 7 }, '', '7'],
  ['a nested message', { message: { text: 'inner' } }, '', 'inner'],
  ['error: text', { error: 'invalid_grant', error_description: 'expired' }, '', 'invalid_grant'],
  ['error: object', { error: { message: 'inner' } }, '', 'inner'],
  ['errors: list', { errors: [{ message: 'one' }, { message: 'two' }] }, '', 'one'],
  ['a cause', { cause: { message: 'cause' } }, '', 'cause'],
  ['a problem document', { type: 'about:blank', title: 'Not found', status: 404 }, '', 'Not found'],
  ['no prototype', Object.assign(Object.create(null), { message: 'bare' }), '', 'bare'],
  ['other fields', { password: 's3cret', user: 'a' }, '', 'an object without a message (password, user)'],
  ['an empty object', {}, '', 'an object without a message'],
  ['a list', [1, 2], '', 'a list of 2'],
  ['a text', 'text', '', 'text'],
  ['a number', 42, '', '42'],
  ['a symbol', Symbol('s'), '', 'Symbol(s)'],
  ['false', false, '', 'false'],
  ['null', null, '', ''],
  ['undefined', undefined, '', ''],
  ['a class', class Boom {}, 'Boom', ''],
  ['a circle', circular, '', 'an object without a message (error)'],
  ['a getter that throws', getter, 'E_GETTER', ''],
  ['a proxy that throws', hostile, '', 'an object that cannot be read'],
]

test.each(table)('%s says what it can', (_what, error, type, message) => {
  expect(describeError(error)).toMatchObject({ type, message })
  expect(messageOf(error)).toBe(message)
  expect(`${printError(error)} ${message}`).not.toContain('[object')
})

test('a line of ours has the name of an error, whatever its code', () => {
  expect(printError(Object.assign(new RangeError('far'), { code: 'E' }))).toBe('RangeError: far')
  expect(printError({ code: 'E_PLAIN', message: 'plain' })).toBe('E_PLAIN: plain')
  expect(printError(undefined)).toBe('undefined')
})

test('a hundred thousand keys and ten megabytes of text cost nothing much', () => {
  const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i]))
  expect(messageOf(wide)).toBe('an object without a message (k0, k1, k2, k3, k4, ...)')
  expect(messageOf({ error: 'x'.repeat(10_000_000) })).toHaveLength(10_000_000)
})
