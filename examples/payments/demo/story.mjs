// The story of the demo, one link after the other. Each link finds something through the one before it, as a person
// on call would: nothing here knows the trace id until the exemplar has told it.
import { findInsights, findLinked, renderLogs, renderTrace } from '@org/otel-devtools'
import {
  checkInsights,
  checkLogs,
  checkMetricsPage,
  checkReceiver,
  checkTrace,
  silentServices,
} from './checks.mjs'
import { exemplarsBySlowness, openMetrics, quantile, readHistogram } from './metrics-page.mjs'

const histogram = 'payment_duration_seconds'
const arrivalTimeoutMs = 15_000

/**
 * Walks the story, gives its paragraphs to `print` and returns its checks: `{ name, ok, detail }`.
 * Without a receiver (the telemetry goes elsewhere) `ok` of the links that need one is undefined: not checked.
 */
export async function tellStory({ platform, receiver, answers, print, width, color }) {
  const checks = []
  const title = text => print(`\n${color ? `\x1b[1m${text}\x1b[0m` : text}`)
  const indented = text => print(text.replace(/^/gm, '   '))

  const paid = answers.filter(answer => answer.status === 201).length
  const detail = `${paid} of ${answers.length}`
  checks.push({ name: 'every payment was answered', ok: paid === answers.length, detail })

  title('1. The page Prometheus scrapes shows a slow p99')
  const url = `${platform.service('payment-orchestrator').url}/metrics`
  const page = await scrape(url, openMetrics)
  const plain = await scrape(url, 'text/plain')
  const buckets = readHistogram(page, histogram)
  const [p50, p99] = [quantile(buckets, 0.5), quantile(buckets, 0.99)]
  indented(`${url}\n${histogram}: p50 ${ms(p50)}, p99 ${ms(p99)} of ${buckets.at(-1)?.count ?? 0} payments`)

  const lines = id => platform.logs.filter(line => id !== undefined && line.traceId === id)
  const checkOf = exemplar => {
    const id = exemplar.labels.trace_id
    const trace = receiver.store.trace(id)
    return [...checkTrace(trace, exemplar), ...checkLogs(lines(id), trace, platform.logs.length)]
  }
  const exemplars = exemplarsBySlowness(buckets)
  const exemplar = receiver ? await waitForStory(receiver, exemplars, checkOf) : exemplars[0]
  const traceId = exemplar?.labels.trace_id

  title('2. The exemplar in its slowest bucket names one payment')
  checks.push(...checkMetricsPage({ page, plain, buckets, p50, p99, paid, exemplar: exemplars[0] }))
  if (exemplar === undefined) indented('There is none.')
  else indented(`trace_id="${traceId}" span_id="${exemplar.labels.span_id}" ${ms(exemplar.value)}`)
  for (const { labels, value } of exemplars.slice(0, Math.max(0, exemplars.indexOf(exemplar))))
    indented(
      `(${ms(value)} were a stall of this machine: trace ${labels.trace_id} has nothing slow of its own)`,
    )

  title('3. That trace, across every service and through Kafka')
  const trace = receiver && traceId && receiver.store.trace(traceId)
  if (trace) {
    const linked = findLinked(receiver.store, trace)
    indented(renderTrace(trace, { width: width - 3, color, linked, drawLinked: false, insights: false }))
    if (linked.length > 0) indented(`+ ${linked.length} linked traces: the batches that carried its messages`)
  } else
    indented(receiver ? 'It did not arrive.' : `It was sent to ${process.env.OTEL_EXPORTER_OTLP_ENDPOINT}.`)

  title('4. What is wrong with it')
  const insights = trace ? findInsights(trace) : []
  for (const insight of insights) indented(`${insight.kind}: ${insight.message}`)

  title('5. The log lines of that payment, and of no other')
  indented(renderLogs(lines(traceId), { color, width: width - 3, ...(trace && { sinceMs: trace.startMs }) }))

  const found = [{ name: 'the trace of the exemplar arrived', ok: Boolean(trace), detail: traceId }]
  found.push(...checkTrace(trace, exemplar), ...checkInsights(insights))
  checks.push(...(receiver ? found : found.map(notChecked)))
  checks.push(...checkLogs(lines(traceId), trace, platform.logs.length))
  if (receiver) {
    await waitForMetrics(receiver, platform.names)
    checks.push(...checkReceiver(receiver, platform.names))
  }
  const failed = platform.names.filter(name =>
    platform.service(name).errors.some(line => line.includes('ORG_OTEL_INTERNAL')),
  )
  checks.push({ name: 'nothing inside us failed', ok: failed.length === 0, detail: failed.join(', ') })
  return checks
}

function notChecked({ name }) {
  return { name, ok: undefined, detail: 'not checked, the telemetry goes elsewhere' }
}

async function scrape(url, accept) {
  const response = await fetch(url, { headers: { accept } })
  return response.text()
}

/**
 * Waits until everything that is on its way has come; what does not come is reported as missing. Resolves to the exemplar
 * to go by: the slowest, unless the machine had stalled a quick payment for longer, as busy ones do.
 */
async function waitForStory({ store }, exemplars, checkOf) {
  const whole = () => exemplars.find(exemplar => checkOf(exemplar).every(check => check.ok))
  if (exemplars.length === 0) return undefined
  try {
    return await store.waitFor(whole, { timeoutMs: arrivalTimeoutMs })
  } catch {
    return exemplars[0]
  }
}

/** The services send them every two seconds; on a fast machine the story is told sooner. */
async function waitForMetrics({ store }, names) {
  const all = store => silentServices(store, names).length === 0
  await store.waitFor(all, { timeoutMs: arrivalTimeoutMs }).catch(() => {})
}

function ms(seconds) {
  return `${Math.round(seconds * 1000)} ms`
}
