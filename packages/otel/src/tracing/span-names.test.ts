import type { EndedSpan } from './ended-span.ts'
import { LeanTracerProvider } from './provider.ts'
import { SpanNames } from './span-names.ts'

function provide(maxSpanNames: number) {
  const ended: EndedSpan[] = []
  const provider = new LeanTracerProvider({ sink: { add: span => ended.push(span) }, maxSpanNames })
  return { provider, names: () => ended.map(span => span.name) }
}

test.each([
  ['@opentelemetry/instrumentation-knex', 'knex (other)'],
  ['@opentelemetry/instrumentation-socket.io', 'socket.io (other)'],
  ['@org/otel-kafka', 'kafka (other)'],
  ['@org/otel/fastify', 'fastify (other)'],
])('spans of %s beyond the limit are called %s', (scope, other) => {
  const { provider, names } = provide(3)
  const tracer = provider.getTracer(scope, '1')
  for (const name of ['a', 'b', 'c', 'd', 'a', 'e', 'c']) tracer.startSpan(name).end()
  expect(names()).toEqual(['a', 'b', 'c', other, 'a', other, 'c'])
})

test("the application's own names stay as they are", () => {
  const { provider, names } = provide(1)
  for (const name of ['a', 'b', 'c']) provider.getTracer('shop').startSpan(name).end()
  expect(names()).toEqual(['a', 'b', 'c'])
})

test('the name counts that the span has at its end, each scope for itself, and only those of sampled spans', () => {
  const { provider, names } = provide(1)
  for (const scope of ['http', 'koa']) {
    const tracer = provider.getTracer(`@opentelemetry/instrumentation-${scope}`)
    for (let i = 0; i < 3; i++) tracer.startSpan(`${i}`).updateName(scope).end()
  }
  expect(names()).toEqual(['http', 'http', 'http', 'koa', 'koa', 'koa'])
})

test('ten megabytes of name are cut, and a hundred thousand names cost no memory', () => {
  const names = new SpanNames({ name: '@opentelemetry/instrumentation-x' }, 1000)
  expect(names.bound('x'.repeat(10_000_000))).toBe('x'.repeat(256))
  for (let i = 0; i < 100_000; i++) names.bound(`name ${i}`)
  expect((names as any).known.size).toBe(1000)
  expect(names.bound('name 5')).toBe('name 5')
})
