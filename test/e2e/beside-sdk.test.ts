// The promise: the imported packages work under whatever OpenTelemetry SDK the application has, and without one. Packed as
// the registry would get them, installed with plain npm, used from CommonJS and from ES modules.
import { execFile, spawnSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { type KafkaBroker, startKafkaBroker } from '@org/otel-devtools/kafka-broker'

const root = resolve(__dirname, '../..')
const home = mkdtempSync(join(tmpdir(), 'beside-sdk-'))
let tarballs: string[]
let broker: KafkaBroker

const libraries = ['kafkajs@2.2.4', 'pino@10.4.0', 'winston@3.19.0', 'prom-client@15.1.3']

/** Sets the SDK up as its own documentation does, and shows what it got. */
const show = `
exports.spans = () => exporter.getFinishedSpans().map(span => ({
  name: span.name,
  traceId: span.spanContext().traceId,
  spanId: span.spanContext().spanId,
  parent: span.parentSpanContext ? span.parentSpanContext.spanId : span.parentSpanId,
}))
exports.metrics = async () => {
  const { resourceMetrics } = await reader.collect()
  return resourceMetrics.scopeMetrics.flatMap(scope => scope.metrics).map(metric => ({
    name: metric.descriptor.name,
    exemplars: metric.dataPoints.flatMap(point => point.exemplars ?? []),
  }))
}
exports.sdkMetrics = sdkMetrics
`
const reader = `
const sdkMetrics = require('@opentelemetry/sdk-metrics')
class Reader extends sdkMetrics.MetricReader {
  constructor() { super({ aggregationTemporalitySelector: () => 1 }) }
  async onForceFlush() {}
  async onShutdown() {}
}
const reader = new Reader()
`
const node = (made: string, meters: string) => `
const { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-node')
const { metrics } = require('@opentelemetry/api')
${reader}
const exporter = new InMemorySpanExporter()
${made}
provider.register()
${meters}
metrics.setGlobalMeterProvider(meterProvider)
${show}`
const plain = {
  provider:
    'const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })',
  meterProvider: 'const meterProvider = new sdkMetrics.MeterProvider({ readers: [reader] })',
}
const setups = {
  /** API 1.4 exactly, with an SDK of its days. */
  'API 1.4.1': {
    install: [
      '@opentelemetry/api@1.4.1',
      '@opentelemetry/sdk-trace-node@1.9.1',
      '@opentelemetry/sdk-metrics@1.9.1',
    ],
    api: '1.4.1',
    code: node(
      'const provider = new NodeTracerProvider(); provider.addSpanProcessor(new SimpleSpanProcessor(exporter))',
      'const meterProvider = new sdkMetrics.MeterProvider(); meterProvider.addMetricReader(reader)',
    ),
  },
  'SDK 1.30': {
    install: ['@opentelemetry/sdk-trace-node@1.30.1', '@opentelemetry/sdk-metrics@1.30.1'],
    api: '1.9.1',
    code: node(plain.provider, plain.meterProvider),
  },
  'SDK 2': {
    install: ['@opentelemetry/sdk-trace-node@2.12.1', '@opentelemetry/sdk-metrics@2.12.1'],
    api: '1.9.1',
    code: node(plain.provider, plain.meterProvider),
  },
  'SDK 3': {
    install: [
      '@opentelemetry/sdk-trace@3.1.1',
      '@opentelemetry/sdk-metrics@3.1.1',
      '@opentelemetry/context-async-hooks@3.1.1',
      '@opentelemetry/core@3.1.1',
    ],
    api: '1.10.0',
    code: `
const { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } = require('@opentelemetry/sdk-trace')
const { AsyncLocalStorageContextManager } = require('@opentelemetry/context-async-hooks')
const { W3CTraceContextPropagator } = require('@opentelemetry/core')
const { context, metrics, propagation, trace } = require('@opentelemetry/api')
${reader}
const exporter = new InMemorySpanExporter()
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
propagation.setGlobalPropagator(new W3CTraceContextPropagator())
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }))
metrics.setGlobalMeterProvider(new sdkMetrics.MeterProvider({ readers: [reader] }))
${show}`,
  },
  'no SDK': {
    install: [],
    api: '1.10.0',
    code: 'exports.spans = () => []; exports.metrics = () => []; exports.sdkMetrics = undefined',
  },
} as const
type Setup = keyof typeof setups

/** Sends a message, receives it, logs, measures, and prints what came out of it. */
const body = `
const lines = []
const keep = new Writable({ write(chunk, encoding, done) { lines.push(JSON.parse(String(chunk))); done() } })
const log = pino({ mixin: pinoMixin() }, keep)
const other = winston.createLogger({
  format: winston.format.combine(winstonTraceFormat(), winston.format.json()),
  transports: [new winston.transports.Stream({ stream: keep })],
})
const active = [traceExemplars(promClient), sdk.sdkMetrics ? traceExemplars(sdk.sdkMetrics) : undefined]
const seconds = exemplarHistogram(promClient, { name: 'work', description: 'Work.', buckets: [1, 2] })
const meter = metrics.getMeter('app')
const measured = meter.createHistogram('measured')
const kafka = instrumentKafka(new Kafka({ clientId: 'app', brokers: [process.env.BROKER], logLevel: 0 }))
const topic = 't-' + process.pid
const headers = []
async function main() {
  const server = http.createServer(async (req, res) => res.end(await promClient.register.metrics()))
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  const admin = kafka.admin(), producer = kafka.producer(), consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: 50 })
  await admin.connect(); await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }); await admin.disconnect()
  await producer.connect(); await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const received = new Promise(done => consumer.run({ eachMessage: async ({ message }) => {
    headers.push(Object.keys(message.headers ?? {}).map(key => [key, String(message.headers[key])]))
    log.info('received')
    setImmediate(done)
  } }))
  log.info('outside')
  await trace.getTracer('app').startActiveSpan('mine', async span => {
    log.info('pino'); other.info('winston')
    seconds.record(0.5, {}); measured.record(5)
    await producer.send({ topic, messages: [{ value: 'v' }] })
    span.end()
  })
  await received
  const page = await (await fetch('http://127.0.0.1:' + server.address().port, {
    headers: { accept: 'application/openmetrics-text; version=1.0.0' },
  })).text()
  const spans = sdk.spans(), collected = await sdk.metrics()
  await Promise.all([producer.disconnect(), consumer.disconnect()])
  server.close(); server.closeAllConnections()
  console.log(JSON.stringify({ spans, metrics: collected, headers, lines, page, active }))
}
main().catch(error => { console.error(error); process.exit(1) })
`
const imports = [
  ['* as sdk', './sdk.cjs'],
  ['http', 'node:http'],
  ['{ Writable }', 'node:stream'],
  ['pino', 'pino'],
  ['winston', 'winston'],
  ['* as promClient', 'prom-client'],
  ['{ Kafka }', 'kafkajs'],
  ['{ metrics, trace }', '@opentelemetry/api'],
  ['{ instrumentKafka }', '@org/otel-kafka'],
  ['{ pinoMixin, winstonTraceFormat }', '@org/otel-logging'],
  ['{ exemplarHistogram, traceExemplars }', '@org/otel-exemplars'],
] as const
const programs = {
  'app.cjs': `${imports.map(([names, from]) => `const ${names.replace('* as ', '')} = require('${from}')`).join('\n')}\n${body}`,
  'app.mjs': `${imports.map(([names, from]) => `import ${names} from '${from}'`).join('\n')}\n${body}`,
}

interface Printed {
  spans: { name: string; traceId: string; spanId: string; parent?: string }[]
  metrics: { name: string; exemplars: { value: number; timeMs: number; traceId: string }[] }[]
  headers: [string, string][][]
  lines: Record<string, unknown>[]
  page: string
  active: ({ active: boolean; reason?: string } | null)[]
}

function run(command: string, args: readonly string[], cwd: string): string {
  // pnpm and Node of the clone come first, as scripts/setup.mjs has it.
  const path = [
    join(root, 'node_modules/.bin'),
    join(root, '.cache/pnpm/node_modules/.bin'),
    process.env.PATH,
  ]
  const env = {
    ...process.env,
    PATH: path.join(delimiter),
    NODE_OPTIONS: '',
    npm_config_update_notifier: 'false',
  }
  const done = spawnSync(command, args, { cwd, encoding: 'utf8', env })
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${done.stdout}${done.stderr}`)
  return done.stdout
}

function install(name: string, wanted: readonly string[], code: string): string {
  const folder = join(home, name.replace(/\W+/g, '-'))
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{"name":"app","private":true}\n')
  const args = ['install', '--no-fund', '--no-audit', '--loglevel=error', '--prefer-offline']
  run('npm', [...args, ...tarballs, ...libraries, ...wanted], folder)
  for (const [file, text] of Object.entries(programs)) writeFileSync(join(folder, file), text)
  writeFileSync(join(folder, 'sdk.cjs'), code)
  return folder
}

function start(folder: string, program: string): Promise<Printed & { stderr: string }> {
  const env = { ...process.env, NODE_OPTIONS: '', BROKER: broker.address }
  return new Promise((done, fail) =>
    execFile(process.execPath, [program], { cwd: folder, env, timeout: 60_000 }, (error, stdout, stderr) => {
      if (error !== null) fail(new Error(`${error.message}\n${stdout}\n${stderr}`))
      else done({ ...JSON.parse(stdout), stderr })
    }),
  )
}

/** What we say. (kafkajs makes Node warn about a timeout of its own.) */
function ours(stderr: string): string[] {
  return stderr
    .split('\n')
    .filter(line => line !== '' && !/TimeoutNegativeWarning|Timeout duration was|trace-warnings/.test(line))
}

function apiVersions(folder: string): string[] {
  return globSync('node_modules/**/@opentelemetry/api/package.json', { cwd: folder }).map(
    file => JSON.parse(readFileSync(join(folder, file), 'utf8')).version,
  )
}

beforeAll(async () => {
  for (const name of ['kafka', 'logging', 'exemplars'])
    run('pnpm', ['pack', '--pack-destination', home], join(root, 'packages', name))
  tarballs = globSync('*.tgz', { cwd: home }).map(file => join(home, file))
  broker = await startKafkaBroker({ partitions: 1 })
}, 120_000)

afterAll(async () => {
  await broker?.stop()
  rmSync(home, { recursive: true, force: true })
})

describe.each(Object.keys(setups) as Setup[])('beside %s', name => {
  const { install: wanted, api, code } = setups[name]
  const hasSdk = name !== 'no SDK'
  let folder: string
  beforeAll(() => {
    folder = install(name, wanted, code)
  }, 240_000)

  test('npm puts one copy of the API into the tree', () => {
    expect(apiVersions(folder)).toEqual([api])
  })

  test('a TypeScript program compiles, and so do our declarations, with that copy', () => {
    const text = `
import { metrics, trace } from '@opentelemetry/api'
import { exemplarHistogram, traceExemplars } from '@org/otel-exemplars'
import { instrumentKafka, traceMessage, startProcessSpan, messageLinks } from '@org/otel-kafka'
import { createTraceFields, pinoMixin, winstonTraceFormat } from '@org/otel-logging'
import * as promClient from 'prom-client'
import { Kafka } from 'kafkajs'
export const kafka: Kafka = instrumentKafka(new Kafka({ brokers: [] }))
export const used = [pinoMixin(), winstonTraceFormat(), createTraceFields(), traceExemplars(promClient), startProcessSpan, traceMessage]
exemplarHistogram(metrics.getMeter('x'), { name: 'x', description: 'x' }).record(1, {})
trace.getTracer('x').startSpan('y', { links: messageLinks([]) }).end()
`
    writeFileSync(join(folder, 'app.mts'), text)
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2022',
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      types: ['node'],
      typeRoots: [join(root, 'packages/kafka/node_modules/@types')],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['app.mts'] }))
    const { stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' })
    // Other people's declarations are not ours to check.
    const errors = stdout.split('\n').filter(line => line.includes('error TS'))
    expect(errors.filter(line => !/node_modules\/(?!@org)/.test(line))).toEqual([])
  }, 60_000)

  test.each(Object.keys(programs))(
    hasSdk
      ? '%s: spans, headers, ids on log lines, metrics and exemplars appear under that SDK'
      : '%s: nothing appears, nothing is said, and everything works',
    async program => {
      const printed = await start(folder, program)
      const line = (msg: string) => {
        const found = printed.lines.find(({ msg: text, message }) => (text ?? message) === msg)
        if (found === undefined) throw new Error(`no line ${msg}`)
        return found
      }
      expect(ours(printed.stderr)).toEqual([])
      expect(printed.headers).toHaveLength(1)
      expect(printed.page).toContain('work_seconds_bucket')
      expect(line('outside').trace_id).toBeUndefined()
      if (!hasSdk) {
        expect(printed.headers[0]).toEqual([])
        for (const said of ['pino', 'winston', 'received']) expect(line(said).trace_id).toBeUndefined()
        expect(printed.page).not.toContain('trace_id')
        return
      }
      const [mine, send, processed] = ['mine', /^send t-/, /^process t-/].map(wanted =>
        printed.spans.find(span =>
          typeof wanted === 'string' ? span.name === wanted : wanted.test(span.name),
        ),
      )
      expect(send).toMatchObject({ traceId: mine?.traceId, parent: mine?.spanId })
      expect(processed).toMatchObject({ traceId: mine?.traceId, parent: send?.spanId })
      expect(printed.headers[0]).toEqual([['traceparent', `00-${send?.traceId}-${send?.spanId}-01`]])
      for (const said of ['pino', 'winston'])
        expect(line(said)).toMatchObject({
          trace_id: mine?.traceId,
          span_id: mine?.spanId,
          trace_flags: '01',
        })
      expect(line('received')).toMatchObject({ trace_id: mine?.traceId, span_id: processed?.spanId })
      expect(printed.page).toContain(`trace_id="${mine?.traceId}"`)
      expect(printed.active[0]).toEqual({ active: true })
      const names = printed.metrics.map(metric => metric.name)
      expect(names).toEqual(
        expect.arrayContaining(['messaging.client.sent.messages', 'messaging.process.duration', 'measured']),
      )
      const { exemplars } = printed.metrics.find(metric => metric.name === 'measured')!
      // The SDK of the days of API 1.4 has other inner parts: it works as without us, and the reason is returned.
      if (name === 'API 1.4.1') {
        expect(printed.active[1]).toMatchObject({ active: false, reason: expect.any(String) })
        expect(exemplars).toEqual([])
      } else {
        expect(printed.active[1]).toEqual({ active: true })
        expect(exemplars).toMatchObject([{ value: 5, traceId: mine?.traceId }])
        expect(Math.abs(exemplars[0]!.timeMs - Date.now())).toBeLessThan(60_000)
      }
    },
    90_000,
  )
})

describe('an SDK with an older copy of the API than the one our packages were given', () => {
  let folder: string
  beforeAll(() => {
    const acme = join(home, 'acme')
    mkdirSync(acme)
    writeFileSync(
      join(acme, 'package.json'),
      JSON.stringify({
        name: '@acme/tracing',
        version: '1.0.0',
        main: 'index.cjs',
        dependencies: {
          '@opentelemetry/api': '1.9.1',
          '@opentelemetry/sdk-trace-node': '2.12.1',
          '@opentelemetry/sdk-metrics': '2.12.1',
        },
      }),
    )
    writeFileSync(join(acme, 'index.cjs'), setups['SDK 2'].code)
    run('npm', ['pack', '--pack-destination', home], acme)
    folder = install(
      'two copies',
      ['@opentelemetry/api@1.10.0', join(home, 'acme-tracing-1.0.0.tgz')],
      `module.exports = require('@acme/tracing')`,
    )
  }, 240_000)

  test('npm gives each its own', () => {
    expect(apiVersions(folder).sort()).toEqual(['1.10.0', '1.9.1'])
  })

  test.each(Object.keys(programs))(
    '%s: works as without an SDK, and one line says why and what to do',
    async program => {
      const { headers, lines, page, stderr } = await start(folder, program)
      expect(headers[0]).toEqual([])
      expect(lines).toHaveLength(4)
      expect(page).toContain('work_seconds_bucket')
      const said = ours(stderr)
      expect(said).toHaveLength(1)
      expect(said[0]).toMatch(
        /^\[otel\] ORG_OTEL_API_COPY @org\/otel-\w+ uses @opentelemetry\/api 1\.10\.0, .* 1\.9\.1/,
      )
      expect(said[0]).toContain('npm install @opentelemetry/api@1.9.1')
    },
    90_000,
  )
})
