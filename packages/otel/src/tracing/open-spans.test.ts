import { OpenSpans, spanOfHeld } from './open-spans.ts'
import { LeanTracerProvider } from './provider.ts'
import type { LeanSpan } from './span.ts'

function providerOf(maxOpenSpans: number) {
  const provider = new LeanTracerProvider({ sink: { add() {} }, maxOpenSpans })
  const tracer = provider.getTracer('t')
  const names = () => provider.open.list().map(held => spanOfHeld(held).name)
  return { open: provider.open, names, start: (name: string) => tracer.startSpan(name) as LeanSpan }
}

test('spans that have begun and not ended are known, oldest first, whatever the order of their ends', () => {
  const { open, names, start } = providerOf(100)
  const spans = Array.from({ length: 6 }, (_, i) => start(`${i}`))
  for (const i of [1, 4, 0]) spans[i]!.end()
  start('6')
  expect(names()).toEqual(['2', '3', '5', '6'])
  for (const i of [2, 3, 5]) spans[i]!.end()
  expect([names(), open.size, open.displaced]).toEqual([['6'], 1, 0])
})

test('when there are too many, the oldest are given up, counted, and end like any other', () => {
  const { open, names, start } = providerOf(20)
  const spans = Array.from({ length: 30 }, (_, i) => start(`${i}`))
  expect(open.size + open.displaced).toBe(30)
  expect(open.size).toBeLessThanOrEqual(20)
  expect(names()).toEqual(Array.from({ length: open.size }, (_, i) => `${30 - open.size + i}`))
  for (const span of spans) {
    span.end()
    span.end()
  }
  expect([open.size, open.displaced, names()]).toEqual([0, 0, []])
})

test('a span that has ended is not kept by its slot', async () => {
  const { open, start } = providerOf(100)
  const refs = Array.from({ length: 50 }, () => {
    const span = start('x')
    span.end()
    return span
  })
  expect(
    Object.values(open)
      .flat()
      .some(value => refs.includes(value as LeanSpan)),
  ).toBe(false)
})

test('it is said once that there are too many, until there was room again', () => {
  let said = 0
  const open = new OpenSpans(() => said++, 10)
  const { start } = providerOf(1000)
  for (let i = 0; i < 50; i++) {
    const span = start('x')
    open.add(span, span.record!)
  }
  expect(said).toBe(1)
})
