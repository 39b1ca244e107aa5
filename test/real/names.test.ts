// Every metric, label and attribute that a dashboard, an alert or a runbook names is looked for in what really arrives:
// the payments platform and one service in trouble, through the shipped Collector, in a real Prometheus that evaluates
// the shipped rules. A renamed metric fails here, not as an empty panel during an incident.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startKafkaBroker } from '@org/otel-devtools/kafka-broker'
import { type App, type Receiver, runApp, startReceiver } from '@org/otel-devtools/testing'
import { parse } from 'yaml'
import { dashboards } from '../../packages/deploy/src/grafana/dashboards.ts'
import { readPromqlNames, withoutVariables } from '../../packages/deploy/src/promql-names.ts'
import { ruleGroups } from '../../packages/deploy/src/rules/rules.ts'
import { installCollector } from './parts/install.ts'
import { freePort, until } from './parts/process.ts'
import { deployHome, type ShippedCollector, startShipped, withoutKubernetes } from './parts/shipped.ts'
import { type PrometheusPart, startPrometheus } from './parts/start.ts'

const root = join(__dirname, '../..')

/**
 * Counters that exist only after a disaster that is not staged here. They are looked for in the program of the pinned
 * Collector instead, which holds the names of its instruments.
 */
const afterDisaster = [
  'otelcol_exporter_enqueue_failed_spans',
  'otelcol_exporter_enqueue_failed_metric_points',
  'otelcol_exporter_enqueue_failed_log_records',
  'otelcol_exporter_send_failed_spans',
  'otelcol_exporter_send_failed_metric_points',
  'otelcol_exporter_send_failed_log_records',
]

/**
 * Refused metric points are told with the metrics that get through later; here a service's metrics get through or do
 * not. One function tells all three signals (packages/otel/src/metrics/self-metrics.ts), and the other two are here.
 */
const notStaged = ['otel_sdk_exporter_metric_data_point_exported_total{error_type}']

/** Written by Prometheus about its targets. */
const ofPrometheus = ['up']

interface Named {
  readonly where: string
  readonly expr: string
  /** It must not only name what exists but show something. */
  readonly shows: boolean
}

const fromPanels: Named[] = dashboards.flatMap(({ uid, rows }) =>
  rows.flatMap(row =>
    row.panels.flatMap(panel =>
      panel.kind === 'traces'
        ? []
        : panel.queries.map(({ expr }) => ({
            where: `${uid}: ${panel.title}`,
            expr: withoutVariables(expr),
            shows: true,
          })),
    ),
  ),
)
const fromRules: Named[] = ruleGroups.flatMap(group =>
  group.rules.map(rule =>
    'record' in rule
      ? { where: rule.record, expr: rule.expr, shows: true }
      : { where: rule.alert, expr: rule.expr, shows: false },
  ),
)
const runbooks = readdirSync(join(root, 'docs/runbooks')).map(
  page => [page, readFileSync(join(root, 'docs/runbooks', page), 'utf8')] as const,
)
const fromRunbooks: Named[] = runbooks.flatMap(([page, text]) =>
  [...text.matchAll(/promtool query instant "\$PROM" '(.+)'$/gm)].map(([, expr]) => ({
    where: page,
    expr: expr!,
    shows: false,
  })),
)
// "Related metrics" of a span in Tempo; Grafana fills in the labels.
const fromLinks: Named[] = parse(readFileSync(join(deployHome, 'compose/grafana/datasources.yaml'), 'utf8'))
  .datasources.flatMap((source: any) => source.jsonData?.tracesToMetrics?.queries ?? [])
  .map(({ name, query }: { name: string; query: string }) => ({
    where: `datasources: ${name}`,
    expr: query.replaceAll('$$__tags', ''),
    shows: true,
  }))
const all = [...fromPanels, ...fromRules, ...fromRunbooks, ...fromLinks]

// Loses what it sends, throws in a Kafka handler, and sends through a producer that is not connected.
const troubled = `
const http = require('node:http'), { Kafka } = require('kafkajs'), log = require('pino')()
const kafka = new Kafka({ clientId: 'trouble', brokers: [process.env.KAFKA_BROKERS], logLevel: 0, retry: { initialRetryTime: 50, retries: 50 } })
const producer = kafka.producer(), never = kafka.producer(), consumer = kafka.consumer({ groupId: 'trouble-' + process.pid, maxWaitTimeInMs: 50 })
let thrown = 0
async function main() {
  await producer.connect(); await consumer.connect()
  await consumer.subscribe({ topic: 'trouble', fromBeginning: true })
  await consumer.run({ eachMessage: async () => { if (thrown++ % 2 === 0) throw new RangeError('bad message') } })
  const server = http.createServer(async (req, res) => {
    await producer.send({ topic: 'trouble', messages: [{ value: 'x' }] })
    await never.send({ topic: 'trouble', messages: [{ value: 'x' }] }).catch(() => {})
    log.info('done')
    res.end()
  }).listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
}
main().catch(error => { console.error(error); process.exit(1) })
`

let store: Receiver
let refusing: Receiver
let collector: ShippedCollector
let prometheus: PrometheusPart
const inTrouble: App[] = []
const stops: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  ;[store, refusing] = await Promise.all([startReceiver(), startReceiver()])
  await refusing.fail({ mode: 'status', status: 400 })
  collector = await startShipped(
    'single',
    {
      TEMPO_ENDPOINT: `127.0.0.1:${store.port}`,
      LOKI_ENDPOINT: store.url,
      DECISION_WAIT: '1s',
      KEEP_PERCENT: '100',
      SPAN_METRICS_FLUSH: '1s',
    },
    withoutKubernetes,
  )
  prometheus = await startPrometheus(
    [`127.0.0.1:${collector.ports.prometheus}`, `127.0.0.1:${collector.ports.self}`],
    `rule_files: [${JSON.stringify(join(deployHome, 'prometheus/rules.yml'))}]\n`,
  )
  const broker = await startKafkaBroker()
  stops.push(() => broker.stop())
  const endpoint = `http://127.0.0.1:${collector.ports.grpc}`
  const [gateway] = await Promise.all([
    startDemo(endpoint),
    // Refused for good.
    runTroubled('refused', endpoint, {
      KAFKA_BROKERS: broker.address,
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${refusing.port}`,
      OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `http://127.0.0.1:${refusing.port}`,
    }),
    // Nobody there, and hardly any room to wait.
    runTroubled('swamped', endpoint, {
      KAFKA_BROKERS: broker.address,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
      ORG_OTEL_BUFFER_BYTES: '2000',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    }),
  ])
  keepBusy(gateway)
}, 1_200_000)

afterAll(async () => {
  for (const stop of stops.reverse()) await stop()
  await Promise.all([...inTrouble.map(app => app.dispose()), prometheus?.stop()])
  await collector?.dispose()
  await Promise.all([store?.close(), refusing?.close()])
}, 60_000)

async function runTroubled(name: string, endpoint: string, env: Record<string, string>): Promise<void> {
  const app = await runApp(troubled, {
    cwd: join(root, 'test'),
    module: 'cjs',
    receiver: store,
    env: {
      OTEL_SERVICE_NAME: name,
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
      OTEL_METRIC_EXPORT_TIMEOUT: '1000',
      ...env,
    },
  })
  inTrouble.push(app)
}

/** The platform of examples/payments; resolves with the address of its gateway. */
async function startDemo(endpoint: string): Promise<string> {
  const demo = spawn('node', ['examples/payments/demo.mjs'], {
    cwd: root,
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_LOGS_EXPORTER: 'otlp',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [demo.stdout, demo.stderr]) {
    stream.on('data', chunk => {
      output += chunk
    })
  }
  const exited = new Promise(resolve => demo.once('exit', resolve))
  stops.push(async () => {
    demo.kill('SIGTERM')
    await exited
  })
  return until(
    'the payments platform',
    () => {
      if (demo.exitCode !== null) throw new Error(output)
      return /^ +gateway +(http:\S+)$/m.exec(output)?.[1]
    },
    90_000,
  )
}

/** Payments of every kind until the end: rates need counters that move. */
function keepBusy(gateway: string): void {
  let on = true
  const kinds = [
    { customer: 'acme-corp', merchant: 'flaky-shop', amount: 7 },
    { customer: 'nobody', merchant: 'book-shop', amount: 1 },
  ]
  const busy = (async () => {
    for (let i = 0; on; i++) {
      await Promise.all([
        ...inTrouble.map(app => app.get('/').catch(() => {})),
        fetch(`${gateway}/payments`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(kinds[i % kinds.length]),
        }).then(
          answer => answer.text(),
          () => {},
        ),
        new Promise(resolve => setTimeout(resolve, 100)),
      ])
    }
  })()
  stops.push(() => {
    on = false
    return busy
  })
}

async function query(expr: string): Promise<unknown[]> {
  return (await prometheus.api(`query?query=${encodeURIComponent(expr)}`)).result
}

/** Labels that any series of a metric has. */
const labelsOf = new Map<string, Set<string>>()
async function readLabels(metric: string): Promise<Set<string>> {
  const known = labelsOf.get(metric)
  if (known) return known
  const series: Record<string, string>[] = await prometheus.api(
    `series?match[]=${encodeURIComponent(metric)}`,
  )
  const labels = new Set(series.flatMap(Object.keys))
  if (series.length > 0) labelsOf.set(metric, labels)
  return labels
}

test('every panel and every recording rule shows something while the platform runs', async () => {
  let empty: string[] = []
  await until(
    'something in every panel and rule',
    async () => {
      empty = []
      for (const { where, expr, shows } of all) {
        if (!shows || afterDisaster.some(metric => expr.includes(metric))) continue
        if ((await query(expr)).length === 0) empty.push(`${where}: ${expr}`)
      }
      return empty.length === 0
    },
    60_000,
  ).catch(() => {})
  expect(empty).toEqual([])
}, 90_000)

test('every metric and label that is named anywhere exists', async () => {
  const program = readFileSync(installCollector())
  const unknown: string[] = []
  for (const { where, expr } of all) {
    const { selectors, grouping, errors } = readPromqlNames(expr)
    expect({ where, errors }).toEqual({ where, errors: [] })
    const reachable = new Set(['le', 'counter'])
    let disaster = false
    for (const { metric, labels } of selectors) {
      if (ofPrometheus.includes(metric)) continue
      if (afterDisaster.includes(metric)) {
        disaster = true
        if (!program.includes(metric)) unknown.push(`${where}: ${metric} is not in the Collector`)
        continue
      }
      const present = await readLabels(metric)
      if (present.size === 0) unknown.push(`${where}: ${metric}`)
      for (const label of present) reachable.add(label)
      for (const label of labels) {
        const missing = !present.has(label) && !notStaged.includes(`${metric}{${label}}`)
        if (missing) unknown.push(`${where}: ${metric}{${label}}`)
      }
    }
    // The other counters of an exporter carry the same labels; what only ever fails has none to show.
    if (disaster) for (const label of await readLabels('otelcol_exporter_queue_size')) reachable.add(label)
    for (const label of grouping) if (!reachable.has(label)) unknown.push(`${where}: by (${label})`)
  }
  for (const { uid, variables } of dashboards) {
    for (const { metric, of } of variables) {
      const name = readPromqlNames(withoutVariables(metric)).selectors[0]!.metric
      if (!(await readLabels(name)).has(of)) unknown.push(`${uid}: ${name}{${of}}`)
    }
  }
  expect(unknown).toEqual([])
}, 60_000)

test('Prometheus 3, which takes names with dots, is given the same names', async () => {
  const accept =
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4'
  const pages = await Promise.all(
    [collector.ports.prometheus, collector.ports.self].map(async port =>
      (await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept } })).text(),
    ),
  )
  const names = new Set(pages.flatMap(page => page.match(/^[a-zA-Z_:][\w:]*(?=[{ ])/gm) ?? []))
  const named = new Set(
    all.flatMap(({ expr }) => readPromqlNames(expr).selectors.map(({ metric }) => metric)),
  )
  const missing = [...named].filter(
    metric =>
      !metric.includes(':') && !names.has(metric) && ![...afterDisaster, ...ofPrometheus].includes(metric),
  )
  expect(missing).toEqual([])
  // Labels too: a name with dots stands in quotes.
  expect(pages[0]).not.toMatch(/[{,]"[^"]+"[=,}]/)
})

test('every attribute that a trace search names is on a span or its resource', async () => {
  const searches = [
    ...dashboards.flatMap(({ rows }) =>
      rows.flatMap(row =>
        row.panels.flatMap(panel => (panel.kind === 'traces' ? panel.queries.map(one => one.traceql) : [])),
      ),
    ),
    ...runbooks.flatMap(([, text]) =>
      [...text.matchAll(/^ {4,}(\{ .+\}.*)$/gm)].map(([, search]) => search!),
    ),
  ]
  const named = new Set(searches.flatMap(search => search.match(/\b(?:span|resource)\.[a-z_.]+/g) ?? []))
  expect(named.size).toBeGreaterThan(4)
  const present = new Set<string>()
  for (const { spans } of store.store.traces()) {
    for (const span of spans) {
      for (const key of Object.keys(span.attributes)) present.add(`span.${key}`)
      for (const key of Object.keys(span.resource.attributes)) present.add(`resource.${key}`)
    }
  }
  expect([...named].filter(name => !present.has(name))).toEqual([])
})

test('exemplars are there for every query that asks for them', async () => {
  const now = Date.now() / 1000
  const missing: string[] = []
  for (const panel of dashboards.flatMap(({ rows }) => rows.flatMap(row => [...row.panels]))) {
    if (panel.kind === 'traces') continue
    for (const { expr, exemplars } of panel.queries) {
      if (!exemplars) continue
      const found = await prometheus.api(
        `query_exemplars?query=${encodeURIComponent(withoutVariables(expr))}&start=${now - 600}&end=${now + 60}`,
      )
      if (found.length === 0) missing.push(`${panel.title}: ${expr}`)
    }
  }
  expect(missing).toEqual([])
})
