// What must be true of the story: pure functions from what was found to `{ name, ok, detail }`.
import { companyAccounts } from './seed.mjs'

/** Every service the slow payment passes, with the kind of span it must be seen in. */
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
const loggers = {
  pino: ['payment-orchestrator', 'fraud-detection', 'notification', 'reconciliation'],
  winston: ['api-gateway', 'accounts-ledger', 'webhook-delivery'],
}

export function checkTrace(trace, exemplar) {
  const spans = trace?.spans ?? []
  const byId = new Map(spans.map(span => [span.spanId, span]))
  const missing = hops.filter(([service, kind]) => !spans.some(s => s.service === service && s.kind === kind))
  const orphans = spans.filter(span => span.parentSpanId !== undefined && !byId.has(span.parentSpanId))
  const consumers = spans.filter(span => span.kind === 'consumer')
  const carried = consumers.filter(span => byId.get(span.parentSpanId)?.kind === 'producer')
  const retried = consumers.some(span => span.attributes['messaging.destination.name'] === 'retries')
  const queries = spans.map(span => span.attributes['db.query.text']).filter(text => text !== undefined)
  return [
    { name: 'the span of the exemplar is in it', ok: byId.has(exemplar?.labels.span_id) },
    {
      name: 'it passes every service',
      ok: missing.length === 0,
      detail: `not ${missing.map(hop => hop.join(' ')).join(', ')}`,
    },
    {
      name: 'every span has its parent',
      ok: trace?.root !== undefined && orphans.length === 0,
      detail: `${orphans.length} do not`,
    },
    {
      name: 'Kafka carried it: each consumer is the child of a producer',
      ok: consumers.length >= 3 && carried.length === consumers.length,
      detail: `${carried.length} of ${consumers.length}`,
    },
    { name: 'the failed webhook and its retry are in it', ok: retried && trace.errors > 0 },
    {
      name: 'its queries are there, without values',
      ok: queries.length > companyAccounts && queries.every(text => text.includes('$1')),
      detail: `${queries.length} queries`,
    },
  ]
}

export function checkInsights(insights) {
  const repeated = insights.find(insight => insight.kind === 'n+1')
  const ok =
    repeated?.spans.length === companyAccounts && repeated.message.startsWith(`${companyAccounts} x SELECT`)
  return [{ name: 'the N+1 is named', ok, detail: repeated?.message ?? 'nothing found' }]
}

/** `lines`: those of the trace; `all`: how many the services wrote. */
export function checkLogs(lines, trace, all) {
  const ids = new Set(trace?.spans.map(span => span.spanId))
  const perLibrary = Object.entries(loggers).flatMap(([library, services]) => {
    const silent = services.filter(service => !lines.some(line => line.service === service))
    const stray = lines.filter(line => services.includes(line.service) && trace && !ids.has(line.spanId))
    return [
      {
        name: `${library} lines carry the trace`,
        ok: silent.length === 0,
        detail: `not ${silent.join(', ')}`,
      },
      {
        name: `${library} lines name a span of it`,
        ok: stray.length === 0,
        detail: `${stray.length} do not`,
      },
    ]
  })
  const payments = new Set(lines.map(line => line.attributes.payment).filter(Boolean))
  return [
    ...perLibrary,
    {
      name: 'all of them are about one payment',
      ok: payments.size === 1,
      detail: `${payments.size} payments`,
    },
    { name: 'what else the services wrote has other traces', ok: lines.length > 0 && all > lines.length * 2 },
  ]
}

export function checkMetricsPage({ page, plain, buckets, p50, p99, paid, exemplar }) {
  return [
    {
      name: 'the histogram counted every payment',
      ok: buckets.at(-1)?.count === paid,
      detail: `${buckets.at(-1)?.count} of ${paid}`,
    },
    { name: 'the p99 is a spike', ok: p99 > 2 * p50, detail: `${p50} s -> ${p99} s` },
    { name: 'the page is OpenMetrics when asked for', ok: page.endsWith('# EOF\n') },
    {
      name: 'a plain scrape is as it was: no exemplars',
      ok: !plain.includes(' # {') && !plain.includes('# EOF'),
    },
    {
      name: 'the slowest bucket has an exemplar with trace_id and span_id',
      ok: /^[0-9a-f]{32}$/.test(exemplar?.labels.trace_id) && /^[0-9a-f]{16}$/.test(exemplar?.labels.span_id),
    },
  ]
}

/** Those of the services that have sent no metrics yet. */
export function silentServices(store, services) {
  const measured = new Set(store.metrics().map(series => series.service))
  return services.filter(name => !measured.has(name))
}

export function checkReceiver(receiver, services) {
  const probes = receiver.store.spans({ attributes: { 'url.path': /^\/(?:health|metrics)$/ } })
  const silent = silentServices(receiver.store, services)
  const refused = Object.values(receiver.stats.rejected).reduce((a, b) => a + b, 0)
  return [
    {
      name: 'health checks and scrapes are not traced',
      ok: probes.length === 0,
      detail: `${probes.length} are`,
    },
    { name: 'every service sends metrics', ok: silent.length === 0, detail: `not ${silent.join(', ')}` },
    { name: 'the receiver refused nothing', ok: refused === 0, detail: receiver.stats.lastRejection },
  ]
}
