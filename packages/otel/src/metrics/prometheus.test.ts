// The Prometheus exporter over real sockets.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { get } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { patchSdkMetrics } from '@org/otel-exemplars/sdk-metrics'
import { parseOpenMetrics } from '../../../exemplars/test/strict-parser.ts'
import type { Config } from '../config/config.ts'
import { swallowedCount } from '../self/guard.ts'
import { PrometheusExporter } from './prometheus.ts'
import { nameOf } from './prometheus-families.ts'
import { SourcesReader } from './reader.ts'
import { Sources } from './source-data.ts'

const openMetrics = 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5'
const span = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: TraceFlags.SAMPLED,
}
const inSpan = trace.setSpanContext(ROOT_CONTEXT, span)
const running: PrometheusExporter[] = []

patchSdkMetrics({ MeterProvider })
afterAll(() => {
  for (const exporter of running) exporter.stop()
  expect(swallowedCount()).toBe(0)
})

async function open(over: Partial<ConstructorParameters<typeof PrometheusExporter>[0]> = {}) {
  const config = { histogramAggregation: 'explicit_bucket_histogram' } as Config['metrics']
  const reader = new SourcesReader({
    config,
    temporality: 'cumulative',
    sources: new Sources([]),
    component: 'test',
  })
  const meter = new MeterProvider({ readers: [reader] }).getMeter('app', '1.2')
  const exporter = new PrometheusExporter({
    host: '127.0.0.1',
    port: 0,
    info: { scope: true, target: true },
    gather: () => reader.gather(1000),
    ...over,
  })
  exporter.start()
  running.push(exporter)
  while (exporter.port === undefined) await new Promise(setImmediate)
  return { meter, exporter, port: exporter.port }
}

function scrape(
  port: number,
  accept?: string,
  path = '/metrics',
  method = 'GET',
): Promise<{ status: number; type: string; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = accept === undefined ? {} : { accept }
    const request = get({ host: '127.0.0.1', port, path, method, headers }, response => {
      let text = ''
      response.on('data', chunk => {
        text += chunk
      })
      response.on('end', () =>
        resolve({ status: response.statusCode!, type: response.headers['content-type']!, text }),
      )
    })
    request.on('error', reject)
  })
}

test('serves both formats: the same series, exemplars only where they may be', async () => {
  const { meter, port } = await open()
  const advice = { explicitBucketBoundaries: [0.5, 1] }
  const histogram = meter.createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'Time "spent"\n\\',
    advice,
  })
  histogram.record(0.7, { 'http.route': '/a', tags: ['x', 'y'] }, inSpan)
  meter.createCounter('jobs', { unit: '{job}' }).add(3, {}, inSpan)
  meter.createUpDownCounter('queue.size').add(-2)
  meter.createGauge('cpu', { unit: '1' }).record(0.5)
  const open_ = await scrape(port, openMetrics)
  expect(open_.type).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
  const families = parseOpenMetrics(open_.text)
  const samples = families.flatMap(family => family.samples)
  const bucket = samples.find(({ labels }) => labels.le === '1')
  expect(bucket).toMatchObject({
    name: 'http_server_request_duration_seconds_bucket',
    value: 1,
    labels: { http_route: '/a', tags: '["x","y"]', otel_scope_name: 'app', otel_scope_version: '1.2' },
    exemplar: { value: 0.7, labels: { trace_id: span.traceId, span_id: span.spanId } },
  })
  expect(samples.find(({ name }) => name === 'jobs_total')).toMatchObject({
    value: 3,
    exemplar: { value: 3 },
  })
  expect(families.map(({ name, type }) => [name, type])).toEqual([
    ['target_info', 'gauge'],
    ['http_server_request_duration_seconds', 'histogram'],
    ['jobs', 'counter'],
    ['queue_size', 'gauge'],
    ['cpu_ratio', 'gauge'],
  ])
  const plain = await scrape(port, 'text/plain')
  expect(plain.type).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(plain.text).not.toMatch(/trace_id|EOF/)
  const names = (text: string) =>
    text
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('#'))
      .map(line => line.split(' # ')[0])
  expect(names(plain.text)).toEqual(names(open_.text))
})

test('a second scraper finds the exemplar too', async () => {
  const { meter, port } = await open()
  meter.createCounter('jobs').add(1, {}, inSpan)
  for (const page of [await scrape(port, openMetrics), await scrape(port, openMetrics)]) {
    expect(page.text).toContain(span.traceId)
  }
})

test('two instruments that become one name do not break the page', async () => {
  const { meter, port } = await open({ info: { scope: false, target: false } })
  meter.createCounter('jobs').add(1)
  meter.createCounter('jobs_total').add(2)
  meter.createGauge('a.b').record(1)
  meter.createHistogram('a_b').record(1)
  const families = parseOpenMetrics((await scrape(port, openMetrics)).text)
  expect(families.map(({ name }) => name)).toEqual(['jobs', 'a_b'])
})

test.each([
  ['a.b', 's', 'histogram', 'a_b_seconds'],
  ['process.memory', 'By', 'gauge', 'process_memory_bytes'],
  ['a.seconds', 's', 'gauge', 'a_seconds'],
  ['requests', '{request}', 'counter', 'requests_total'],
  ['io', 'By', 'counter', 'io_bytes_total'],
  ['speed', 'By/s', 'gauge', 'speed_bytes_per_second'],
  ['use', '1', 'gauge', 'use_ratio'],
  ['use', '1', 'counter', 'use_total'],
  ['2xx', '', 'gauge', '_2xx'],
  ['a--b', '', 'gauge', 'a_b'],
])('%s in %j (%s) is called %s', (name, unit, type, expected) => {
  const metric = {
    descriptor: { name, unit },
    dataPointType: { gauge: 2, counter: 3, histogram: 0 }[type],
    isMonotonic: true,
  }
  expect(nameOf(metric as never)).toBe(expected)
})

test('answers what is not a scrape, and HEAD without a body', async () => {
  const { port } = await open()
  expect(await scrape(port, undefined, '/')).toMatchObject({ status: 404 })
  expect(await scrape(port, undefined, '/metrics', 'DELETE')).toMatchObject({ status: 405 })
  expect(await scrape(port, undefined, '/metrics?x=1')).toMatchObject({ status: 200 })
  expect(await scrape(port, undefined, '/metrics', 'HEAD')).toMatchObject({ status: 200, text: '' })
})

test('five thousand malformed requests end nothing but their own connections', async () => {
  const { meter, port } = await open()
  meter.createCounter('jobs').add(1)
  const pieces = [
    'GET',
    ' ',
    '/metrics',
    '/\u0000',
    '%',
    'HTTP/1.1',
    'HTTP/9.9',
    '\r\n',
    '\n',
    ':',
    'host: x',
    'accept: ',
    '\u00ff',
    'content-length: -1',
    'transfer-encoding: chunked',
    'x'.repeat(20_000),
    'expect: 100-continue',
    'upgrade: h2c',
    'connection: upgrade',
    'GET http:// HTTP/1.1',
  ]
  let seed = 1
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647
  const send = () =>
    new Promise<void>(resolve => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      socket.on('close', () => resolve())
      socket.resume()
      let text = ''
      for (let i = 0; i < 1 + random() * 12; i++) text += pieces[Math.floor(random() * pieces.length)]
      socket.end(Buffer.from(text, 'latin1'))
    })
  for (let i = 0; i < 200; i++) await Promise.all(Array.from({ length: 25 }, send))
  expect((await scrape(port)).text).toContain('jobs_total')
}, 30_000)

test('a port that is taken is said once and hurts nobody', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  const source = `
    const { PrometheusExporter } = await import(${JSON.stringify(`${__dirname}/prometheus.ts`)})
    const open = () => new PrometheusExporter({ host: '127.0.0.1', port: ${port}, info: {}, gather() {} }).start()
    open(); open()
    setTimeout(() => process.stdout.write('alive'), 200)
  `
  const child = spawn(
    process.execPath,
    [
      '--conditions=@org/source',
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '-e',
      source,
    ],
    {
      env: { ...process.env, NODE_OPTIONS: '' },
    },
  )
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', chunk => {
      output[name] += chunk
    })
  const [code] = await once(child, 'close')
  holder.close()
  expect([code, output.stdout]).toEqual([0, 'alive'])
  expect(output.stderr.match(/ORG_OTEL_PROMETHEUS_PORT/g)).toHaveLength(1)
  expect(output.stderr).toContain(`127.0.0.1:${port}`)
})

test('the server does not keep a process alive, not even with a connection open', async () => {
  const source = `
    const { PrometheusExporter } = await import(${JSON.stringify(`${__dirname}/prometheus.ts`)})
    const net = await import('node:net')
    const exporter = new PrometheusExporter({ host: '127.0.0.1', port: 0, info: {}, gather: async () => ({ resource: { attributes: {} }, scopeMetrics: [] }) })
    exporter.start()
    while (exporter.port === undefined) await new Promise(setImmediate)
    const socket = net.connect(exporter.port, '127.0.0.1')
    await new Promise(resolve => socket.on('connect', resolve))
    socket.unref()
  `
  const child = spawn(
    process.execPath,
    [
      '--conditions=@org/source',
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '-e',
      source,
    ],
    {
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: 'inherit',
    },
  )
  expect(await once(child, 'close')).toEqual([0, null])
}, 10_000)

test('collecting that fails is an answer of 500 and nothing else', async () => {
  const { port } = await open({ gather: () => Promise.reject(new Error('collect')) })
  expect(await scrape(port)).toMatchObject({ status: 500, type: 'text/plain' })
})

test('a page that nobody scrapes does not grow with every interval of another reader', async () => {
  const config = { histogramAggregation: 'explicit_bucket_histogram' } as Config['metrics']
  const openReader = () =>
    new SourcesReader({ config, temporality: 'cumulative', sources: new Sources([]), component: 'test' })
  const [pulled, pushed] = [openReader(), openReader()]
  const views = [{ instrumentName: 'viewed', name: 'shared' }]
  const provider = new MeterProvider({ readers: [pulled, pushed], views })
  const counter: any = provider.getMeter('app').createCounter('viewed')
  const exporter = new PrometheusExporter({
    host: '127.0.0.1',
    port: 0,
    info: { scope: false, target: false },
    idleMs: 10,
    gather: () => pulled.gather(1000),
  })
  exporter.start()
  running.push(exporter)
  const stashes: Map<object, unknown[]> =
    counter._writableMetricStorage._temporalMetricStorage._unreportedAccumulations
  const largest = () => Math.max(...[...stashes.values()].map(stash => stash.length))
  for (let i = 0; i < 100; i++) {
    counter.add(1, {}, inSpan)
    await pushed.gather(1000)
  }
  const before = largest()
  while (largest() > 1) await new Promise(resolve => setTimeout(resolve, 5))
  expect(before).toBeGreaterThan(0)
  while (exporter.port === undefined) await new Promise(setImmediate)
  const page = await scrape(exporter.port, openMetrics)
  expect(page.text).toMatch(/shared_total 100 # \{trace_id=/)
})
