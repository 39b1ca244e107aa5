// The last answer is remembered: it must be the answer to the same question only.
import { setImmediate as turn } from 'node:timers/promises'
import { context, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { activeSpan } from './active-span.ts'

const traceId = '0af7651916cd43dd8448eb211c80319c'
const makeSpan = (n: number): Span =>
  trace.wrapSpanContext({ traceId, spanId: n.toString(16).padStart(16, '0'), traceFlags: 1 })

beforeEach(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
})
afterEach(() => context.disable())

test('requests that take turns each get their own span', async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => {
      const span = makeSpan(n + 1)
      return context.with(trace.setSpan(ROOT_CONTEXT, span), async () => {
        for (let i = 0; i < 10; i++) {
          if (activeSpan() !== span) return false
          await turn()
          if (i % 3 === 0) context.with(ROOT_CONTEXT, () => activeSpan())
        }
        return activeSpan() === span
      })
    }),
  )
  expect(answers).toEqual(answers.map(() => true))
})

test('a child, a sibling and the outside are told apart however they follow each other', () => {
  const [outer, inner] = [makeSpan(1), makeSpan(2)]
  const outerContext = trace.setSpan(ROOT_CONTEXT, outer)
  const innerContext = trace.setSpan(outerContext, inner)
  const asked: (Span | undefined)[] = [activeSpan()]
  context.with(outerContext, () => {
    asked.push(activeSpan())
    context.with(innerContext, () => asked.push(activeSpan()))
    asked.push(activeSpan())
    // The same span in another context, and a context without one.
    context.with(outerContext.setValue(Symbol('k'), 1), () => asked.push(activeSpan()))
    context.with(trace.deleteSpan(outerContext), () => asked.push(activeSpan()))
    asked.push(activeSpan())
  })
  asked.push(activeSpan())
  expect(asked).toEqual([undefined, outer, inner, outer, outer, undefined, outer, undefined])
})

test('a context manager that is switched off takes its span with it', () => {
  const span = makeSpan(1)
  context.with(trace.setSpan(ROOT_CONTEXT, span), () => {
    expect(activeSpan()).toBe(span)
    context.disable()
    expect(activeSpan()).toBeUndefined()
  })
})
