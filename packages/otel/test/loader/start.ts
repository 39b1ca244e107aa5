// A start for the loader's own tests: the real hooks and chunks with a tracer that only writes down what it is asked.

import { AsyncLocalStorage } from 'node:async_hooks'
import { writeFileSync } from 'node:fs'
import { Server } from 'node:http'
import {
  type Context,
  context,
  createContextKey,
  createNoopMeter,
  logs,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanOptions,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import { attachLibraries } from '../../src/loader/attach.ts'
import { swallowedCount } from '../../src/self/guard.ts'

interface Recorded {
  scope: string
  name: string
  kind: number
  spanId: string
  parentId: string | undefined
  attributes: Record<string, unknown>
}

const spans: Recorded[] = []
let nextId = 1

class RecordingTracer implements Tracer {
  readonly #scope: string
  constructor(scope: string) {
    this.#scope = scope
  }
  startSpan(name: string, options: SpanOptions = {}, parentContext: Context = context.active()): Span {
    const parent = options.root ? undefined : trace.getSpanContext(parentContext)
    const spanContext: SpanContext = {
      traceId: parent?.traceId ?? String(nextId).padStart(32, 'a'),
      spanId: String(nextId++).padStart(16, '0'),
      traceFlags: 1,
    }
    const recorded: Recorded = {
      scope: this.#scope,
      name,
      kind: options.kind ?? 0,
      spanId: spanContext.spanId,
      parentId: parent?.spanId,
      attributes: { ...options.attributes },
    }
    const span = {
      spanContext: () => spanContext,
      setAttribute: (key: string, value: unknown) => {
        recorded.attributes[key] = value
        return span
      },
      setAttributes: (attributes: object) => {
        Object.assign(recorded.attributes, attributes)
        return span
      },
      addEvent: () => span,
      addLink: () => span,
      addLinks: () => span,
      setStatus: () => span,
      updateName: (updated: string) => {
        recorded.name = updated
        return span
      },
      end: () => {
        spans.push(recorded)
      },
      isRecording: () => true,
      recordException: () => {},
    } as unknown as Span
    return span
  }
  startActiveSpan(...args: any[]): any {
    const fn = args.pop()
    const span = this.startSpan(args[0], args[1], args[2])
    return context.with(trace.setSpan(args[2] ?? context.active(), span), fn, undefined, span)
  }
}

/** In place of the HTTP instrumentation: every request runs inside a span, and frameworks may say its route. */
function traceRequests(storage: AsyncLocalStorage<Context>): void {
  const emit = Server.prototype.emit as (...args: any[]) => boolean
  Server.prototype.emit = function (this: Server, event: string, ...args: any[]) {
    if (event !== 'request') return emit.call(this, event, ...args)
    const span = trace.getTracer('http').startSpan(`${args[0].method}`, { root: true, kind: 1 })
    const rpc = { type: 'http', span, route: undefined as string | undefined }
    args[1].once('close', () => {
      if (rpc.route) span.setAttribute('http.route', rpc.route)
      span.end()
    })
    const inside = trace.setSpan(ROOT_CONTEXT, span).setValue(createContextKey(rpcKey), rpc)
    return storage.run(inside, () => emit.call(this, event, ...args))
  } as any
}
const rpcKey = 'OpenTelemetry SDK Context Key RPC_METADATA'

export function startFromRegister(): void {
  const tracerProvider: TracerProvider = { getTracer: name => new RecordingTracer(name) }
  trace.setGlobalTracerProvider(tracerProvider)
  const storage = new AsyncLocalStorage<Context>()
  context.setGlobalContextManager({
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, fn, self, ...args) => storage.run(active, () => fn.apply(self as any, args)),
    bind: (bound, target: any) =>
      typeof target === 'function'
        ? (...args: unknown[]) => storage.run(bound, () => target(...args))
        : target,
    enable() {
      return this
    },
    disable() {
      return this
    },
  })
  const list = (name: string): Set<string> | undefined =>
    process.env[name] === undefined ? undefined : new Set(process.env[name].split(','))
  const enabled = list('OTEL_NODE_ENABLED_INSTRUMENTATIONS')
  const before = performance.now()
  const attached = attachLibraries({
    remedy: 'put --require @org/otel/register first',
    config: {
      instrumentations: {
        ...(enabled ? { enabled } : {}),
        disabled: list('OTEL_NODE_DISABLED_INSTRUMENTATIONS') ?? new Set(),
        options: JSON.parse(process.env.TEST_OPTIONS ?? '{}'),
        eager: process.env.TEST_EAGER === 'true',
        workers: false,
      },
    },
    tracerProvider,
    meterProvider: () => ({ getMeter: () => createNoopMeter() }),
    loggerProvider: () => logs.getLoggerProvider(),
  })
  traceRequests(storage)
  const attachMs = performance.now() - before
  const report = () => ({
    spans,
    seen: attached.seen(),
    instrumented: attached.instrumented(),
    swallowed: swallowedCount(),
    attachMs,
  })
  ;(globalThis as any)[Symbol.for('org.otel.test')] = { report, attached, inSpan }

  function inSpan<T>(fn: () => T): T {
    const root = new RecordingTracer('test').startSpan('root', { root: true })
    return storage.run(trace.setSpan(ROOT_CONTEXT, root), fn)
  }
  const file = process.env.TEST_REPORT
  if (file) process.on('exit', () => writeFileSync(file, JSON.stringify(report())))
}
