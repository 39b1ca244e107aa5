// What correlation adds to one line, ours against upstream's instrumentation, inside an active span, into a stream that
// drops everything. By hand, on a quiet machine:
//   node packages/logging/bench/line.mjs [pino|winston] [configuration]
// Each variant runs in processes of its own, in turn, and CPU time is counted, which neighbours disturb least; the added
// time is the difference of the medians to `without`.
// Aims: pino at most 0.35 of upstream's added time, winston at most 0.5.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const turns = Number(process.env.TURNS ?? 5)
const rounds = 12
const perRound = 20_000

/** What is logged with: pino's default, and the formats winston is mostly used with. */
const configurations = {
  pino: { default: () => ({}) },
  winston: {
    json: format => format.json(),
    'timestamp + json': format => format.combine(format.timestamp(), format.json()),
    'timestamp + errors + json': format =>
      format.combine(format.timestamp(), format.errors({ stack: true }), format.json()),
    'errors + splat + timestamp + json': format =>
      format.combine(format.errors({ stack: true }), format.splat(), format.timestamp(), format.json()),
    'timestamp + printf': format =>
      format.combine(
        format.timestamp(),
        format.printf(info => `${info.timestamp} ${info.level}: ${info.message} ${info.order}`),
      ),
  },
}

const patches = {
  pino: { name: 'pino', file: 'lib/proto.js', exports: () => require('pino/lib/proto') },
  winston: {
    name: 'winston',
    file: 'lib/winston/logger.js',
    exports: () => require('winston/lib/winston/logger'),
  },
}

async function prepare(library, variant) {
  const { context, trace } = await import('@opentelemetry/api')
  const { AsyncLocalStorageContextManager } = await import('@opentelemetry/context-async-hooks')
  const { TracerProvider } = await import('@opentelemetry/sdk-trace')
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const provider = new TracerProvider()
  trace.setGlobalTracerProvider(provider)
  if (variant === 'ours') {
    const { loggingHooks } = await import('../src/hooks.ts')
    const { name, file, exports } = patches[library]
    const hook = loggingHooks().modules.find(module => module.name === name && module.file === file)
    hook.patch(exports(), { version: '0', baseDir: dirname(require.resolve(`${name}/package.json`)) })
  }
  if (variant === 'upstream') {
    const upstream = require(`@opentelemetry/instrumentation-${library}`)
    const Instrumentation =
      library === 'pino' ? upstream.PinoInstrumentation : upstream.WinstonInstrumentation
    // Correlation alone: what it sends by default is not what is compared.
    const instrumentation = new Instrumentation({ disableLogSending: true })
    instrumentation.setTracerProvider(provider)
    instrumentation.enable()
  }
  return { context, span: trace.setSpan(context.active(), provider.getTracer('bench').startSpan('bench')) }
}

/** The last line, to see that each variant does what it is measured for. */
let last = ''
let lastInfo = {}

function makeLogger(library, configuration) {
  if (library === 'pino') {
    const write = line => {
      last = line
    }
    return require('pino')({}, { write })
  }
  const winston = require('winston')
  const write = (chunk, _encoding, done) => {
    last = chunk
    done()
  }
  const stream = new Writable({ decodeStrings: false, write })
  const transport = new winston.transports.Stream({ stream })
  const format = configurations.winston[configuration](winston.format)
  const logger = winston.createLogger({ format, transports: [transport] })
  // Not every format shows the fields: the info that leaves the logger has them.
  logger.once('data', info => {
    lastInfo = info
  })
  return logger
}

const write = {
  pino: logger => logger.info({ order: 42, customer: 'c-17' }, 'payment accepted'),
  winston: logger => logger.info('payment accepted', { order: 42, customer: 'c-17' }),
}

async function measure(library, variant, configuration) {
  const { context, span } = await prepare(library, variant)
  const logger = makeLogger(library, configuration)
  const line = write[library]
  const times = []
  await context.with(span, async () => {
    for (let round = -3; round < rounds; round++) {
      const began = process.cpuUsage()
      for (let i = 0; i < perRound; i++) line(logger)
      const { user, system } = process.cpuUsage(began)
      if (round >= 0) times.push(((user + system) * 1000) / perRound)
      await new Promise(resolve => setImmediate(resolve))
    }
  })
  const isCorrelated = library === 'pino' ? last.includes('"trace_id"') : 'trace_id' in lastInfo
  if (isCorrelated !== (variant !== 'without')) throw new Error(`unexpected line ${last}`)
  process.stdout.write(String(median(times)))
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}

function quartiles(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return [0.25, 0.75].map(share => sorted[Math.floor(share * (sorted.length - 1))].toFixed(2)).join('..')
}

function compare(library, configuration, aim) {
  const variants = { without: [], upstream: [], ours: [] }
  for (let turn = 0; turn < turns; turn++) {
    for (const variant of Object.keys(variants)) {
      const child = spawnSync(
        process.execPath,
        ['--conditions=@org/source', fileURLToPath(import.meta.url), library, configuration, variant],
        { encoding: 'utf8' },
      )
      if (child.status !== 0) throw new Error(child.stderr)
      variants[variant].push(Number(child.stdout))
    }
  }
  const { without, upstream, ours } = Object.fromEntries(
    Object.entries(variants).map(([name, times]) => [name, median(times)]),
  )
  const ratio = (ours - without) / (upstream - without)
  const ratios = variants.ours.map(
    (time, i) => (time - variants.without[i]) / (variants.upstream[i] - variants.without[i]),
  )
  console.log(
    `${library}, ${configuration}: without ${without.toFixed(0)} ns/line, upstream +${(upstream - without).toFixed(0)}, ours ${(ours - without).toFixed(0)}: ${ratio.toFixed(2)} of upstream's (single turns ${quartiles(ratios)}; aim ${aim}) ${ratio <= aim ? 'ok' : 'MISSED'}`,
  )
  return ratio <= aim
}

const [library, configuration, variant] = process.argv.slice(2)
if (variant !== undefined) await measure(library, variant, configuration)
else {
  const aims = { pino: 0.35, winston: 0.5 }
  const results = Object.entries(aims)
    .filter(([name]) => library === undefined || name === library)
    .flatMap(([name, aim]) =>
      Object.keys(configurations[name])
        .filter(one => configuration === undefined || one === configuration)
        .map(one => compare(name, one, aim)),
    )
  if (results.includes(false)) process.exitCode = 1
}
