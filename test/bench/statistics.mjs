/** The value a share `q` of the list is below; NaN for an empty list. */
export function quantile(list, q) {
  const sorted = list.filter(Number.isFinite).sort((a, b) => a - b)
  if (sorted.length === 0) return Number.NaN
  const at = (sorted.length - 1) * q
  const low = Math.floor(at)
  const high = Math.ceil(at)
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low)
}

export const median = list => quantile(list, 0.5)

/** Median and quartiles: the spread that is reported with every figure. */
export function summarize(list) {
  return { median: median(list), low: quantile(list, 0.25), high: quantile(list, 0.75), rounds: list.length }
}

/** What `of` adds to `base`, round by round, as a share of what `other` adds. */
export function addedShare(of, other, base) {
  return of.map((value, i) => (value - base[i]) / (other[i] - base[i]))
}
