// The two tiers as shipped, for real: services under the preload -> one agent -> two gateways -> a receiver in place
// of Tempo and Loki, and Prometheus scraping the gateways.
import { join } from 'node:path'
import { type App, expectLog, type Receiver, runApp, startReceiver } from '@org/otel-devtools/testing'
import { until } from './parts/process.ts'
import {
  type ShippedCollector,
  startShipped,
  sumSamples,
  withGateways,
  withName,
  withoutKubernetes,
} from './parts/shipped.ts'
import { type PrometheusPart, startPrometheus } from './parts/start.ts'

const cwd = join(__dirname, '..')
const keptShare = 0.2
const slowMs = 400
const spansPerTrace = 3

const back = `
const http = require('node:http')
const server = http.createServer((req, res) => {
  if (req.url === '/slow') return setTimeout(() => res.end('late'), ${slowMs + 50})
  res.statusCode = req.url === '/fail' ? 500 : 200
  res.end()
}).listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
process.on('SIGTERM', () => server.close(() => process.exit()))
`
const front = `
const http = require('node:http'), { trace } = require('@opentelemetry/api')
const server = http.createServer(async (req, res) => {
  const traceId = trace.getActiveSpan().spanContext().traceId
  const answer = await new Promise((ok, no) => http.get(process.env.BACK + req.url, ok).on('error', no))
  answer.resume()
  trace.getActiveSpan().setAttributes({ 'user.email': 'jane@example.com', 'customer.id': '4711', note: 'card 4111111111111111' })
  res.statusCode = answer.statusCode
  res.end(traceId)
}).listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
process.on('SIGTERM', () => server.close(() => process.exit()))
`

let receiver: Receiver
let gateways: ShippedCollector[] = []
let agent: ShippedCollector
let prometheus: PrometheusPart
let backApp: App
let frontApp: App

beforeAll(async () => {
  receiver = await startReceiver()
  const env = {
    TEMPO_ENDPOINT: `127.0.0.1:${receiver.port}`,
    LOKI_ENDPOINT: receiver.url,
    DECISION_WAIT: '1s',
    SLOW_MS: String(slowMs),
    KEEP_PERCENT: String(keptShare * 100),
    KEEP_SERVICES: '[payouts, ledger]',
    SPAN_METRICS_FLUSH: '1s',
  }
  for (const name of ['one', 'two']) {
    gateways.push(await startShipped('gateway', env, config => withName(config, name)))
  }
  agent = await startShipped('agent', {}, config => {
    withoutKubernetes(config)
    withGateways(
      config,
      gateways.map(gateway => gateway.ports.grpc),
    )
  })
  prometheus = await startPrometheus(gateways.map(gateway => `127.0.0.1:${gateway.ports.prometheus}`))
  const toAgent = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${agent.ports.grpc}`,
    // An exemplar is shown until the next export: Prometheus has to come by more often (here every second).
    OTEL_METRIC_EXPORT_INTERVAL: '2500',
  }
  backApp = await runApp(back, {
    cwd,
    module: 'cjs',
    receiver,
    env: { ...toAgent, OTEL_SERVICE_NAME: 'back' },
  })
  frontApp = await runApp(front, {
    cwd,
    module: 'cjs',
    receiver,
    env: { ...toAgent, OTEL_SERVICE_NAME: 'front', BACK: backApp.url },
  })
}, 1_200_000)

afterAll(async () => {
  await Promise.all([frontApp?.dispose(), backApp?.dispose(), prometheus?.stop()])
  await agent?.dispose()
  await Promise.all(gateways.map(gateway => gateway.dispose()))
  gateways = []
  await receiver?.close()
}, 60_000)

/** OTLP/JSON to the agent, as a service with any SDK. */
async function post(signal: 'traces' | 'logs', body: object): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${agent.ports.http}/v1/${signal}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(answer.status).toBe(200)
}

let asked = 0
/** Trace ids of `count` requests, at most 20 at a time. */
async function ask(path: string, count: number): Promise<string[]> {
  const ids: string[] = []
  asked += count
  let left = count
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      while (left-- > 0) ids.push((await frontApp.get(path)).body)
    }),
  )
  return ids
}

/** All spans are here; during an outage some may be here twice. */
function whole(id: string): boolean {
  return new Set(receiver.store.trace(id)?.spans.map(span => span.spanId)).size === spansPerTrace
}

/** Requests as the gateways counted them, before sampling. */
async function measured(): Promise<number> {
  const pages = await Promise.all(gateways.map(gateway => gateway.page('prometheus')))
  return pages.reduce(
    (sum, page) =>
      sum +
      sumSamples(page, 'traces_span_metrics_calls_total', {
        service_name: 'front',
        span_kind: 'SPAN_KIND_SERVER',
      }),
    0,
  )
}

test('failed and slow traces are kept whole, the rest by its share, each through one gateway, and all are counted', async () => {
  const failed = await ask('/fail', 40)
  const slow = await ask('/slow', 20)
  const fine = await ask('/fine', 600)
  await until('every request in the span metrics', async () => (await measured()) === asked)
  await until('all failed and slow traces, whole', () => [...failed, ...slow].every(whole))

  // The decision on the last trace is made one second after its first span; a later error trace shows it is over.
  const [last] = await ask('/fail', 1)
  await until('the trace after all others', () => whole(last!))
  const kept = fine.filter(id => receiver.store.trace(id) !== undefined)
  const deviation = Math.sqrt(fine.length * keptShare * (1 - keptShare))
  // Four standard deviations: a right pipeline fails once in 15,000 runs.
  expect(Math.abs(kept.length - fine.length * keptShare)).toBeLessThan(4 * deviation)
  expect(kept.filter(id => !whole(id))).toEqual([])

  const routes = new Map<unknown, number>()
  for (const id of [...failed, ...slow, ...kept]) {
    const through = new Set(
      receiver.store.trace(id)!.spans.map(span => span.resource.attributes['test.gateway']),
    )
    expect(through.size).toBe(1)
    const [gateway] = through
    routes.set(gateway, (routes.get(gateway) ?? 0) + 1)
  }
  expect([...routes.keys()].sort()).toEqual(['one', 'two'])
}, 120_000)

test('of a chosen service every trace is kept, also when all is fine and fast', async () => {
  const ids = Array.from({ length: 40 }, (_, at) => (0xc0de_0000 + at).toString(16).padStart(32, '1'))
  const of = (service: string, traceIds: readonly string[]) => ({
    resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
    scopeSpans: [
      {
        spans: traceIds.map(traceId => ({
          traceId,
          spanId: traceId.slice(16),
          name: 'payout',
          kind: 5,
          startTimeUnixNano: '1700000000000000000',
          endTimeUnixNano: '1700000000001000000',
        })),
      },
    ],
  })
  await post('traces', { resourceSpans: [of('ledger', ids)] })
  await until('every trace of it', () => ids.every(id => receiver.store.trace(id) !== undefined))
}, 60_000)

test('a service that invents names fills its own share of the span metrics, and inner spans are not in them', async () => {
  const names = (count: number, kind: number, name: string) =>
    Array.from({ length: count }, (_, at) => ({
      // All through one gateway.
      traceId: '5eed'.repeat(8),
      spanId: (kind * 10_000 + at + 1).toString(16).padStart(16, '0'),
      name: `${name} ${at}`,
      kind,
      startTimeUnixNano: '1700000000000000000',
      endTimeUnixNano: '1700000000001000000',
    }))
  const of = (service: string, spans: object[]) => ({
    resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
    scopeSpans: [{ spans }],
  })
  await post('traces', { resourceSpans: [of('inventive', names(2500, 3, 'GET /users'))] })
  await post('traces', {
    resourceSpans: [of('inventive', names(50, 1, 'inner')), of('modest', names(100, 2, 'work'))],
  })
  const count = async (labels: Record<string, string>) =>
    (await Promise.all(gateways.map(gateway => gateway.page('prometheus')))).reduce(
      (sum, page) => sum + sumSamples(page, 'traces_span_metrics_calls_total', labels),
      0,
    )
  await until('all of the modest service', async () => (await count({ service_name: 'modest' })) === 100)
  await until('all of the inventive one', async () => (await count({ service_name: 'inventive' })) === 2500)
  expect(await count({ service_name: 'inventive', otel_metric_overflow: 'true' })).toBe(500)
  expect(await count({ service_name: 'modest', otel_metric_overflow: 'true' })).toBe(0)
  expect(await count({ service_name: 'inventive', span_kind: 'SPAN_KIND_INTERNAL' })).toBe(0)
}, 60_000)

test('log records reach Loki by OTLP, with body, attributes and names of people cleaned, and keep their trace', async () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })
  await post('logs', {
    resourceLogs: [
      {
        resource: { attributes: [text('service.name', 'front')] },
        scopeLogs: [
          {
            logRecords: [
              {
                timeUnixNano: '1700000000000000000',
                traceId,
                spanId: 'b7ad6b7169203331',
                body: { stringValue: 'receipt for jane@example.com, card 4111111111111111' },
                attributes: [
                  text('db.password', 'hunter2'),
                  text('http.request.header.authorization', 'Bearer abc'),
                  text('db.query.parameter.0', 'abc'),
                  text('user.id', '4711'),
                  text('order', '17'),
                ],
              },
            ],
          },
        ],
      },
    ],
  })
  const log = await expectLog(receiver, { traceId })
  expect(log.body).toBe('receipt for ****, card ****')
  expect(log.attributes).toEqual({
    'db.password': '****',
    'http.request.header.authorization': '****',
    'db.query.parameter.0': '****',
    'user.id': expect.stringMatching(/^[0-9a-f]{64}$/),
    order: '17',
  })
}, 60_000)

test('secrets are masked, people are pseudonyms', async () => {
  const [id] = await ask('/fail', 1)
  const [other] = await ask('/fail', 1)
  await until('both traces', () => whole(id!) && whole(other!))
  const attributes = (trace: string) =>
    receiver.store.trace(trace)!.spans.find(span => span.service === 'front' && span.kind === 'server')!
      .attributes
  expect(attributes(id!)['user.email']).toBe('****')
  expect(attributes(id!).note).toBe('card ****')
  expect(attributes(id!)['customer.id']).toMatch(/^[0-9a-f]{64}$/)
  expect(attributes(id!)['customer.id']).toBe(attributes(other!)['customer.id'])
}, 60_000)

test('exemplars of slow requests reach Prometheus, from spans and from the services, and their traces are kept', async () => {
  const slow = await ask('/slow', 3)
  const now = Date.now() / 1000
  const exemplars = async (query: string): Promise<{ labels: Record<string, string>; value: string }[]> => {
    const series = await prometheus.api(
      `query_exemplars?query=${encodeURIComponent(query)}&start=${now - 600}&end=${now + 600}`,
    )
    return series.flatMap((each: any) => each.exemplars)
  }
  for (const metric of [
    'traces_span_metrics_duration_seconds_bucket',
    'http_server_request_duration_seconds_bucket',
  ]) {
    const found = await until(`a slow exemplar of ${metric}`, async () => {
      const slowOnes = (await exemplars(`${metric}{service_name="front"}`)).filter(
        ({ value }) => Number(value) > slowMs / 1000,
      )
      return slowOnes.length > 0 && slowOnes
    })
    await until(`the traces of exemplars of ${metric}`, () =>
      found.every(({ labels }) => whole(labels.trace_id!)),
    )
  }
  await until('the slow traces', () => slow.every(whole))
}, 60_000)

test('the beginning of a trace is told from its continuation', async () => {
  const pages = await Promise.all(gateways.map(gateway => gateway.page('prometheus')))
  const entries = (service: string, entry: string) =>
    pages.reduce(
      (sum, page) =>
        sum +
        sumSamples(page, 'traces_span_metrics_calls_total', {
          service_name: service,
          span_kind: 'SPAN_KIND_SERVER',
          trace_entry: entry,
        }),
      0,
    )
  expect(entries('front', 'root')).toBeGreaterThan(600)
  expect(entries('front', 'child')).toBe(0)
  expect(entries('back', 'root')).toBe(0)
  expect(entries('back', 'child')).toBeGreaterThan(600)
})

test('a gateway outage, with a restart of the agent in the middle of it, loses no trace', async () => {
  await until('a quiet moment', async () => (await measured()) === asked)
  await gateways[1]!.stop()
  const failed = await ask('/fail', 60)
  await until('the half that goes through the other gateway', () => failed.filter(whole).length > 10)
  await until('the rest on the disk of the agent', async () => {
    const page = await agent.page('self')
    return sumSamples(page, 'otelcol_exporter_queue_size', { exporter: 'load_balancing/traces' }) > 0
  })
  await agent.restart()
  const during = await ask('/fail', 10)
  await gateways[1]!.start()
  await until('every trace, whole', () => [...failed, ...during].every(whole), 60_000)
}, 120_000)

test('an outage of the trace store, with a restart of a gateway in the middle of it, loses no trace', async () => {
  await receiver.fail({ mode: 'refuse' })
  const failed = await ask('/fail', 20)
  await until('the traces on the disks of the gateways', async () => {
    const pages = await Promise.all(gateways.map(gateway => gateway.page('self')))
    return pages.every(
      page => sumSamples(page, 'otelcol_exporter_queue_size', { exporter: 'otlp_grpc/tempo' }) > 0,
    )
  })
  await gateways[0]!.restart()
  await receiver.heal()
  await until('every trace, whole', () => failed.every(whole), 60_000)
}, 120_000)
