import { TraceState } from '@opentelemetry/core'
import { ROOT, spanOf, withSpan } from '../context.ts'
import { fromSpanContext, type LeanSpan } from '../span.ts'
import { parseTraceparent, printTraceparent, printTraceState, tracecontext } from './tracecontext.ts'

const id = '4bf92f3577b34da6a3ce929d0e0e4736'
const parent = '00f067aa0ba902b7'
const good = `00-${id}-${parent}-01`

test('a remote span has the ids, the sampled and the random flag of its header', () => {
  const span = parseTraceparent(`00-${id}-${parent}-03`, 'a=1')
  expect(span?.spanContext()).toEqual({
    traceId: id,
    spanId: parent,
    traceFlags: 3,
    isRemote: true,
    traceState: expect.anything(),
  })
  expect(span?.isRecording()).toBe(false)
})

test.each([
  ['text', good],
  ['surrounded by blanks', ` ${good}\t`],
  ['a Buffer', Buffer.from(good)],
  ['a Uint8Array', new Uint8Array(Buffer.from(good))],
  ['a list of one', [good]],
  ['a list of one Buffer', [Buffer.from(good)]],
  ['the same twice', [good, Buffer.from(good)]],
  ['a later version', `cc${good.slice(2)}`],
  ['a later version with more fields', `cc${good.slice(2)}-what-the-future-holds`],
])('%s is read', (_, header) => {
  expect(parseTraceparent(header, undefined)?.spanContext()).toMatchObject({ traceId: id, traceFlags: 1 })
})

test.each([
  ['null', null],
  ['a number', 7],
  ['an object', {}],
  ['an empty list', []],
  ['two that differ', [good, `00-${id}-${'1'.repeat(16)}-01`]],
  ['two joined by a comma', `${good}, ${good}`],
  ['version ff', `ff${good.slice(2)}`],
  ['upper case', good.toUpperCase()],
  ['more fields in version 00', `${good}-x`],
  ['a longer version 00', `${good}0`],
  ['a later version without a dash', `cc${good.slice(2)}x`],
  ['a zero trace id', `00-${'0'.repeat(32)}-${parent}-01`],
  ['a zero parent id', `00-${id}-${'0'.repeat(16)}-01`],
  ['no dashes', good.replaceAll('-', '_')],
  ['a character above 255', good.replace('4b', '4\u0130')],
  ['too short', good.slice(0, 54)],
  ['illegal flags', `00-${id}-${parent}-0x`],
  ['more than 16 KB', good + ' '.repeat(20_000)],
])('%s is not', (_, header) => {
  expect(parseTraceparent(header, undefined)).toBeUndefined()
})

test('flags nobody knows yet are not passed on', () => {
  expect(printTraceparent(parseTraceparent(`00-${id}-${parent}-ff`, undefined) as LeanSpan)).toBe(
    `00-${id}-${parent}-03`,
  )
})

test('several tracestate headers count as one list', () => {
  const span = parseTraceparent(good, ['a=1', Buffer.from('b=2'), null, 'c=3'])
  expect(span?.traceState?.serialize()).toBe('a=1,b=2,c=3')
})

test('a bad tracestate costs the tracestate and not the trace', () => {
  const span = parseTraceparent(good, 'BAD=1,ok=2')
  expect(span?.traceId()).toBe(id)
  expect(span?.traceState).toBeUndefined()
})

test('the trace state of another API copy is sent as far as it is legal', () => {
  const from = (traceState: unknown) =>
    printTraceState(
      fromSpanContext({
        traceId: id,
        spanId: parent,
        traceFlags: 1,
        traceState: traceState as never,
      }) as LeanSpan,
    )
  expect(from(new TraceState('a=1,b=2'))).toBe('a=1,b=2')
  expect(from({ serialize: () => '' })).toBeUndefined()
  expect(from({ serialize: () => 'a=1\r\nevil: 1' })).toBeUndefined()
  expect(from({ serialize: () => 7 })).toBeUndefined()
})

test('an empty tracestate header is never sent', () => {
  const sent: string[] = []
  const context = withSpan(ROOT, parseTraceparent(good, '') as LeanSpan)
  tracecontext.inject(context, spanOf(context) as LeanSpan, key => sent.push(key))
  expect(sent).toEqual(['traceparent'])
})
