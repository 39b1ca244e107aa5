// The story of the demo, one link after the other. Each link finds something through the one before it, as a person
// on call would: nothing here knows the trace id until the exemplar has told it.
import { findInsights, findLinked, renderLogs, renderTrace } from '@org/otel-devtools'
import { openMetrics, quantile, readHistogram, slowestExemplar } from './metrics-page.mjs'
import { companyAccounts } from './seed.mjs'

const histogram = 'payment_duration_seconds'
const pinoServices = ['payment-orchestrator', 'fraud-detection', 'notification', 'reconciliation']
const winstonServices = ['api-gateway', 'accounts-ledger', 'webhook-delivery']
// Every service the slow payment passes, with the kind of span it must be seen in.
const hops = [
  ['api-gateway', 'server'],
  ['payment-orchestrator', 'server'],
  ['fraud-detection', 'server'],
  ['accounts-ledger', 'server'],
  ['payment-orchestrator', 'producer'],
  ['notification', 'consumer'],
  ['webhook-delivery', 'server'],
  ['webhook-delivery', 'producer'],
  ['reconciliation', 'consumer'],
]
const traceTimeoutMs = 15_000

/**
 * Walks the story and returns its checks: `{ name, ok, detail }`. `print` gets the paragraphs.
 * Without a receiver (the telemetry goes elsewhere) the links that need one are reported as not checked.
 */
export async function tellStory({ platform, receiver, answers, print, width, color }) {
  const checks = []
  const check = (name, ok, detail = '') => {
    checks.push({ name, ok: ok === undefined ? undefined : Boolean(ok), detail })
    return Boolean(ok)
  }
  const title = text => print(`\n${color ? `\x1b[1m${text}\x1b[0m` : text}`)

  const paid = answers.filter(answer => answer.status === 201)
  check(
    'every payment was answered as without us',
    paid.length === answers.length,
    `${paid.length} of ${answers.length}`,
  )

  title('1. The page Prometheus scrapes shows a slow p99')
  const metricsUrl = `${platform.service('payment-orchestrator').url}/metrics`
  const page = await (await fetch(metricsUrl, { headers: { accept: openMetrics } })).text()
  const plain = await (await fetch(metricsUrl, { headers: { accept: 'text/plain' } })).text()
  const buckets = readHistogram(page, histogram)
  const [p50, p99] = [quantile(buckets, 0.5), quantile(buckets, 0.99)]
  print(`   ${metricsUrl}`)
  print(`   ${histogram}: p50 ${ms(p50)}, p99 ${ms(p99)} of ${buckets.at(-1)?.count ?? 0} payments`)
  check('the histogram counted every payment', buckets.at(-1)?.count === paid.length)
  check('the p99 is a spike', p99 > 2 * p50, `${ms(p50)} -> ${ms(p99)}`)
  check('a plain scrape has no exemplars', !plain.includes(' # {') && plain.includes(`${histogram}_bucket`))

  title('2. The exemplar in its slowest bucket names one payment')
  const exemplar = slowestExemplar(buckets)
  const traceId = exemplar?.labels.trace_id
  const found = check(
    'the slowest bucket has an exemplar with trace_id and span_id',
    traceId && exemplar.labels.span_id,
  )
  if (found) print(`   trace_id="${traceId}" span_id="${exemplar.labels.span_id}" ${ms(exemplar.value)}`)

  title('3. That trace, across every service and through Kafka')
  const complete = trace =>
    hops.every(([service, kind]) => trace.spans.some(s => s.service === service && s.kind === kind))
  const lines = () => platform.logs.filter(line => line.traceId === traceId)
  const trace = found && receiver ? await waitForTrace(receiver, traceId, complete) : undefined
  if (receiver) {
    check('the trace of the exemplar arrived', trace, traceId)
    checkTrace(check, trace, exemplar)
    const linked = trace ? findLinked(receiver.store, trace) : []
    const view = { width: width - 3, color, linked, drawLinked: false, insights: false }
    if (trace) print(renderTrace(trace, view).replace(/^/gm, '   '))
    if (linked.length > 0)
      print(`   + ${linked.length} more traces are linked: the batches that carried its messages`)
  } else {
    print(`   The traces go to ${process.env.OTEL_EXPORTER_OTLP_ENDPOINT}: look for ${traceId} there.`)
    for (const name of ['the trace of the exemplar arrived', 'the N+1 is named'])
      check(name, undefined, 'sent elsewhere')
  }

  title('4. What is wrong with it')
  const insights = trace ? findInsights(trace) : []
  for (const insight of insights) print(`   ${insight.kind}: ${insight.message}`)
  if (receiver) {
    const repeated = insights.find(insight => insight.kind === 'n+1')
    const named =
      repeated?.spans.length === companyAccounts && repeated.message.startsWith(`${companyAccounts} x SELECT`)
    check('the N+1 is named', named, repeated?.message)
  }

  title('5. The log lines of that payment, and of no other')
  print(renderLogs(lines(), { color, width: width - 3, sinceMs: trace?.startMs }).replace(/^/gm, '   '))
  const ids = new Set(trace?.spans.map(span => span.spanId))
  for (const [library, services] of [
    ['pino', pinoServices],
    ['winston', winstonServices],
  ]) {
    const silent = services.filter(service => !lines().some(line => line.service === service))
    const stray = lines().filter(line => services.includes(line.service) && trace && !ids.has(line.spanId))
    check(
      `${library} lines carry the trace`,
      silent.length === 0,
      silent.length > 0 ? `not: ${silent.join(', ')}` : '',
    )
    check(`${library} lines name a span of it`, stray.length === 0, `${stray.length} do not`)
  }
  const payments = new Set(
    lines()
      .map(line => line.attributes.payment)
      .filter(Boolean),
  )
  check('all of them are about one payment', payments.size === 1, `${payments.size} payments`)
  check('what else the services wrote has other traces', platform.logs.length > lines().length * 2)

  if (receiver) {
    const probes = receiver.store.spans({ attributes: { 'url.path': /^\/(?:health|metrics)$/ } })
    check('health checks and scrapes are not traced', probes.length === 0, `${probes.length} are`)
    const silent = platform.names.filter(name =>
      receiver.store.metrics().every(series => series.service !== name),
    )
    check('every service sends metrics', silent.length === 0, silent.join(', '))
    const refused = Object.values(receiver.stats.rejected).reduce((a, b) => a + b, 0)
    check('the receiver refused nothing', refused === 0, receiver.stats.lastRejection)
  }
  const loud = platform.names.filter(name =>
    platform.service(name).errors.some(line => line.includes('ORG_OTEL_INTERNAL')),
  )
  check('nothing inside us failed', loud.length === 0, loud.join(', '))
  return { checks, traceId, metricsUrl }
}

function checkTrace(check, trace, exemplar) {
  const spans = trace?.spans ?? []
  const byId = new Map(spans.map(span => [span.spanId, span]))
  check('the span of the exemplar is in it', byId.has(exemplar?.labels.span_id))
  const missing = hops.filter(([service, kind]) => !spans.some(s => s.service === service && s.kind === kind))
  check('it passes every service', missing.length === 0, missing.map(hop => hop.join(' ')).join(', '))
  const orphans = spans.filter(span => span.parentSpanId !== undefined && !byId.has(span.parentSpanId))
  check('every span has its parent', trace && orphans.length === 0, `${orphans.length} do not`)
  const consumers = spans.filter(span => span.kind === 'consumer')
  const carried = consumers.filter(span => byId.get(span.parentSpanId)?.kind === 'producer')
  check(
    'Kafka carried it: each consumer is the child of a producer',
    consumers.length >= 3 && carried.length === consumers.length,
  )
  const retried = spans.some(
    span => span.kind === 'consumer' && span.attributes['messaging.destination.name'] === 'retries',
  )
  check('the failed webhook and its retry are in it', retried && trace.errors > 0)
  const queries = spans.filter(
    span => span.kind === 'client' && span.attributes['db.query.text'] !== undefined,
  )
  check(
    'its queries are there, without values',
    queries.length > companyAccounts && queries.every(isParameterized),
  )
}

function isParameterized(span) {
  return /\$1/.test(span.attributes['db.query.text'])
}

async function waitForTrace(receiver, traceId, complete) {
  try {
    return await receiver.store.waitFor(
      store => {
        const trace = store.trace(traceId)
        return trace?.root && complete(trace) && trace
      },
      { timeoutMs: traceTimeoutMs },
    )
  } catch {
    // Incomplete is still worth showing; the checks say what is missing.
    return receiver.store.trace(traceId)
  }
}

function ms(seconds) {
  return `${Math.round(seconds * 1000)} ms`
}
