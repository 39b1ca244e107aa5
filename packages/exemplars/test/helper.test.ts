// The helper in both worlds, with real libraries behind it.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { context, metrics, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import * as sdkMetrics from '@opentelemetry/sdk-metrics'
import { AggregationTemporality, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import promClient from 'prom-client'
import { exemplarCounter, exemplarHistogram, traceExemplars } from '../src/index.ts'
import { renderPage } from '../src/page.ts'
import { unwatchScrapes } from '../src/scrape.ts'
import { shared } from '../src/shared.ts'
import { inSpan, sampled, unsampled, useContexts } from './spans.ts'
import { parseOpenMetrics } from './strict-parser.ts'

useContexts()
// Node's channels outlive the test file.
afterAll(unwatchScrapes)
shared.options.intervalMs = 0
traceExemplars(sdkMetrics)
afterAll(() => expect(shared.failures).toBe(0))

class Reader extends MetricReader {
  protected async onForceFlush() {}
  protected async onShutdown() {}
}

interface Row {
  name: string
  labels: Record<string, unknown>
  value: number
  spanId: string | undefined
}

/** The same questions to either world: rows of counts, with the span the newest exemplar leads to. */
const worlds = {
  'prom-client': () => {
    const registry = new promClient.Registry()
    const rows = async (): Promise<Row[]> =>
      parseOpenMetrics(await renderPage(registry as never)).flatMap(({ samples }) => {
        const exemplars = new Map<string, string>()
        for (const { labels, exemplar } of samples) {
          const { le, ...rest } = labels
          if (exemplar) exemplars.set(JSON.stringify(rest), exemplar.labels.span_id!)
        }
        return samples
          .filter(({ name }) => /_(count|total)$/.test(name))
          .map(({ name, labels, value }) => ({
            name,
            labels,
            value,
            spanId: exemplars.get(JSON.stringify(labels)),
          }))
      })
    const buckets = async () =>
      parseOpenMetrics(await renderPage(registry as never))[0]!.samples.flatMap(({ labels }) =>
        labels.le ? [labels.le] : [],
      )
    return { target: registry as any, rows, buckets, nameOf: (prom: string, _otel: string) => prom }
  },
  OpenTelemetry: () => {
    const reader = new Reader({ aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE })
    const meter = new MeterProvider({ readers: [reader] }).getMeter('test')
    const collect = async () =>
      (await reader.collect()).resourceMetrics.scopeMetrics.flatMap(scope => scope.metrics)
    const rows = async (): Promise<Row[]> =>
      (await collect()).flatMap(({ descriptor, dataPoints }) =>
        (dataPoints as any[]).map(({ attributes, value, exemplars }) => ({
          name: descriptor.name,
          labels: attributes,
          value: value.count ?? value,
          spanId: exemplars?.at(-1)?.spanId,
        })),
      )
    const buckets = async () => [
      ...((await collect()) as any)[0].dataPoints[0].value.buckets.boundaries.map(String),
      '+Inf',
    ]
    return { target: meter as any, rows, buckets, nameOf: (_prom: string, otel: string) => otel }
  },
}

describe.each(Object.entries(worlds))('%s', (_world, open) => {
  test('times a synchronous and an asynchronous function, and gives back what they give', async () => {
    const { target, rows } = open()
    const duration = exemplarHistogram(target, {
      name: 'work.duration',
      description: 'd',
      labelNames: ['kind'],
    })
    let result: unknown
    const first = inSpan(() => {
      result = duration.time(() => 'value', { kind: 'sync' })
    })
    expect(result).toBe('value')
    let promise: Promise<string> | undefined
    const second = inSpan(() => {
      promise = duration.time(
        async () => {
          await new Promise(resolve => setTimeout(resolve, 5))
          return 'later'
        },
        { kind: 'async' },
      )
    })
    expect(await promise).toBe('later')
    expect(await rows()).toEqual([
      { name: expect.any(String), labels: { kind: 'sync' }, value: 1, spanId: first.spanId },
      { name: expect.any(String), labels: { kind: 'async' }, value: 1, spanId: second.spanId },
    ])
  })

  test('a failure is thrown on unchanged, recorded, and preferred as exemplar', async () => {
    const { target, rows } = open()
    const duration = exemplarHistogram(target, { name: 'work.duration', description: 'd', buckets: [10] })
    const error = new Error('no')
    const failed = inSpan(() =>
      expect(() =>
        duration.time(() => {
          throw error
        }),
      ).toThrow(error),
    )
    inSpan(() => duration.record(9))
    let promise: Promise<never> | undefined
    inSpan(() => {
      promise = duration.time(() => Promise.reject(error))
    })
    await expect(promise).rejects.toBe(error)
    expect(await rows()).toEqual([
      { name: expect.any(String), labels: {}, value: 3, spanId: expect.any(String) },
    ])
    expect(shared.failing).toBe(false)
    void failed
  })

  test('one label per operation, named by the active span, bounded', async () => {
    const { target, rows } = open()
    const duration = exemplarHistogram(target, {
      name: 'op.duration',
      description: 'd',
      perOperation: { max: 2 },
    })
    for (const name of ['GET /a', 'GET /b', 'GET /c', 'GET /d', 'GET /a'])
      inSpan(() => duration.record(1), name)
    duration.record(1)
    inSpan(() => duration.record(1), 'GET /a', unsampled)
    const counts = Object.fromEntries((await rows()).map(({ labels, value }) => [labels.operation, value]))
    expect(counts).toEqual({ 'GET /a': 2, 'GET /b': 1, _other: 2, _none: 1, _unnamed: 1 })
  })

  test('buckets follow the unit, or are given', async () => {
    const seconds = open()
    exemplarHistogram(seconds.target, { name: 'a', description: 'd' }).record(1)
    expect((await seconds.buckets()).slice(0, 3)).toEqual(['0.005', '0.01', '0.025'])
    const bytes = open()
    exemplarHistogram(bytes.target, { name: 'b', description: 'd', unit: 'By' }).record(1)
    expect((await bytes.buckets())[0]).toBe('256')
    const own = open()
    exemplarHistogram(own.target, { name: 'c', description: 'd', buckets: [1, 2] }).record(1)
    expect(await own.buckets()).toEqual(['1', '2', '+Inf'])
  })

  test('a timer ends with more labels and returns the duration in the unit', async () => {
    const { target, rows, nameOf } = open()
    const duration = exemplarHistogram(target, {
      name: 'work.duration',
      description: 'd',
      unit: 'ms',
      labelNames: ['a', 'b'],
    })
    const end = duration.startTimer({ a: 1 })
    await new Promise(resolve => setTimeout(resolve, 10))
    expect(end({ b: true })).toBeGreaterThan(8)
    expect(await rows()).toMatchObject([
      { name: nameOf('work_duration_milliseconds_count', 'work.duration'), labels: { a: '1', b: 'true' } },
    ])
  })

  test('counts with an exemplar', async () => {
    const { target, rows, nameOf } = open()
    const refused = exemplarCounter(target, {
      name: 'payments.refused',
      description: 'd',
      labelNames: ['reason'],
    })
    const { spanId } = inSpan(() => refused.add(2, { reason: 'limit' }))
    expect(await rows()).toEqual([
      {
        name: nameOf('payments_refused_total', 'payments.refused'),
        labels: { reason: 'limit' },
        value: 2,
        spanId,
      },
    ])
  })

  test('bad values and unknown labels cost the observation at most, never an exception', async () => {
    const { target, rows } = open()
    const duration = exemplarHistogram(target, { name: 'd', description: 'd' }) as any
    const counter = exemplarCounter(target, { name: 'c', description: 'd' }) as any
    for (const value of [Number.NaN, 'x', undefined, null, Number.POSITIVE_INFINITY, {}])
      duration.record(value)
    counter.add(-1)
    counter.add('x')
    duration.record(1, { nope: '1' })
    // A label that is left out is not read.
    duration.record(1, {
      get thrower(): never {
        throw new Error('read')
      },
    })
    counter.add(1, { nope: '1' })
    expect((await rows()).map(({ labels, value }) => [labels, value])).toEqual([
      [{}, 2],
      [{}, 1],
    ])
  })
})

describe.each(Object.entries(worlds))('%s, hostile arguments', (_world, open) => {
  const boom = (): never => {
    throw new Error('boom')
  }
  const hostile: [string, () => unknown][] = [
    ['a value without a text', () => ({ kind: Object.create(null) })],
    ['a toString that throws', () => ({ kind: { toString: boom } })],
    ['a getter that throws', () => Object.defineProperty({}, 'kind', { get: boom, enumerable: true })],
    ['a proxy that throws', () => new Proxy({}, { ownKeys: boom, get: boom, getPrototypeOf: boom })],
    ['a symbol', () => ({ kind: Symbol('s') })],
    ['no object', () => 7],
    ['null', () => null],
  ]
  test.each(hostile)('labels: %s', async (_what, makeLabels) => {
    const { target, rows } = open()
    const duration = exemplarHistogram(target, { name: 'd', description: 'd', labelNames: ['kind'] }) as any
    const counter = exemplarCounter(target, { name: 'c', description: 'd', labelNames: ['kind'] }) as any
    const labels = makeLabels()
    duration.record(1, labels)
    counter.add(1, labels)
    expect(duration.startTimer(labels)(labels)).toBeGreaterThan(0)
    expect(duration.startTimer()(labels)).toBeGreaterThan(0)
    expect(duration.time(() => 'value', labels)).toBe('value')
    expect(await duration.time(async () => 'later', labels)).toBe('later')
    expect(() => duration.time(boom, labels)).toThrow('boom')
    // And it works as before.
    const { spanId } = inSpan(() => counter.add(5, { kind: 'good' }))
    expect(await rows()).toContainEqual(
      expect.objectContaining({ labels: { kind: 'good' }, value: 5, spanId }),
    )
  })

  test('what a timed function gives back is given back, even when nobody may look at it', () => {
    const { target } = open()
    const duration = exemplarHistogram(target, { name: 'd', description: 'd' })
    const shy = Object.defineProperty({}, 'then', { get: boom })
    expect(duration.time(() => shy)).toBe(shy)
  })
})

const canStrip = process.features.typescript !== undefined && process.features.typescript !== false
;(canStrip ? test : test.skip)('a rejection that nobody handles is still unhandled', () => {
  const source = pathToFileURL(join(__dirname, '../src/index.ts')).href
  const program = `
    import { metrics } from '@opentelemetry/api'
    import { exemplarHistogram } from ${JSON.stringify(source)}
    const duration = exemplarHistogram(metrics.getMeter('x'), { name: 'd', description: 'd' })
    process.on('unhandledRejection', error => console.log('unhandled', error.message))
    void duration.time(() => Promise.reject(new Error('no')))
  `
  const args = ['--input-type=module', '--disable-warning=ExperimentalWarning', '-e', program]
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: __dirname,
    encoding: 'utf8',
    env: { NODE_OPTIONS: '' },
  })
  expect([stdout, stderr]).toEqual(['unhandled no\n', ''])
})

test('asking twice for a metric gives the same series', async () => {
  const registry = new promClient.Registry()
  const options = { name: 'a', description: 'd', labelNames: ['x'] as const }
  exemplarCounter(registry, options).add(1, { x: '1' })
  exemplarCounter(registry, options).add(1, { x: '1' })
  expect(await registry.metrics()).toContain('a_total{x="1"} 2')
})

test('the module itself means its default registry, imported either way', async () => {
  exemplarCounter(promClient, { name: 'from.module', description: 'd' }).add()
  exemplarCounter({ default: promClient } as never, { name: 'from.namespace', description: 'd' }).add()
  const text = await promClient.register.metrics()
  expect(text).toContain('from_module_total 1')
  expect(text).toContain('from_namespace_total 1')
  promClient.register.clear()
})

test("a metric that lives in prom-client's own exemplar mode is used in its own way", async () => {
  const registry = new (promClient.Registry as any)(promClient.Registry.OPENMETRICS_CONTENT_TYPE)
  new promClient.Histogram({
    name: 'own_seconds',
    help: 'h',
    registers: [registry as never],
    enableExemplars: true,
  })
  exemplarHistogram(registry as never, { name: 'own', description: 'd' }).record(1)
  expect(await registry.metrics()).toContain('own_seconds_count 1')
})

test.each<[string, () => unknown]>([
  ['a target that is neither', () => exemplarHistogram({} as never, { name: 'a', description: 'd' })],
  ['no target', () => exemplarHistogram(undefined as never, { name: 'a', description: 'd' })],
  ['no name', () => exemplarHistogram(promClient, { description: 'd' } as never)],
  ['no description', () => exemplarCounter(promClient, { name: 'a' } as never)],
  [
    'a label that is none',
    () => exemplarCounter(promClient, { name: 'a', description: 'd', labelNames: ['a-b'] }),
  ],
  [
    'the reserved label',
    () => exemplarHistogram(promClient, { name: 'a', description: 'd', labelNames: ['le'] }),
  ],
  ['unsorted buckets', () => exemplarHistogram(promClient, { name: 'a', description: 'd', buckets: [2, 1] })],
  [
    'another kind of metric',
    () => {
      const registry = new promClient.Registry()
      new promClient.Gauge({ name: 'a_total', help: 'g', registers: [registry] })
      exemplarCounter(registry, { name: 'a', description: 'd' })
    },
  ],
  [
    'missing labels',
    () => {
      const registry = new promClient.Registry()
      exemplarCounter(registry, { name: 'a', description: 'd' })
      exemplarCounter(registry, { name: 'a', description: 'd', labelNames: ['x'] })
    },
  ],
  ['something that cannot be traced', () => traceExemplars({} as never)],
])('%s is an ArgumentError', (_name, call) => {
  expect(call).toThrow(expect.objectContaining({ code: 'ORG_OTEL_ARGUMENT' }))
})

test('metrics made before activation get exemplars, whichever way it is activated', async () => {
  // A copy of the library nobody has patched yet.
  let late: typeof promClient | undefined
  jest.isolateModules(() => {
    late = require('prom-client')
  })
  const client = late!
  const own = new client.Registry()
  const before = new client.Histogram({ name: 'before', help: 'h', registers: [own], buckets: [1] })
  const inDefault = new client.Counter({ name: 'default_total', help: 'h' })
  expect(traceExemplars(client)).toEqual({ active: true })
  expect(traceExemplars(client)).toEqual({ active: true })
  traceExemplars(own)
  const spans = [inSpan(() => before.observe(0.5)), inSpan(() => inDefault.inc())]
  const text = (await renderPage(own as never)) + (await renderPage(client.register as never))
  for (const { spanId } of spans) expect(text).toContain(spanId)
  expect(text.split('span_id').length).toBe(3)
})

test('the API types accept a meter that was fetched from the global provider', () => {
  const counter = exemplarCounter(metrics.getMeter('x'), { name: 'a', description: 'd' })
  context.with(trace.setSpan(ROOT_CONTEXT, sampled.startSpan('s')), () => counter.add())
})
