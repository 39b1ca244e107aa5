// The span alone, ours against upstream's, without encoding or export. By hand, on a quiet machine:
//   node --conditions=@org/source packages/otel/test/tracing/bench.mjs
// Paired rounds, interleaved; the median of each and the ratio of the medians. Aim: at most 0.35.
import { ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api'
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { ROOT, withSpan } from '../../src/tracing/context.ts'
import { buildPropagator } from '../../src/tracing/propagation/propagator.ts'
import { LeanTracerProvider } from '../../src/tracing/provider.ts'
import { buildSampling } from '../../src/tracing/sampling/build-sampling.ts'

const rounds = 15
const perRound = 40_000

let ended = 0
const upstream = new TracerProvider({
  spanProcessors: [
    {
      onStart() {},
      onEnd() {
        ended++
      },
      forceFlush: async () => {},
      shutdown: async () => {},
    },
  ],
}).getTracer('bench')
const sink = {
  add() {
    ended++
  },
}
const off = { keepErrors: false, slowMs: 0, maxPerSecond: Infinity, rules: [], maxHeldSpans: 0 }
const { sampler } = buildSampling({ type: 'parent_based', root: { type: 'always_on' } }, off)
const lean = new LeanTracerProvider({ sink, sampler }).getTracer('bench')

const attributes = {
  'http.request.method': 'GET',
  'url.scheme': 'http',
  'url.path': '/users/42',
  'server.address': 'localhost',
  'server.port': 3000,
  'network.peer.address': '127.0.0.1',
  'network.peer.port': 51234,
  'network.protocol.version': '1.1',
  'user_agent.original': 'bench/1.0',
  'client.address': '127.0.0.1',
}

function throughApi(tracer, root) {
  return () => {
    const span = tracer.startSpan('GET', { kind: SpanKind.SERVER, attributes }, root)
    span.setAttribute('http.response.status_code', 200)
    span.setAttribute('http.route', '/users/:id')
    span.updateName('GET /users/:id')
    span.end()
  }
}

function throughMake() {
  const span = lean.make('GET', SpanKind.SERVER, undefined, [
    'http.request.method',
    'GET',
    'url.scheme',
    'http',
    'url.path',
    '/users/42',
    'server.address',
    'localhost',
    'server.port',
    3000,
    'network.peer.address',
    '127.0.0.1',
    'network.peer.port',
    51234,
    'network.protocol.version',
    '1.1',
    'user_agent.original',
    'bench/1.0',
    'client.address',
    '127.0.0.1',
  ])
  span.put('http.response.status_code', 200)
  span.put('http.route', '/users/:id')
  span.updateName('GET /users/:id')
  span.end()
}

const headers = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', host: 'localhost' }
const getter = { keys: c => Object.keys(c), get: (c, k) => c[k] }
const setter = { set: (c, k, v) => void (c[k] = v) }
const upstreamPropagator = new CompositePropagator({
  propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
})
const leanPropagator = buildPropagator(['tracecontext', 'baggage'])
const upstreamContext = trace.setSpan(ROOT_CONTEXT, upstream.startSpan('x', {}, ROOT_CONTEXT))
const leanContext = withSpan(ROOT, lean.startSpan('x', {}, ROOT))
let carrier = {}
const put = (key, value) => {
  carrier[key] = value
}

const suites = {
  'span: start with 10 attributes, 2 more, rename, end': {
    upstream: throughApi(upstream, ROOT_CONTEXT),
    lean: throughApi(lean, ROOT),
    'lean, make + put': throughMake,
  },
  extract: {
    upstream: () => upstreamPropagator.extract(ROOT_CONTEXT, headers, getter),
    lean: () => leanPropagator.extract(ROOT, headers, getter),
    'lean, headers': () => leanPropagator.extractFromHeaders(headers),
  },
  inject: {
    upstream: () => upstreamPropagator.inject(upstreamContext, {}, setter),
    lean: () => leanPropagator.inject(leanContext, {}, setter),
    'lean, injectInto': () => {
      carrier = {}
      leanPropagator.injectInto(leanContext, put)
    },
  },
}

for (const [title, cases] of Object.entries(suites)) {
  const times = Object.fromEntries(Object.keys(cases).map(name => [name, []]))
  for (let round = 0; round < rounds + 3; round++) {
    for (const [name, fn] of Object.entries(cases)) {
      const from = performance.now()
      for (let i = 0; i < perRound; i++) fn()
      if (round >= 3) times[name].push(((performance.now() - from) / perRound) * 1e6)
    }
  }
  const median = list => list.sort((a, b) => a - b)[list.length >> 1]
  const base = median(times.upstream)
  console.error(title)
  for (const [name, list] of Object.entries(times)) {
    const ns = median(list)
    console.error(`  ${name.padEnd(20)} ${ns.toFixed(0).padStart(6)} ns  ${(ns / base).toFixed(2)}x`)
  }
}
console.error(`${ended} spans ended`)
