// The promise: a metric of an unmodified application leads to the trace that explains it.
import { join } from 'node:path'
import { type App, expectExemplar, expectTrace, runApp } from '@org/otel-devtools/testing'
import { parseOpenMetrics } from '../../packages/exemplars/test/strict-parser.ts'

const root = join(__dirname, '..')
const openMetrics =
  'application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
const apps: App[] = []
afterEach(() => Promise.all(apps.splice(0).map(app => app.dispose())))

async function run(code: string, options: Parameters<typeof runApp>[1] = {}): Promise<App> {
  const env = {
    OTEL_SERVICE_NAME: 'shop',
    OTEL_METRIC_EXPORT_INTERVAL: '300',
    OTEL_METRIC_EXPORT_TIMEOUT: '300',
    ...options.env,
  }
  const app = await runApp(code, { cwd: root, ...options, env })
  apps.push(app)
  return app
}

const shop = `
const duration = new prom.Histogram({ name: 'work_duration_seconds', help: 'w', labelNames: ['kind'], buckets: [0.5, 5] })
const jobs = new prom.Counter({ name: 'jobs', help: 'j' })
const app = express()
app.get('/work', (req, res) => {
  duration.observe({ kind: 'slow' }, 3)
  jobs.inc()
  res.send('done')
})
app.get('/metrics', async (req, res) => res.set('Content-Type', prom.register.contentType).end(await prom.register.metrics()))
const server = app.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
`
const programs = {
  cjs: `const express = require('express'), prom = require('prom-client')\n${shop}`,
  esm: `import express from 'express'\nimport * as all from 'prom-client'\nconst prom = all.default\nif (all.Histogram !== prom.Histogram) throw new Error('two copies')\n${shop}`,
}
const cases = [20, 22, 24, 26].flatMap(major => (['cjs', 'esm'] as const).map(kind => ({ major, kind })))

test.each(cases)('prom-client leads to the trace, Node $major, $kind', async ({ major, kind }) => {
  const { nodePath } = await import('../../scripts/nodes.mjs')
  const node = nodePath(major)
  const [app, without] = await Promise.all([
    run(programs[kind], { node, module: kind }),
    run(programs[kind], { node, module: kind, preload: false }),
  ])
  await Promise.all([app.get('/work'), without.get('/work')])
  const page = await app.get('/metrics', { headers: { accept: openMetrics } })
  expect(page.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
  const exemplars = parseOpenMetrics(page.body).flatMap(({ samples }) =>
    samples.flatMap(({ exemplar }) => (exemplar ? [exemplar] : [])),
  )
  expect(exemplars).toMatchObject([{ value: 3 }])
  const { trace_id: traceId, span_id: spanId } = exemplars[0]!.labels
  const { spans, match } = await expectTrace(app, { name: 'GET /work', kind: 'server' })
  expect(match.traceId).toBe(traceId)
  // The handler's own span where the framework has one, else the request's.
  expect(spans.map(span => span.spanId)).toContain(spanId)
  const [plain, expected] = await Promise.all([app.get('/metrics'), without.get('/metrics')])
  expect([plain.body, plain.headers.get('content-type')]).toEqual([
    expected.body,
    expected.headers.get('content-type'),
  ])
})

const downstream = `
import http from 'node:http'
import { metrics } from '@opentelemetry/api'
const meter = metrics.getMeter('app', '1.0')
const size = meter.createHistogram('order.size', { advice: { explicitBucketBoundaries: [10, 100] } })
const jobs = meter.createCounter('jobs')
const server = http.createServer((req, res) => {
  size.record(42, { kind: 'big' })
  jobs.add(1)
  if (req.url !== '/outer') return res.end('inner')
  http.get({ port: server.address().port, path: '/inner' }, inner => { inner.resume(); inner.on('end', () => res.end('outer')) })
})
server.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
`

test.each(['grpc', 'http/protobuf', 'http/json'])(
  'OTLP metrics lead to the span that was active, requests to their own span, over %s',
  async protocol => {
    const app = await run(downstream, { module: 'esm', env: { OTEL_EXPORTER_OTLP_PROTOCOL: protocol } })
    await app.get('/outer')
    const { spans } = await expectTrace(app, {
      kind: 'server',
      attributes: { 'url.path': '/outer' },
      children: [{ kind: 'client' }],
    })
    const kindOf = (spanId: string | undefined) => spans.find(span => span.spanId === spanId)?.kind
    for (const [metric, kind] of [
      ['order.size', 'server'],
      ['jobs', 'server'],
      ['http.server.request.duration', 'server'],
      ['http.client.request.duration', 'client'],
    ]) {
      const exemplar = await expectExemplar(app, { metric: metric! })
      expect([metric, kindOf(exemplar.spanId)]).toEqual([metric, kind])
    }
  },
)

test('the prometheus exporter serves exemplars beside the application', async () => {
  const { freePort } = await import('../real/parts/process.ts')
  const port = await freePort()
  const env = {
    OTEL_METRICS_EXPORTER: 'prometheus',
    OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
    OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
  }
  const app = await run(downstream, { module: 'esm', env })
  await app.get('/outer')
  const page = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept: openMetrics } })
  const families = parseOpenMetrics(await page.text())
  const { match, spans } = await expectTrace(app, { kind: 'server', attributes: { 'url.path': '/outer' } })
  for (const name of [
    'order_size',
    'http_server_request_duration_seconds',
    'http_client_request_duration_seconds',
  ]) {
    const family = families.find(one => one.name === name)
    const exemplar = family?.samples.find(sample => sample.exemplar !== undefined)?.exemplar
    expect([name, exemplar?.labels.trace_id]).toEqual([name, match.traceId])
    expect(spans.map(span => span.spanId)).toContain(exemplar?.labels.span_id)
  }
  // The exporter's own requests are nobody's traffic: still the outer and the inner request.
  const again = parseOpenMetrics(await (await fetch(page.url, { headers: { accept: openMetrics } })).text())
  const count = again
    .flatMap(family => family.samples)
    .filter(sample => sample.name === 'http_server_request_duration_seconds_count')
  expect(count.map(sample => sample.value)).toEqual([2])
})

test('a metric filter of always_off turns exemplars off everywhere', async () => {
  const app = await run(programs.cjs, { module: 'cjs', env: { OTEL_METRICS_EXEMPLAR_FILTER: 'always_off' } })
  await app.get('/work')
  const page = await app.get('/metrics', { headers: { accept: openMetrics } })
  expect(page.body).not.toContain('trace_id')
})

test('fastify-metrics leads to the trace without a line of code', async () => {
  const code = `import fastify from 'fastify'
    import metrics from 'fastify-metrics'
    const app = fastify()
    await app.register(metrics, { endpoint: '/metrics' })
    app.get('/work', async () => 'done')
    await app.listen({ port: 0, host: '127.0.0.1' })
    console.log('listening ' + app.server.address().port)`
  // Where the plugin is installed: version 14, which brings @prometheus-io/client.
  const app = await run(code, {
    module: 'esm',
    cwd: join(root, '../packages/exemplars'),
    preload: join(root, '../packages/otel/dist/register.cjs'),
  })
  await app.get('/work')
  const page = await app.get('/metrics', { headers: { accept: openMetrics } })
  const samples = parseOpenMetrics(page.body).flatMap(family => family.samples)
  const exemplar = samples.find(
    ({ name, exemplar }) => exemplar && name.startsWith('http_request_duration'),
  )?.exemplar
  const { match } = await expectTrace(app, { name: 'GET /work', kind: 'server' })
  expect(exemplar?.labels.trace_id).toBe(match.traceId)
})
