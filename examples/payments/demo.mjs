// The demo: seven unmodified services under one flag, some traffic, and the story of the slowest payment.
//
//   npm run demo              stays up and shows every payment
//   npm run demo -- --once    tells the story once, checks every link of it, exits with 1 if one is missing
//
// DATABASE_URL, KAFKA_BROKERS and OTEL_EXPORTER_OTLP_ENDPOINT replace the embedded parts by real ones. With a real
// Collector, DEMO_RECEIVER_PORT is the port it sends a copy to, so that the traces can be checked too.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { findLinked, renderLogs, renderTrace, renderTraceList, watchFinished } from '@org/otel-devtools'
import { startInfrastructure } from './demo/infrastructure.mjs'
import { startPlatform } from './demo/platform.mjs'
import { createTopics, seed } from './demo/seed.mjs'
import { tellStory } from './demo/story.mjs'
import { drive, warmUp } from './demo/traffic.mjs'

/** Payments that come faster than this are listed, a line each; others are drawn in full. */
const crowdMs = 1000
const once = process.argv.includes('--once')
const unknown = process.argv.slice(2).filter(argument => argument !== '--once')
const started = performance.now()
const color = process.stdout.isTTY === true && !process.env.NO_COLOR
const width = process.stdout.columns ?? 130

/** Progress goes to stderr: stdout is for the story. */
const say = text =>
  process.stderr.write(`[${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s] ${text}\n`)
const print = text => process.stdout.write(`${text}\n`)

const cleanups = []
let stopping
/** To be done at the end; at once when the end has come while this was starting. */
async function atEnd(cleanup) {
  if (stopping === undefined) return void cleanups.push(cleanup)
  await cleanup()
  throw new Error('stopped before it was up')
}
function stop() {
  stopping ??= (async () => {
    for (const cleanup of cleanups.reverse()) await cleanup()
  })()
  return stopping
}

async function main() {
  if (unknown.length > 0) throw new Error(`unknown argument ${unknown.join(' ')}; known: --once`)
  const register = createRequire(import.meta.url).resolve('@org/otel/register')
  if (!existsSync(register)) throw new Error(`${register} is missing: run "npm run build" first`)

  say('starting what the services need')
  const infrastructure = await startInfrastructure(say)
  await atEnd(infrastructure.stop)
  const { env, receiver } = infrastructure
  say('filling the database, creating the topics')
  await Promise.all([
    named(`PostgreSQL at ${new URL(env.DATABASE_URL).host}`, seed(env.DATABASE_URL)),
    named(`Kafka at ${env.KAFKA_BROKERS}`, createTopics(env.KAFKA_BROKERS)),
  ])
  say(`starting the services with NODE_OPTIONS="--require ${register}"`)
  const platform = await startPlatform({
    register,
    env,
    say,
    // Beside the traces, as if they had been shipped.
    onLog: record => receiver?.store.addLogs([record]),
  })
  let exits
  await atEnd(async () => {
    exits = await platform.stop()
  })
  const gateway = platform.service('api-gateway').url

  say('customers are paying')
  await warmUp(platform, gateway)
  const answers = await drive(gateway)
  say(`${answers.length} payments made; what do we know about the slowest?`)
  const checks = await tellStory({ platform, receiver, answers, print, width, color })

  if (!once) {
    stayUp({ platform, receiver, gateway, checks })
    return
  }
  say('stopping')
  await stop()
  const unclean = exits.filter(([, exit]) => exit.code !== 0)
  const detail = unclean.map(([name, exit]) => `${name}: ${exit.signal ?? exit.code}`).join(', ')
  checks.push({
    name: 'every service ended on SIGTERM as it would without us',
    ok: unclean.length === 0,
    detail,
  })
  process.exitCode = report(checks) ? 0 : 1
}

/** An error that says whose it is; those of connections often have a code and no message. */
async function named(what, promise) {
  try {
    return await promise
  } catch (error) {
    throw new Error(`${what}: ${error.message || error.code}`, { cause: error })
  }
}

/** Prints the list; true when nothing is missing. */
function report(checks) {
  print('\nChecked')
  for (const { name, ok, detail } of checks) {
    const mark = ok === undefined ? '-' : ok ? '✓' : '✗'
    print(`   ${mark} ${name}${ok === true || !detail ? '' : `: ${detail}`}`)
  }
  const failed = checks.filter(check => check.ok === false).length
  const skipped = checks.filter(check => check.ok === undefined).length
  const rest = skipped === 0 ? '' : ` ${skipped} could not be checked.`
  const held = checks.length - failed - skipped
  print(
    failed === 0
      ? `\nAll ${held} links hold.${rest}`
      : `\n${failed} of ${checks.length} links are missing.${rest}`,
  )
  return failed === 0
}

function stayUp({ platform, receiver, gateway, checks }) {
  up = true
  report(checks)
  print(`
The platform is up until Ctrl-C:
   gateway   ${gateway}
   metrics   ${platform.service('payment-orchestrator').url}/metrics
   receiver  ${receiver?.url ?? process.env.OTEL_EXPORTER_OTLP_ENDPOINT}

   curl -s ${gateway}/payments -H 'content-type: application/json' \\
     -d '{"customer":"acme-corp","merchant":"flaky-shop","amount":42}'

   curl -s ${platform.service('payment-orchestrator').url}/metrics -H 'accept: application/openmetrics-text'
`)
  if (receiver === undefined) return
  print('Every payment is drawn here with its log lines:\n')
  const { store } = receiver
  const seen = new Set(store.traces().map(trace => trace.traceId))
  let printedMs = 0
  watchFinished(store, trace => {
    if (seen.has(trace.traceId) || trace.root?.kind !== 'server') return
    const alone = performance.now() - printedMs > crowdMs
    printedMs = performance.now()
    if (!alone) return print(renderTraceList([trace], { width, color }))
    const logs = store.logs({ traceId: trace.traceId })
    print(renderTrace(trace, { width, color, linked: findLinked(store, trace), drawLinked: false }))
    print(`${renderLogs(logs, { width, color, sinceMs: trace.startMs })}\n`)
  })
}

let up = false
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    say('stopping')
    if (!up) process.exitCode = 1
    void stop()
  })
}

main().catch(async error => {
  process.exitCode = 1
  // What fails because it is being stopped is no news.
  if (stopping === undefined) process.stderr.write(`demo: ${error.message}\n`)
  await stop()
})
