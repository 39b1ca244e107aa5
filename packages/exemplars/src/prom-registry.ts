// The page: `Registry.metrics()` answers in the format the scraper asked for. Everything else about a registry
// (its content type, its metrics, their names) stays as it is.
import { createRequire } from 'node:module'
import { isMainThread } from 'node:worker_threads'
import { type PromRegistry, renderPage } from './page.ts'
import { attachExemplar, readExemplar } from './prom-exemplar.ts'
import {
  type PromClient,
  type PromData,
  type PromExemplar,
  type PromRow,
  replaceMethod,
} from './prom-metric.ts'
import type { Scrape } from './scrape.ts'
import { shared, swallow } from './shared.ts'

export function patchRegistry(client: PromClient): void {
  const proto = client.Registry.prototype
  const metrics = proto.metrics
  // @platformatic/prom-client answers at once where it can: then so do we.
  const isAsync = metrics.constructor.name === 'AsyncFunction'
  replaceMethod(proto, 'metrics', function (...args) {
    const scrape = shared.scrapes.getStore()
    const plain = () => metrics.apply(this, args)
    if (scrape !== undefined) return isAsync ? serveLater(this, scrape, plain) : serve(this, scrape, plain)
    return openClusterScrapes > 0 && fromWorkers.has(this) ? rememberPage(this, plain()) : plain()
  })
  const toJson = proto.getMetricsAsJSON
  if (typeof toJson === 'function') {
    // Rows of a cluster worker or thread travel to the primary: there, and only there, exemplars travel with them.
    const isThread = !isMainThread && client.WorkerRegistry !== undefined
    replaceMethod(proto, 'getMetricsAsJSON', function (...args) {
      const items = toJson.apply(this, args)
      const travels = isClusterWorker() || isThread || shared.scrapes.getStore() !== undefined
      if (!travels || !shared.options.enabled) return items
      return items instanceof Promise
        ? items.then(list => addExemplars(this, list))
        : addExemplars(this, items)
    })
  }
}

// Like prom-client, we load `cluster` only where it is in use: some application servers do not survive it.
function isClusterWorker(): boolean {
  return process.send !== undefined && createRequire(process.execPath)('node:cluster').isWorker === true
}

/** OpenMetrics while the response can still say so; otherwise what it would be without us. */
function serve(registry: PromRegistry, scrape: Scrape, plain: () => Page): Page {
  if (!shared.options.enabled || !scrape.accepts()) return plain()
  const answer = (page: string) => (scrape.commit() ? page : plain())
  try {
    const page = renderPage(registry)
    // A collect() that fails: prom-client reports it as it always does.
    return typeof page === 'string' ? answer(page) : page.then(answer, plain)
  } catch {
    return plain()
  }
}

async function serveLater(registry: PromRegistry, scrape: Scrape, plain: () => Page): Promise<string> {
  return serve(registry, scrape, plain)
}

type Page = Promise<string> | string

function addExemplars(registry: any, list: PromData[]): PromData[] {
  const nowMs = Date.now()
  try {
    for (const item of list) {
      const metric = registry.getSingleMetric(item.name)
      if (metric === undefined || !Array.isArray(item.values)) continue
      item.values.forEach((row: PromRow, i: number, rows: PromRow[]) => {
        const exemplar = readExemplar(metric, row, nowMs)
        // Rows of a counter are prom-client's live objects: copied, not written to.
        if (exemplar !== undefined) rows[i] = { ...row, exemplar }
      })
    }
  } catch (error) {
    swallow('getMetricsAsJSON', error)
  }
  return list
}

/** Registries made of workers' rows, and the plain pages made of them while a scraper waits for OpenMetrics. */
const fromWorkers = new WeakSet<object>()
const pages = new Map<string, PromRegistry>()
let openClusterScrapes = 0

export function patchCluster(client: PromClient): void {
  const Aggregator = client.AggregatorRegistry
  const owner = Object.hasOwn(client.Registry, 'aggregate') ? client.Registry : Aggregator
  if (typeof owner?.aggregate !== 'function') return
  const aggregate = owner.aggregate
  replaceMethod(owner, 'aggregate', function (metrics: PromData[][], ...rest) {
    const registry = aggregate.call(this, metrics, ...rest)
    try {
      fromWorkers.add(registry)
      carryExemplars(metrics, registry)
    } catch (error) {
      swallow('aggregate', error)
    }
    return registry
  })
  const clusterMetrics = Aggregator.prototype.clusterMetrics
  if (typeof clusterMetrics !== 'function') return
  replaceMethod(Aggregator.prototype, 'clusterMetrics', function (...args) {
    const scrape = shared.scrapes.getStore()
    const plain = () => clusterMetrics.apply(this, args)
    return scrape === undefined || !shared.options.enabled ? plain() : serveCluster(scrape, plain)
  })
}

// prom-client renders the aggregated registry when the last worker answers, outside of the scrape's context,
// and hands over nothing but the text. The text therefore leads back to its registry.
async function serveCluster(scrape: Scrape, plain: () => Page): Promise<string> {
  openClusterScrapes++
  try {
    const text = await plain()
    const registry = pages.get(text)
    return registry === undefined ? text : serve(registry, scrape, () => text)
  } finally {
    if (--openClusterScrapes === 0) pages.clear()
  }
}

async function rememberPage(registry: PromRegistry, page: Page): Promise<string> {
  const text = await page
  pages.set(text, registry)
  return text
}

/** Of several workers' exemplars for one bucket, the newest. */
function carryExemplars(metrics: readonly (readonly PromData[])[], registry: any): void {
  const newest = new Map<string, PromExemplar>()
  for (const item of metrics.flat()) {
    for (const row of item.values ?? []) {
      if (!row.exemplar?.labelSet) continue
      const key = rowKey(item.name, row)
      const known = newest.get(key)
      if (known === undefined || known.timestamp < row.exemplar.timestamp) newest.set(key, row.exemplar)
    }
  }
  if (newest.size === 0) return
  for (const metric of registry.getMetricsAsArray()) {
    for (const row of metric.values ?? []) {
      const exemplar = newest.get(rowKey(metric.name, row))
      if (exemplar !== undefined) attachExemplar(row, exemplar)
    }
  }
}

function rowKey(name: string, row: PromRow): string {
  return JSON.stringify([row.metricName ?? name, Object.entries(row.labels ?? {}).sort()])
}

/** A push goes to a gateway that knows the plain format only, even when a scrape's handler starts it. */
export function patchPushgateway(client: PromClient): void {
  const proto = client.Pushgateway?.prototype
  for (const name of ['push', 'pushAdd']) {
    const original = proto?.[name]
    if (typeof original !== 'function') continue
    replaceMethod(proto, name, function (...args) {
      return shared.scrapes.run(undefined, () => original.apply(this, args))
    })
  }
}
