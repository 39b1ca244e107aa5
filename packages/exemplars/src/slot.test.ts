import { createSlot, type ExemplarSlot, publish } from './slot.ts'

function offer(slot: ExemplarSlot, value: number, timeMs: number): void {
  Object.assign(slot, { value, timeMs, labels: { trace_id: `${value}` } })
}

test('the first candidate is shown at once, the next after the interval, the last one as long as nothing comes', () => {
  const slot = createSlot()
  expect(publish(slot, 1000, 500)).toBeUndefined()
  offer(slot, 1, 1000)
  expect(publish(slot, 1001, 500)?.value).toBe(1)
  offer(slot, 2, 1002)
  expect(publish(slot, 1400, 500)?.value).toBe(1)
  expect(publish(slot, 1501, 500)).toEqual({ value: 2, timeMs: 1002, labels: { trace_id: '2' } })
  expect(publish(slot, 99_999, 500)?.value).toBe(2)
})

test('a published exemplar does not change under the reader', () => {
  const slot = createSlot()
  offer(slot, 1, 1000)
  const shown = publish(slot, 1000, 0)
  offer(slot, 2, 1001)
  expect(shown).toEqual({ value: 1, timeMs: 1000, labels: { trace_id: '1' } })
})
