// One process, five copies of the API, as it happens in a real tree.
import * as api110 from '@opentelemetry/api'
import { logs as legacyLogs } from '@opentelemetry/api-logs'
import { LeanContextManager, ROOT, spanOf } from './context.ts'
import type { EndedSpan } from './ended-span.ts'
import { buildPropagator } from './propagation/propagator.ts'
import { LeanTracerProvider } from './provider.ts'
import { adoptApiCopy, publishApi, unpublishApi } from './publish.ts'
import { LeanSpan } from './span.ts'

const copies: [string, typeof api110][] = [
  ['1.4.1', require('opentelemetry-api-1.4')],
  ['1.7.0', require('opentelemetry-api-1.7')],
  ['1.9.1', require('opentelemetry-api-1.9')],
  ['1.10.0', api110],
]

const apiKey = Symbol.for('opentelemetry.js.api.1')
const globals = globalThis as unknown as Record<symbol, any>

let ended: EndedSpan[] = []
function publish() {
  ended = []
  const tracerProvider = new LeanTracerProvider({ sink: { add: span => ended.push(span) } })
  const contextManager = new LeanContextManager()
  const propagator = buildPropagator(['tracecontext', 'baggage'])
  const taken = publishApi({ tracerProvider, contextManager, propagator })
  return { tracerProvider, contextManager, propagator, taken }
}

afterEach(() => {
  unpublishApi()
  delete globals[apiKey]
})

test('the copies are really different ones', () => {
  expect(new Set(copies.map(([, api]) => api.trace)).size).toBe(copies.length)
})

describe.each(copies)('an application with API %s', (_, api) => {
  test('gets our tracer, context and propagation', async () => {
    publish()
    const tracer = api.trace.getTracer('app', '1')
    await tracer.startActiveSpan('outer', async outer => {
      expect(outer).toBeInstanceOf(LeanSpan)
      await new Promise(resolve => setImmediate(resolve))
      expect(api.trace.getActiveSpan()).toBe(outer)
      const carrier: Record<string, string> = {}
      api.propagation.inject(api.context.active(), carrier)
      expect(carrier.traceparent).toBe(`00-${outer.spanContext().traceId}-${outer.spanContext().spanId}-01`)
      const inner = tracer.startSpan('inner', { kind: api.SpanKind.CLIENT })
      inner.setStatus({ code: api.SpanStatusCode.ERROR, message: 'broken' })
      inner.end()
      outer.end()
    })
    expect(ended.map(span => span.name)).toEqual(['inner', 'outer'])
    expect(ended[0]).toMatchObject({
      kind: 2,
      statusCode: 2,
      hasParent: true,
      scope: { name: 'app', version: '1' },
    })
    expect(ended[0]?.p0).toBe(ended[1]?.s0)
  })

  test('its own contexts, wrapped spans and baggage are understood', () => {
    publish()
    const remote = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1, isRemote: true }
    const context = api.propagation.setBaggage(
      api.trace.setSpanContext(api.ROOT_CONTEXT, remote),
      api.propagation.createBaggage({ user: { value: '1' } }),
    )
    api.context.with(context, () => {
      api.trace.getTracer('app').startSpan('child').end()
      const carrier: Record<string, string> = {}
      api.propagation.inject(api.context.active(), carrier)
      expect(carrier).toEqual({ traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, baggage: 'user=1' })
    })
    expect(ended[0]).toMatchObject({ hasParent: true, parentIsRemote: true, p0: 0xbbbbbbbb | 0 })
  })

  test('a tracer handed out before we were published comes to life when the copy is adopted', () => {
    const early = api.trace.getTracer('early')
    early.startSpan('lost').end()
    publish()
    adoptApiCopy(api)
    early.startSpan('kept').end()
    expect(ended.map(span => span.name)).toEqual(['kept'])
    unpublishApi()
    // The delegate of a proxy cannot be taken back: leave it without a provider for the next test.
    ;(api.trace as unknown as { disable(): void }).disable()
  })
})

test('an older copy that came first, for its diag logger, does not lock newer copies out', () => {
  const [, old] = copies[0] as (typeof copies)[number]
  const messages: string[] = []
  const write = (message: string) => void messages.push(message)
  old.diag.setLogger(
    { error: write, warn: write, info: write, debug: write, verbose: write },
    old.DiagLogLevel.ALL,
  )
  expect(globals[apiKey].version).toBe('1.4.1')
  publish()
  expect(globals[apiKey].version).toBe('1.10.0')
  expect(api110.trace.getTracer('new').startSpan('x').isRecording()).toBe(true)
  old.diag.info('still heard')
  expect(messages).toContain('still heard')
})

test('what somebody else registered stays theirs and is reported', () => {
  const own = { getTracer: () => api110.trace.getTracer('x') }
  api110.trace.setGlobalTracerProvider(own)
  const provider = api110.trace.getTracerProvider()
  expect(publish().taken).toEqual(['trace'])
  expect(api110.trace.getTracerProvider()).toBe(provider)
  unpublishApi()
  expect(api110.trace.getTracerProvider()).toBe(provider)
  api110.trace.disable()
})

test('a second publication of the same things is no conflict, and unpublishing leaves nothing', () => {
  const { tracerProvider, contextManager, propagator } = publish()
  expect(publishApi({ tracerProvider, contextManager, propagator })).toEqual([])
  unpublishApi()
  expect(Object.keys(globals[apiKey])).toEqual(['version'])
  expect(api110.trace.getTracer('x').startSpan('x').isRecording()).toBe(false)
})

test('code that looks for the provider behind the proxy finds one it can flush', async () => {
  const { tracerProvider } = publish()
  const found = api110.trace.getTracerProvider() as LeanTracerProvider
  expect(found.getDelegate()).toBe(tracerProvider)
  await expect(found.forceFlush()).resolves.toBeUndefined()
})

test('log records written to the logs API of before 1.10 arrive', () => {
  const records: unknown[] = []
  const loggerProvider = {
    getLogger: () => ({ emit: (record: unknown) => records.push(record), enabled: () => true }),
  }
  publishApi({ loggerProvider })
  legacyLogs.getLogger('app').emit({ body: 'legacy' })
  api110.logs.getLogger('app').emit({ body: 'new' })
  expect(records).toEqual([{ body: 'legacy' }, { body: 'new' }])
  unpublishApi()
  legacyLogs.getLogger('other').emit({ body: 'nobody listens' })
  expect(records).toHaveLength(2)
})

test('the root context of our manager is LeanContext, so that spans of the application are found fast', () => {
  publish()
  expect(api110.context.active()).toBe(ROOT)
  api110.trace.getTracer('x').startActiveSpan('x', span => {
    expect(spanOf(api110.context.active())).toBe(span)
    span.end()
  })
})
