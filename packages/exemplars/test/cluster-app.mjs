// A primary that serves the aggregated page of two workers. Run by cluster.test.ts with the library's name.
import cluster from 'node:cluster'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'

const { traceExemplars } = await import('../src/index.ts')
const client = createRequire(import.meta.url)(process.argv[2])
if (process.env.EXEMPLARS !== 'off') traceExemplars(client)
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())

if (cluster.isPrimary) {
  const registry = new client.AggregatorRegistry()
  const workers = [cluster.fork(), cluster.fork()]
  await Promise.all(workers.map(worker => new Promise(resolve => worker.once('message', resolve))))
  const server = createServer(async (_request, response) => {
    response.setHeader('content-type', registry.contentType)
    response.end(await registry.clusterMetrics())
  })
  server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
} else {
  new client.AggregatorRegistry()
  const histogram = new client.Histogram({
    name: 'work_seconds',
    help: 'w',
    labelNames: ['k'],
    buckets: [1, 2],
  })
  const counter = new client.Counter({ name: 'jobs_total', help: 'j' })
  const spanId = String(cluster.worker.id).padStart(16, '0')
  const span = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId, traceFlags: 1 }
  context.with(trace.setSpanContext(context.active(), span), () => {
    histogram.observe({ k: 'both' }, cluster.worker.id === 1 ? 0.5 : 1.5)
    counter.inc()
  })
  process.send('observed')
}
