// What correlation adds to one line, ours against upstream's instrumentation, inside an active span, into a stream that
// drops everything. By hand, on a quiet machine:
//   node packages/logging/bench/line.mjs [pino|winston]
// Each variant runs in processes of its own, in turn, and CPU time is counted, which neighbours disturb least; the added time is the difference of the medians to `without`.
// Aims: pino at most 0.35 of upstream's added time, winston at most 0.5.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const turns = Number(process.env.TURNS ?? 5)
const rounds = 15
const perRound = 50_000

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

function makeLogger(library) {
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
  return winston.createLogger({ transports: [new winston.transports.Stream({ stream })] })
}

const write = {
  pino: logger => logger.info({ order: 42, customer: 'c-17' }, 'payment accepted'),
  winston: logger => logger.info('payment accepted', { order: 42, customer: 'c-17' }),
}

async function measure(library, variant) {
  const { context, span } = await prepare(library, variant)
  const logger = makeLogger(library)
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
  if (String(last).includes('"trace_id"') !== (variant !== 'without'))
    throw new Error(`unexpected line ${last}`)
  process.stdout.write(String(median(times)))
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}

function compare(library, aim) {
  const variants = { without: [], upstream: [], ours: [] }
  for (let turn = 0; turn < turns; turn++) {
    for (const variant of Object.keys(variants)) {
      const child = spawnSync(
        process.execPath,
        ['--conditions=@org/source', fileURLToPath(import.meta.url), library, variant],
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
  console.log(
    `${library}: without ${without.toFixed(0)} ns/line, upstream +${(upstream - without).toFixed(0)}, ours +${(ours - without).toFixed(0)}: ${ratio.toFixed(2)} of upstream's (aim ${aim}) ${ratio <= aim ? 'ok' : 'MISSED'}`,
  )
  return ratio <= aim
}

const [library, variant] = process.argv.slice(2)
if (variant !== undefined) await measure(library, variant)
else {
  const aims = { pino: 0.35, winston: 0.5 }
  const results = Object.entries(aims)
    .filter(([name]) => library === undefined || name === library)
    .map(([name, aim]) => compare(name, aim))
  if (results.includes(false)) process.exitCode = 1
}
