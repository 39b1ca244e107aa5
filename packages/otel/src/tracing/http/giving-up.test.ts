import { findFailure, findUndiciFailure, timedOut } from './giving-up.ts'

const named = (name: string, more: object = {}): Error => Object.assign(new Error(name), { name }, more)
const late = named('TimeoutError')

it.each<[string, unknown, unknown]>([
  ['nothing', undefined, null],
  ['null', null, null],
  ['an AbortError', named('AbortError'), null],
  ['an AbortError because of a reason', named('AbortError', { cause: new Error('left') }), null],
  ['an AbortError because of a time-out', named('AbortError', { cause: late }), late],
  ['a CanceledError of axios', named('CanceledError', { code: 'ERR_CANCELED' }), null],
  ['an error with the code of an abort', named('Error', { code: 'ABORT_ERR' }), null],
])('giving up with %s is %p', (_name, error, expected) => {
  expect(findFailure(error)).toBe(expected)
  expect(findUndiciFailure(error)).toBe(expected)
})

it.each<[unknown]>([
  [late],
  [named('Error', { code: 'ECONNABORTED' })],
  [new RangeError('too large')],
  [new DOMException('late', 'TimeoutError')],
  ['a text'],
  [0],
  [{}],
])('giving up with %p is that failure', error => {
  expect(findFailure(error)).toBe(error)
  expect(findUndiciFailure(error)).toBe(error)
})

it('an error with getters that throw is left to the guard', () => {
  const hostile = Object.defineProperty({}, 'name', {
    get() {
      throw new Error('hostile')
    },
  })
  expect(() => findFailure(hostile)).toThrow('hostile')
})

/** What `act` gives inside of a timer with this callback. */
const inTimer = (wrap: (act: () => void) => () => void): Promise<unknown> =>
  new Promise(resolve => setTimeout(wrap(() => resolve(findFailure(undefined)))))

describe('in a timer', () => {
  it('that makes a TimeoutError it is a time-out', async () => {
    const callback = (act: () => void) => () => {
      act()
      return named('TimeoutError')
    }
    expect(await inTimer(callback)).toBe(timedOut)
  })
  it('of AbortSignal.timeout it is a time-out, for a listener that is bound elsewhere as well', async () => {
    const { AsyncResource } = await import('node:async_hooks')
    const bound = new AsyncResource('bound')
    const alive = setTimeout(() => {}, 10_000)
    const signal = AbortSignal.timeout(1)
    const found = await new Promise(resolve =>
      signal.addEventListener('abort', () =>
        resolve([findFailure(undefined), bound.runInAsyncScope(findFailure, undefined, undefined)]),
      ),
    )
    clearTimeout(alive)
    expect(found).toEqual([timedOut, timedOut])
  })
  it('of any other kind it is a cancellation', async () => {
    expect(await inTimer(act => () => act())).toBe(null)
  })
})

describe('while a signal is aborted', () => {
  it.each([[new Error('left')], ['a text'], [{ code: 'E_LEFT' }], [0]])(
    'the reason %p is a cancellation',
    reason => {
      const controller = new AbortController()
      let found: unknown = 'not called'
      controller.signal.addEventListener('abort', () => (found = findUndiciFailure(reason)))
      controller.abort(reason)
      expect(found).toBe(null)
    },
  )
  it('an error of the network stays one, and so does a time-out', () => {
    const errors = [
      named('SocketError', { code: 'UND_ERR_SOCKET' }),
      named('Error', { syscall: 'connect' }),
      late,
    ]
    const controller = new AbortController()
    const found: unknown[] = []
    controller.signal.addEventListener('abort', () => found.push(...errors.map(findUndiciFailure)))
    controller.abort()
    expect(found).toEqual(errors)
  })
})

it('the stack trace limit stays what the application set', () => {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 3
  try {
    findUndiciFailure(new RangeError('x'))
    expect(Error.stackTraceLimit).toBe(3)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
})
