// Reads a /metrics page as Prometheus does, as far as the story needs it.

export const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

/**
 * The buckets of a histogram, summed over its labels, smallest bound first, with their exemplars:
 * `{ bound, count, exemplar?: { labels, value } }`. Counts are cumulative, as on the page.
 */
export function readHistogram(page, name) {
  const buckets = new Map()
  for (const line of page.split('\n')) {
    if (!line.startsWith(`${name}_bucket{`)) continue
    const [sample, exemplarText] = line.split(' # ')
    const [, labels, count] = /^\S+\{(.*)\} (\S+)/.exec(sample)
    const bound = Number(/le="([^"]+)"/.exec(labels)[1].replace('+Inf', 'Infinity'))
    const bucket = buckets.get(bound) ?? { bound, count: 0, exemplar: undefined }
    buckets.set(bound, bucket)
    bucket.count += Number(count)
    const exemplar = exemplarText && /^\{(.*)\} (\S+)/.exec(exemplarText)
    if (exemplar) {
      const pairs = [...exemplar[1].matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value])
      bucket.exemplar = { labels: Object.fromEntries(pairs), value: Number(exemplar[2]) }
    }
  }
  return [...buckets.values()].sort((a, b) => a.bound - b.bound)
}

/** The quantile as PromQL's histogram_quantile estimates it, in the unit of the bounds. */
export function quantile(buckets, q) {
  const total = buckets.at(-1)?.count ?? 0
  const rank = q * total
  let below = { bound: 0, count: 0 }
  for (const bucket of buckets) {
    if (bucket.count >= rank && bucket.count > below.count) {
      if (bucket.bound === Number.POSITIVE_INFINITY) return below.bound
      return (
        below.bound + ((bucket.bound - below.bound) * (rank - below.count)) / (bucket.count - below.count)
      )
    }
    below = bucket
  }
  return Number.NaN
}

/** The exemplars, that of the slowest bucket first. */
export function exemplarsBySlowness(buckets) {
  return buckets.flatMap(({ exemplar }) => exemplar ?? []).reverse()
}
