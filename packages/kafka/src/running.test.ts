import { trace } from '@opentelemetry/api'
import { enter, find, leave, newRunningList, type Running } from './running.ts'

const spanOf = (n: number) =>
  trace.wrapSpanContext({ traceId: '1'.repeat(32), spanId: n.toString(16).padStart(16, '0'), traceFlags: 1 })
const running = (n: number): Running & { subject: object } => ({
  subject: { n },
  span: spanOf(n),
  before: undefined,
  after: undefined,
})

test('what runs is found, and what is done is not, in whatever order it ends', () => {
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
  ]) {
    const list = newRunningList()
    const all = [0, 1, 2].map(running)
    for (const one of all) enter(list, one)
    for (const i of order) {
      expect(find(list, all[i]!.subject)).toBe(all[i]!.span)
      leave(list, all[i]!)
      leave(list, all[i]!)
      expect(find(list, all[i]!.subject)).toBeUndefined()
    }
    expect(list).toEqual(newRunningList())
  }
})

test('a long list is searched by an index that follows it, and is a list again when it is short', () => {
  const list = newRunningList()
  const all = Array.from({ length: 200 }, (_, n) => running(n))
  for (const one of all) enter(list, one)
  expect(find(list, all[150]!.subject)).toBe(all[150]!.span)
  leave(list, all[150]!)
  expect(find(list, all[150]!.subject)).toBeUndefined()
  const late = running(999)
  enter(list, late)
  expect(find(list, late.subject)).toBe(late.span)
  for (const one of all) leave(list, one)
  expect(find(list, late.subject)).toBe(late.span)
  expect(list).toMatchObject({ size: 1, index: undefined })
})

test('handlers that never come back are forgotten, the oldest first', () => {
  const list = newRunningList()
  const all = Array.from({ length: 10_003 }, (_, n) => running(n))
  for (const one of all) enter(list, one)
  expect(list.size).toBe(10_000)
  expect(find(list, all[2]!.subject)).toBeUndefined()
  expect(find(list, all[3]!.subject)).toBe(all[3]!.span)
  leave(list, all[0]!)
  expect(list.size).toBe(10_000)
})
