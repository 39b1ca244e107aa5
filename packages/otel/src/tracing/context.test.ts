import { EventEmitter } from 'node:events'
import { type Context, createContextKey, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  getRPCMetadata,
  isTracingSuppressed,
  RPCType,
  setRPCMetadata,
  suppressTracing,
} from '@opentelemetry/core'
import {
  active,
  isSuppressed,
  LeanContext,
  LeanContextManager,
  ROOT,
  SUPPRESSED,
  spanOf,
  withContext,
  withSpan,
} from './context.ts'
import { LeanSpan } from './span.ts'

const span = new LeanSpan(1, 2, 3, 4, 5, 6, 1, false, undefined)
const key = createContextKey('of the application')

describe('LeanContext', () => {
  test("holds what the API and upstream's core put there, under their keys", () => {
    const rpc = { type: RPCType.HTTP, span } as const
    const context = setRPCMetadata(trace.setSpan(ROOT, span), rpc)
    expect(context).toBeInstanceOf(LeanContext)
    expect((context as LeanContext).span).toBe(span)
    expect((context as LeanContext).rpc).toBe(rpc)
    expect(trace.getSpan(context)).toBe(span)
    expect(getRPCMetadata(context)).toBe(rpc)
    const baggage = propagation.createBaggage()
    expect(propagation.getBaggage(propagation.setBaggage(context, baggage))).toBe(baggage)
    expect(isTracingSuppressed(SUPPRESSED)).toBe(true)
    expect(isSuppressed(suppressTracing(ROOT))).toBe(true)
    expect(isSuppressed(suppressTracing(ROOT_CONTEXT))).toBe(true)
    expect(isSuppressed(context)).toBe(false)
  })

  test('is never changed: every set gives a new one and leaves the other values', () => {
    const one = ROOT.setValue(key, 1)
    const two = one.setValue(key, 2)
    expect([ROOT.getValue(key), one.getValue(key), two.getValue(key)]).toEqual([undefined, 1, 2])
    expect(withSpan(two, span).getValue(key)).toBe(2)
    expect(trace.deleteSpan(withSpan(two, span)).getValue(key)).toBe(2)
    expect(two.deleteValue(key).getValue(key)).toBeUndefined()
    expect(one.deleteValue(createContextKey('another'))).toBe(one)
  })

  test('a span set to nothing reads as no span', () => {
    expect(spanOf(trace.deleteSpan(withSpan(ROOT, span)))).toBeUndefined()
    expect(spanOf(trace.deleteSpan(trace.setSpan(ROOT_CONTEXT, span)))).toBeUndefined()
    expect(spanOf(trace.setSpan(ROOT_CONTEXT, span))).toBe(span)
  })
})

// Each promise is checked of upstream's manager too: code written against it must not notice the exchange.
describe.each([
  ['ours', () => new LeanContextManager()],
  ["upstream's", () => new AsyncLocalStorageContextManager()],
])('a context manager, %s', (_, make) => {
  const manager = make().enable()
  const here: Context = ROOT.setValue(key, 'here')
  afterAll(() => manager.disable())

  test('is at the root outside of everything', () => {
    expect(manager.active().getValue(key)).toBeUndefined()
  })

  test('runs a function with its receiver, arguments, result and error', async () => {
    const receiver = { name: 'receiver' }
    const run = manager.with(
      here,
      function (this: typeof receiver, a: number, b: number) {
        return [this.name, a + b, manager.active()]
      },
      receiver,
      1,
      2,
    )
    expect(run).toEqual(['receiver', 3, here])
    expect(() =>
      manager.with(here, () => {
        throw new Error('of the application')
      }),
    ).toThrow('of the application')
    expect(manager.active()).not.toBe(here)
    await manager.with(here, async () => {
      await new Promise(resolve => setImmediate(resolve))
      expect(manager.active()).toBe(here)
    })
  })

  test('takes any object with the methods of a context', () => {
    const foreign = ROOT_CONTEXT.setValue(key, 'foreign')
    expect(manager.with(foreign, () => manager.active())).toBe(foreign)
  })

  test('a bound function keeps its length, receiver and context', () => {
    const bound = manager.bind(here, function (this: unknown, a: number, _b: number) {
      return [this, a, manager.active()]
    })
    expect(bound).toHaveLength(2)
    expect(bound.call('receiver', 1, 2)).toEqual(['receiver', 1, here])
  })

  test('what is neither function nor emitter comes back as it is', () => {
    const object = {}
    expect(manager.bind(here, object)).toBe(object)
    expect(manager.bind(here, undefined)).toBeUndefined()
  })

  test('listeners added after binding an emitter run in the context, those before do not', () => {
    const emitter = new EventEmitter()
    const seen: unknown[] = []
    const note = () => seen.push(manager.active().getValue(key))
    emitter.on('x', note)
    expect(manager.bind(here, emitter)).toBe(emitter)
    emitter.on('x', note)
    emitter.once('x', note)
    emitter.prependListener('x', note)
    emitter.emit('x')
    expect(seen).toEqual(['here', undefined, 'here', 'here'])
    seen.length = 0
    emitter.emit('x')
    expect(seen).toHaveLength(3)
  })

  test('a listener is removed by the function it was added with', () => {
    const emitter = manager.bind(here, new EventEmitter())
    const listener = jest.fn()
    for (const remove of ['off', 'removeListener'] as const) {
      emitter.on('x', listener)
      emitter[remove]('x', listener)
      emitter.once('x', listener)
      emitter[remove]('x', listener)
    }
    emitter.on('x', listener)
    emitter.removeAllListeners('x')
    emitter.on('y', listener)
    emitter.removeAllListeners()
    emitter.emit('x')
    emitter.emit('y')
    expect(listener).not.toHaveBeenCalled()
  })

  test('a once listener runs once', () => {
    const emitter = manager.bind(here, new EventEmitter())
    const listener = jest.fn()
    emitter.once('x', listener)
    emitter.emit('x', 1)
    emitter.emit('x', 2)
    expect(listener.mock.calls).toEqual([[1]])
  })

  test('binding an emitter again changes nothing', () => {
    const emitter = manager.bind(here, new EventEmitter())
    const { on } = emitter
    manager.bind(ROOT, emitter)
    expect(emitter.on).toBe(on)
  })

  test('an attached context lasts until it is disposed of', () => {
    const token = manager.attach(here)
    expect(manager.active()).toBe(here)
    token.dispose()
    expect(manager.active().getValue(key)).toBeUndefined()
    token.dispose()
  })
})

test('withContext is the same without the API', () => {
  expect(
    withContext(ROOT.setValue(key, 1), (a: number) => a + (active().getValue(key) as number), undefined, 2),
  ).toBe(3)
  expect(
    withContext(
      ROOT,
      function (this: unknown) {
        return this
      },
      'receiver',
    ),
  ).toBe('receiver')
})
