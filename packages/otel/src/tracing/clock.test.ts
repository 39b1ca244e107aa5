import { clockOrigin, isTimeInput, monotonicMs, toEpochMs, toHrTime } from './clock.ts'

const origin = 1_700_000_000_000

test.each<[string, unknown, number]>([
  ['epoch milliseconds', 1_577_836_800_000.25, 1_577_836_800_000.25],
  ['a Date', new Date(1_577_836_800_000), 1_577_836_800_000],
  ['seconds and nanoseconds', [1_577_836_800, 500_000], 1_577_836_800_000.5],
  ['a performance.now() reading', 5.5, origin + 5.5],
])('%s is understood', (_, time, expected) => {
  expect(toEpochMs(time as never, origin)).toBe(expected)
})

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['NaN', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['text', 'yesterday'],
  ['a list of one', [1]],
  ['a list with NaN', [Number.NaN, 0]],
  ['an object', {}],
  ['an invalid Date', new Date(Number.NaN)],
  ['a proxy of a Date', new Proxy(new Date(), {})],
])('%s means now', (_, time) => {
  const before = origin + monotonicMs()
  const ms = toEpochMs(time as never, origin)
  expect(ms).toBeGreaterThanOrEqual(before)
  expect(ms).toBeLessThanOrEqual(origin + monotonicMs())
})

test('a proxy that refuses every question is no time', () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  expect(isTimeInput(proxy)).toBe(false)
})

test('milliseconds become seconds and nanoseconds without a sixtieth second', () => {
  expect(toHrTime(1_577_836_800_000.5)).toEqual([1_577_836_800, 500_000])
  expect(toHrTime(1_999.9999999)).toEqual([2, 0])
})

test('the anchor follows the wall clock when it is stepped, checked every ten seconds', () => {
  const real = Date.now
  const now = monotonicMs()
  const before = clockOrigin(now + 20_000)
  try {
    Date.now = () => real() + 3_600_000
    expect(clockOrigin(now + 25_000)).toBe(before)
    expect(clockOrigin(now + 40_000)).toBeGreaterThan(before + 3_500_000)
  } finally {
    Date.now = real
  }
  clockOrigin(now + 60_000)
})
