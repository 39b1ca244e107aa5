import type { PromMetric } from './prom-metric.ts'
import { dropAll, dropSlots, findSlots, openSeries, openSlots } from './series.ts'

const makeMetric = (): PromMetric => ({
  name: 'm',
  help: 'm',
  type: 'counter',
  labelNames: ['route', 'status'],
  get: () => ({ name: 'm', help: 'm', type: 'counter' }),
})

test('the same labels lead to the same slots, in whatever order they are asked for', () => {
  const series = openSeries(makeMetric())
  const a = openSlots(series, { route: '/a', status: 200 })
  const b = openSlots(series, { route: '/b', status: 200 })
  expect(a).not.toBe(b)
  for (const [labels, slots] of [
    [{ route: '/a', status: 200 }, a],
    [{ route: '/a', status: '200' }, a],
    [{ status: 200, route: '/b', more: 1 }, b],
    [{ route: '/b', status: 200 }, b],
    [{ route: '/a', status: 200 }, a],
  ] as const)
    expect(openSlots(series, labels)).toBe(slots)
  expect(openSlots(series, { route: '/a' })).not.toBe(a)
})

test('a label object whose text changes is another series then', () => {
  const series = openSeries(makeMetric())
  let text = 'one'
  const labels = { route: { toString: () => text }, status: 200 }
  const one = openSlots(series, labels)
  expect(openSlots(series, labels)).toBe(one)
  text = 'two'
  expect(openSlots(series, labels)).not.toBe(one)
})

test('what was dropped is not found again, though it was asked for last', () => {
  const metric = makeMetric()
  const labels = { route: '/a', status: 200 }
  const slots = openSlots(openSeries(metric), labels)
  slots.push(undefined)
  dropSlots(metric, labels)
  expect(openSlots(openSeries(metric), labels)).toEqual([])
  dropAll(metric)
  expect(findSlots(metric, labels)).toBeUndefined()
  expect(openSlots(openSeries(metric), labels)).not.toBe(slots)
})

test('series that come and go leave no path behind, and their neighbours stay', () => {
  const metric = makeMetric()
  const series = openSeries(metric)
  const neighbour = openSlots(series, { route: '/r7', status: 500 })
  for (let i = 0; i < 1000; i++) {
    openSlots(series, { route: `/r${i}`, status: i })
    dropSlots(metric, { route: `/r${i}`, status: i })
  }
  dropSlots(metric, { route: '/r7', status: 'never seen' })
  dropSlots(metric, {})
  expect(
    [...(series.root as Map<string, Map<string, unknown>>)].map(([route, { size }]) => [route, size]),
  ).toEqual([['/r7', 1]])
  expect(findSlots(metric, { route: '/r7', status: 500 })).toBe(neighbour)
})

test('metrics that take turns, one of them dropped meanwhile, never get each other\u2019s series', () => {
  const [a, b] = [makeMetric(), makeMetric()]
  const labels = { route: '/a', status: 200 }
  const [ofA, ofB] = [openSlots(openSeries(a), labels), openSlots(openSeries(b), labels)]
  expect(openSlots(openSeries(a), labels)).toBe(ofA)
  expect(openSlots(openSeries(b), labels)).toBe(ofB)
  // Not the one that was asked for last.
  dropAll(a)
  expect(openSlots(openSeries(b), labels)).toBe(ofB)
  const again = openSlots(openSeries(a), labels)
  expect([again === ofA, again === ofB, findSlots(a, labels) === again]).toEqual([false, false, true])
  dropSlots(a, labels)
  expect(openSlots(openSeries(a), labels)).not.toBe(again)
  expect(findSlots(b, labels)).toBe(ofB)
})
