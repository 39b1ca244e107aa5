// One bucket's exemplar. The best observation since the last change waits as the candidate; a scrape publishes it,
// at most once per interval, so that two scrapers see the same exemplar and storage is not flooded.

export interface Exemplar {
  readonly value: number
  /** Milliseconds since the epoch. */
  readonly timeMs: number
  readonly labels: Readonly<Record<string, string>>
}

export interface ExemplarSlot {
  /** Candidate; `timeMs` 0 means that there is none. */
  value: number
  timeMs: number
  isError: boolean
  /** Observations since the clock was last asked. */
  offers: number
  labels: Readonly<Record<string, string>> | undefined
  published: Exemplar | undefined
  publishedMs: number
}

export function createSlot(): ExemplarSlot {
  return {
    value: 0,
    timeMs: 0,
    isError: false,
    offers: 0,
    labels: undefined,
    published: undefined,
    publishedMs: 0,
  }
}

/** After about this time a candidate gives way to any newer one: its trace may be gone from the backend. */
export const staleMs = 60_000

/** What the page shows now. `intervalMs` 0 shows every candidate at once. */
export function publish(slot: ExemplarSlot, nowMs: number, intervalMs: number): Exemplar | undefined {
  const due = slot.published === undefined || nowMs - slot.publishedMs >= intervalMs
  if (due && slot.timeMs !== 0 && slot.labels !== undefined) {
    slot.published = { value: slot.value, timeMs: slot.timeMs, labels: slot.labels }
    slot.publishedMs = nowMs
    slot.timeMs = 0
    slot.labels = undefined
  }
  return slot.published
}
