import { baggageEntryMetadataFromString, propagation } from '@opentelemetry/api'
import { LeanBaggage, maxBaggageBytes, parseBaggage, printBaggage } from './baggage.ts'

const entriesOf = (header: string) =>
  parseBaggage(header)
    ?.getAllEntries()
    .map(([key, entry]) => [key, entry.value, ...(entry.metadata ? [entry.metadata.toString()] : [])])

test.each([
  ['a=1', [['a', '1']]],
  [
    'a=1,b=2',
    [
      ['a', '1'],
      ['b', '2'],
    ],
  ],
  [
    ' a = 1 , b = 2 ',
    [
      ['a', '1'],
      ['b', '2'],
    ],
  ],
  ['a=1;p;q=2', [['a', '1', 'p;q=2']]],
  ['a=1; p = x ;q', [['a', '1', 'p=x;q']]],
  ['a=%20%C3%A9', [['a', ' é']]],
  ['a=b=c', [['a', 'b=c']]],
  ['a=%zz', [['a', '%zz']]],
  ['a=%ff', [['a', '\ufffd']]],
  ['a=x%ffy%c3%a9', [['a', 'x\ufffdyé']]],
  ['k%20y=1', [['k y', '1']]],
  ['a=1,a=2', [['a', '2']]],
  ['__proto__=1', [['__proto__', '1']]],
])('%j is read', (header, expected) => {
  expect(entriesOf(header)).toEqual(expected)
})

test.each(['', ',', '=1', 'a', 'a=', 'a b=1', 'a"=1', ';', '🦊=1'])('%j has nothing in it', header => {
  expect(parseBaggage(header)).toBeUndefined()
})

test('reading stops at 64 members and at 8192 bytes, between members', () => {
  const many = Array.from({ length: 200 }, (_, i) => `k${i}=v`).join(',')
  expect(parseBaggage(many)?.getAllEntries()).toHaveLength(64)
  const big = Array.from({ length: 5 }, (_, i) => `k${i}=${'v'.repeat(2500)}`).join(',')
  expect(parseBaggage(big)?.getAllEntries()).toHaveLength(3)
})

test('writing stops at 64 members and at 8192 bytes of what is on the wire, skipping what does not fit', () => {
  const many = new LeanBaggage(new Map(Array.from({ length: 200 }, (_, i) => [`k${i}`, { value: 'é' }])))
  expect(printBaggage(many).split(',')).toHaveLength(64)
  const big = new LeanBaggage(
    new Map([
      ['a', { value: 'é'.repeat(1500) }],
      ['small', { value: 'x' }],
      ['b', { value: 'y'.repeat(8000) }],
      ['last', { value: 'z' }],
    ]),
  )
  expect(printBaggage(big).length).toBeLessThanOrEqual(maxBaggageBytes)
  expect(printBaggage(big)).toMatch(/^small=x,b=y+,last=z$/)
})

test('line breaks, quotes, lone surrogates and foreign alphabets leave as escapes only', () => {
  const baggage = propagation.createBaggage({
    a: { value: '1\r\nevil: header' },
    'key with (brackets)': { value: '"quoted", back\\slash; comma' },
    broken: { value: '\ud800' },
    meta: { value: 'x', metadata: baggageEntryMetadataFromString('ok=1;b\r\nad;c="quo\u0000ted";d=é') },
  })
  const header = printBaggage(baggage)
  expect(header).toMatch(/^[\x21\x23-\x5b\x5d-\x7e]+$/)
  expect(entriesOf(header)).toEqual([
    ['a', '1\r\nevil: header'],
    ['key with (brackets)', '"quoted", back\\slash; comma'],
    ['broken', '\ufffd'],
    ['meta', 'x', 'ok=1;c=%22quo%00ted%22;d=%C3%A9'],
  ])
})

test('entries that are no text are left out', () => {
  const baggage = propagation.createBaggage({
    a: { value: {} as never },
    b: undefined as never,
    c: { value: 'ok' },
  })
  expect(printBaggage(baggage)).toBe('c=ok')
})

test("a LeanBaggage is immutable and reads like the API's", () => {
  const one = new LeanBaggage(new Map([['a', { value: '1' }]]))
  const two = one.setEntry('b', { value: '2' })
  expect(one.getEntry('b')).toBeUndefined()
  expect(two.getEntry('b')).toEqual({ value: '2' })
  expect(two.removeEntry('a').getAllEntries()).toEqual([['b', { value: '2' }]])
  expect(two.removeEntries('a', 'b').getAllEntries()).toEqual([])
  expect(two.clear().getAllEntries()).toEqual([])
  const entry = two.getEntry('a') as { value: string }
  entry.value = 'changed'
  expect(two.getEntry('a')).toEqual({ value: '1' })
})
