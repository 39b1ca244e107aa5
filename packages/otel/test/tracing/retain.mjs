// How many bytes a resource keeps alive that was created inside a request and never released: a pooled socket, a timer, a
// cache entry. Prints bytes per resource. Usage: node --expose-gc --conditions=@org/source retain.mjs <none|lean|upstream>
import { AsyncResource } from 'node:async_hooks'
import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api'

const requests = 20_000
const kind = process.argv[2]

async function tracerOf(name) {
  if (name === 'none') return undefined
  if (name === 'upstream') {
    const { AsyncLocalStorageContextManager } = await import('@opentelemetry/context-async-hooks')
    const { TracerProvider } = await import('@opentelemetry/sdk-trace')
    context.setGlobalContextManager(new AsyncLocalStorageContextManager())
    return new TracerProvider().getTracer('x')
  }
  const { LeanContextManager } = await import('../../src/tracing/context.ts')
  const { LeanTracerProvider } = await import('../../src/tracing/provider.ts')
  const { publishApi } = await import('../../src/tracing/publish.ts')
  const tracerProvider = new LeanTracerProvider({ sink: { add() {} } })
  publishApi({ tracerProvider, contextManager: new LeanContextManager() })
  return tracerProvider.getTracer('x')
}

const tracer = await tracerOf(kind)
const kept = []

function request(i) {
  if (tracer === undefined) {
    kept.push(new AsyncResource('pooled'))
    return
  }
  const server = tracer.startSpan(
    'GET',
    {
      kind: 1,
      attributes: {
        'http.request.method': 'GET',
        'url.path': `/users/${i}`,
        'user_agent.original': `agent ${i}`,
      },
    },
    ROOT_CONTEXT,
  )
  const rpc = Symbol.for('OpenTelemetry SDK Context Key RPC_METADATA')
  const inRequest = trace.setSpan(context.active(), server).setValue(rpc, { type: 'http', span: server })
  context.with(inRequest, () => {
    // Somebody logs the ids while the span is active.
    server.spanContext()
    server.setAttribute('http.response.status_code', 200)
    server.recordException(new Error(`for ${i}`))
    kept.push(new AsyncResource('pooled'))
  })
  server.end()
}

for (let i = 0; i < 2_000; i++) request(i)
kept.length = 0
kept.push(...new Array(requests).fill(null))
kept.length = 0
for (let i = 0; i < 4; i++) gc()
const before = process.memoryUsage().heapUsed
for (let i = 0; i < requests; i++) request(i)
for (let i = 0; i < 4; i++) gc()
const after = process.memoryUsage().heapUsed
process.stdout.write(`${Math.round((after - before) / requests)}\n`)
if (kept.length !== requests) process.exitCode = 1
