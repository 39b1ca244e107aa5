// The promise: a setting reaches what it is about, wherever it was written: environment, configuration file, code.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type KafkaBroker, startKafkaBroker } from '@org/otel-devtools/kafka-broker'
import { type App, type AppOptions, expectTrace, runApp } from '@org/otel-devtools/testing'

const cwd = join(__dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'settings-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let broker: KafkaBroker
beforeAll(async () => {
  broker = await startKafkaBroker({ partitions: 1 })
})
afterAll(() => broker.stop())
const apps: App[] = []
afterEach(() => Promise.all(apps.splice(0).map(app => app.dispose())))

async function run(code: string, options: AppOptions = {}): Promise<App> {
  const app = await runApp(code, { cwd, ...options, env: { OTEL_SERVICE_NAME: 'shop', ...options.env } })
  apps.push(app)
  return app
}

/** A configuration file that sends everything to where the test listens, with `more` behind it. */
function configFile(name: string, more: string): string {
  const file = join(folder, `${name}.yaml`)
  writeFileSync(
    file,
    `file_format: "1.0"
resource: { attributes: [{ name: service.name, value: from-file }] }
tracer_provider:
  processors: [{ batch: { schedule_delay: 50, exporter: { otlp_http: { endpoint: "\${OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces" } } } }]
${more}`,
  )
  return file
}

const places = {
  environment: {
    ORG_OTEL_INSTRUMENTATION_PG_ENHANCED_DATABASE_REPORTING: 'true',
    OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS: 'x-tenant',
    OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'undici',
    OTEL_SEMCONV_STABILITY_OPT_IN: 'messaging',
  },
  'environment as JSON': {
    ORG_OTEL_INSTRUMENTATION_OPTIONS: JSON.stringify({
      pg: { enhancedDatabaseReporting: true },
      http: { headersToSpanAttributes: { server: { requestHeaders: ['x-tenant'] } } },
      undici: { enabled: false },
    }),
    OTEL_SEMCONV_STABILITY_OPT_IN: 'messaging',
  },
  'configuration file': {
    OTEL_CONFIG_FILE: configFile(
      'options',
      `instrumentation/development:
  general:
    http: { server: { request_captured_headers: [x-tenant] } }
    stability_opt_in_list: messaging
  js:
    pg: { enhanced_database_reporting: true }
    undici: { enabled: false }
`,
    ),
  },
}

const program = `
const http = require('node:http')
const pg = require('pg')
const { Kafka, logLevel } = require('kafkajs')
const server = http.createServer(async (req, res) => {
  if (req.url === '/health') return res.end()
  const client = new pg.Client({ host: '127.0.0.1', port: 1 })
  client.query('select $1', ['a value']).catch(() => {})
  await client.connect().catch(() => {})
  client.end().catch(() => {})
  await fetch('http://127.0.0.1:' + server.address().port + '/health')
  const kafka = new Kafka({ brokers: [process.env.BROKER], logLevel: logLevel.NOTHING })
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic: 'payments', messages: [{ value: 'x' }] })
  await producer.disconnect()
  res.end('ok')
}).listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
`

test.each(Object.entries(places))(
  'options of instrumentations from the %s reach them',
  async (_where, env) => {
    const app = await run(program, { env: { ...env, BROKER: broker.address } })
    expect((await app.get('/pay', { headers: { 'x-tenant': 'acme' } })).body).toBe('ok')
    const { spans, match } = await expectTrace(app, {
      kind: 'server',
      attributes: { 'url.path': '/pay' },
      descendants: [{ kind: 'producer' }],
    })
    expect(match.attributes['http.request.header.x-tenant']).toEqual(['acme'])
    const query = spans.find(
      span =>
        span.attributes['db.query.text'] === 'select $1' || span.attributes['db.statement'] === 'select $1',
    )
    expect(JSON.stringify(query?.attributes)).toContain('a value')
    const sent = spans.find(span => span.kind === 'producer')!
    expect(sent.attributes).toMatchObject({ 'messaging.system.name': 'kafka' })
    expect(sent.attributes['messaging.system']).toBeUndefined()
    // undici is off: the call to /health made no client span.
    expect(spans.filter(span => span.scope.name.includes('undici'))).toEqual([])
    expect(app.stderr).not.toMatch(/ORG_OTEL_INTERNAL|ORG_OTEL_CONFIG_INVALID/)
  },
)

test('a configuration file decides alone: what it does not name is off, OTEL_* beside it are ignored', async () => {
  const app = await run(
    `const { metrics, trace } = require('@opentelemetry/api')
     metrics.getMeter('m').createCounter('jobs').add(1)
     for (let i = 0; i < 50; i++) trace.getTracer('t').startSpan('work ' + i, { attributes: { long: 'x'.repeat(50) } }).end()
     console.log('ready'); setInterval(() => {}, 1000)`,
    {
      env: {
        OTEL_SERVICE_NAME: 'from-environment',
        OTEL_TRACES_SAMPLER: 'always_off',
        OTEL_CONFIG_FILE: configFile(
          'alone',
          `  sampler: { trace_id_ratio_based: { ratio: 1 } }\n  limits: { attribute_value_length_limit: 10 }\n`,
        ),
      },
    },
  )
  const { match } = await expectTrace(app, { name: 'work 49', service: 'from-file' })
  expect(match.attributes).toEqual({ long: 'xxxxxxxxxx' })
  await app.stop()
  expect(app.receiver.store.metrics()).toEqual([])
})

test('only the enabled instrumentations are loaded, and disabled wins', async () => {
  const app = await run(
    `require('express'); require('pg'); require('ioredis')
     setTimeout(() => console.log(JSON.stringify({ chunks: Object.keys(require.cache).filter(f => f.includes('/dist/lib/')).map(f => require('path').basename(f)) })), 10)`,
    {
      env: {
        OTEL_NODE_ENABLED_INSTRUMENTATIONS: 'http,pg,ioredis',
        OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'ioredis',
      },
    },
  )
  await app.exited
  expect(app.logs[0]!.chunks).toEqual(['pg.cjs'])
})

test('always_off takes the exemplars out of the application’s prom-client too', async () => {
  const page = async (env: Record<string, string>) => {
    const app = await run(
      `const prom = require('prom-client'), http = require('node:http')
       const h = new prom.Histogram({ name: 'work_seconds', help: 'w', buckets: [1] })
       http.createServer(async (req, res) => {
         h.observe(0.5)
         res.end(await prom.register.metrics())
       }).listen(0, '127.0.0.1', function () { console.log('listening ' + this.address().port) })`,
      { env },
    )
    return (await app.get('/m', { headers: { accept: 'application/openmetrics-text' } })).body
  }
  expect(await page({ OTEL_METRICS_EXEMPLAR_FILTER: 'always_off' })).not.toContain('trace_id')
})

test('identity says who and where, and never how it was started', async () => {
  const app = await run(`require('@opentelemetry/api').trace.getTracer('t').startSpan('x').end()`, {
    args: ['--password=hunter2', '-t', 'tok'],
    env: {
      OTEL_SERVICE_NAME: undefined,
      NODE_ENV: 'staging',
      OTEL_RESOURCE_ATTRIBUTES: 'team=pay%20ments,service.namespace=shop',
      K8S_POD_NAME: 'pay-1',
      K8S_NAMESPACE_NAME: 'prod',
      K8S_NODE_NAME: 'node-7',
    },
  })
  await app.exited
  const { match } = await expectTrace(app, { name: 'x' })
  const resource = match.resource.attributes
  expect(resource).toMatchObject({
    'service.name': 'otel-test',
    'service.version': '0.0.0',
    'service.namespace': 'shop',
    'service.instance.id': expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4/),
    'deployment.environment.name': 'staging',
    team: 'pay ments',
    'telemetry.distro.name': expect.any(String),
    'telemetry.distro.version': expect.any(String),
    'telemetry.sdk.language': 'nodejs',
    'host.name': expect.any(String),
    'host.arch': expect.any(String),
    'process.pid': app.pid,
    'process.runtime.name': 'nodejs',
    'k8s.pod.name': 'pay-1',
    'k8s.namespace.name': 'prod',
    'k8s.node.name': 'node-7',
  })
  expect(Object.keys(resource).filter(key => /args|command_line|owner/.test(key))).toEqual([])
  expect(JSON.stringify(resource)).not.toMatch(/hunter2|"tok"/)
  expect(Object.keys(resource).filter(key => key.startsWith('cloud.'))).toEqual([])
})
