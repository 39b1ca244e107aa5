// Exemplars through the real parts: Debian's Prometheus scrapes an unmodified application, the Collector receives
// OTLP exemplars and shows them to the same Prometheus, Python's OpenMetrics parser accepts our page.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expectTrace, runApp } from '@org/otel-devtools/testing'
import { cached, has, run } from './parts/install.ts'
import { freePort, until } from './parts/process.ts'
import { startCollector, startPrometheus } from './parts/start.ts'

const cwd = join(__dirname, '..')
const shop = `
const express = require('express'), prom = require('prom-client')
const duration = new prom.Histogram({ name: 'work_duration_seconds', help: 'w "quoted" \\\\ and\\nmore', labelNames: ['kind'] })
const jobs = new prom.Counter({ name: 'jobs_total', help: 'j' })
new prom.Counter({ name: 'hits', help: 'no suffix' }).inc()
prom.collectDefaultMetrics()
const app = express()
app.get('/work', async (req, res) => {
  const end = duration.startTimer({ kind: 'slow' })
  await new Promise(resolve => setTimeout(resolve, 60))
  end(); jobs.inc()
  res.send('done')
})
app.get('/metrics', async (req, res) => res.set('Content-Type', prom.register.contentType).end(await prom.register.metrics()))
const server = app.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
`

async function findExemplars(prometheus: { api(path: string): Promise<any> }, query: string): Promise<any[]> {
  const now = Date.now() / 1000
  const found = await prometheus.api(
    `query_exemplars?query=${encodeURIComponent(query)}&start=${now - 600}&end=${now + 60}`,
  )
  return found.flatMap((series: any) =>
    series.exemplars.map((one: any) => ({ ...one, series: series.seriesLabels })),
  )
}

test('Prometheus finds a slow request of an unmodified prom-client application, and its trace is there', async () => {
  const app = await runApp(shop, { cwd, module: 'cjs', env: { OTEL_SERVICE_NAME: 'shop' } })
  const prometheus = await startPrometheus([`127.0.0.1:${app.port}`])
  try {
    await app.get('/work')
    let exemplars: any[] = []
    await until('an exemplar in Prometheus', async () => {
      exemplars = await findExemplars(prometheus, 'work_duration_seconds_bucket')
      return exemplars.length > 0
    })
    expect(exemplars[0].series).toMatchObject({ __name__: 'work_duration_seconds_bucket', kind: 'slow' })
    expect(Number(exemplars[0].value)).toBeGreaterThan(0.05)
    const { match, spans } = await expectTrace(app, { name: 'GET /work', kind: 'server' })
    expect(match.traceId).toBe(exemplars[0].labels.trace_id)
    expect(match.durationMs).toBeGreaterThan(50)
    expect(spans.map(span => span.spanId)).toContain(exemplars[0].labels.span_id)
    expect(await findExemplars(prometheus, 'jobs_total')).not.toEqual([])
    const targets = await prometheus.api('targets')
    expect(targets.activeTargets.map((target: any) => [target.health, target.lastError])).toEqual([
      ['up', ''],
    ])
    // Series keep the names of the plain page.
    const names: string[] = await prometheus.api('label/__name__/values')
    for (const name of ['hits', 'jobs_total', 'process_cpu_seconds_total']) expect(names).toContain(name)
    expect(names).not.toContain('hits_total')
  } finally {
    await Promise.all([prometheus.stop(), app.dispose()])
  }
}, 300_000)

test("Python's OpenMetrics parser accepts the page", async () => {
  if (!has('python3')) throw new Error('needs python3')
  const modules = cached('python-prometheus-client-0.22.1', directory => {
    const args = ['-m', 'pip', 'install', '--quiet', '--target', directory, 'prometheus_client==0.22.1']
    run('python3', args, { what: 'prometheus_client 0.22.1' })
  })
  expect(existsSync(join(modules, 'prometheus_client'))).toBe(true)
  const app = await runApp(shop, { cwd, module: 'cjs' })
  try {
    await app.get('/work')
    const { body } = await app.get('/metrics', { headers: { accept: 'application/openmetrics-text' } })
    const script = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
print(json.dumps([[s.name, s.exemplar.labels['trace_id']] for f in families for s in f.samples if s.exemplar]))
`
    const parsed = spawnSync('python3', ['-c', script], {
      input: body,
      encoding: 'utf8',
      env: { ...process.env, PYTHONPATH: modules },
    })
    expect(parsed.stderr).toBe('')
    const exemplars: [string, string][] = JSON.parse(parsed.stdout)
    const { match } = await expectTrace(app, { name: 'GET /work', kind: 'server' })
    expect(exemplars).toContainEqual(['work_duration_seconds_bucket', match.traceId])
    expect(exemplars).toContainEqual(['jobs_total', match.traceId])
  } finally {
    await app.dispose()
  }
}, 120_000)

test('the Collector shows OTLP exemplars on its Prometheus exporter, and Prometheus stores them', async () => {
  const [grpc, exporter] = [await freePort(), await freePort()]
  const collector = await startCollector(
    `receivers: { otlp: { protocols: { grpc: { endpoint: '127.0.0.1:${grpc}' } } } }
exporters: { prometheus: { endpoint: '127.0.0.1:${exporter}', enable_open_metrics: true }, debug: {} }
service:
  telemetry: { metrics: { level: none } }
  pipelines:
    metrics: { receivers: [otlp], exporters: [prometheus] }
    traces: { receivers: [otlp], exporters: [debug] }`,
    grpc,
  )
  const prometheus = await startPrometheus([`127.0.0.1:${exporter}`])
  const app = await runApp(
    `import http from 'node:http'
     import { metrics } from '@opentelemetry/api'
     const size = metrics.getMeter('app').createHistogram('order.size', { unit: 'By' })
     const server = http.createServer((req, res) => { size.record(42); console.log('trace'); res.end('ok') })
     server.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))`,
    {
      cwd,
      module: 'esm',
      env: {
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `http://127.0.0.1:${grpc}`,
      },
    },
  )
  try {
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` }
    for (const query of ['order_size_bytes_bucket', 'http_server_request_duration_seconds_bucket']) {
      await until(`an exemplar of ${query} in Prometheus`, async () => {
        await app.get('/', { headers })
        const exemplars = await findExemplars(prometheus, query)
        return exemplars.some(({ labels }) => labels.trace_id === traceId)
      })
    }
  } finally {
    await Promise.all([prometheus.stop(), app.dispose(), collector.stop()])
  }
}, 1_200_000)
