// Wall-clock milliseconds with the monotonic clock's fraction: one `performance.now()` per reading (about 40 ns), no `Date.now()`.
// The anchor follows the wall clock (NTP steps, suspended machines); a span keeps the anchor of its local trace, so that a
// correction in the middle of a request never makes a child start before its parent or end before it started.
import type { TimeInput } from '@opentelemetry/api'

const checkEveryMs = 10_000
// `Date.now()` is cut to whole milliseconds: a difference below this is not drift.
const toleratedDriftMs = 2

let origin = performance.timeOrigin
let checkedAt = Number.NEGATIVE_INFINITY

/** Milliseconds since the process started, monotonic. */
export function monotonicMs(): number {
  return performance.now()
}

/** What to add to `monotonicMs()` to get milliseconds since the epoch. */
export function clockOrigin(monotonicNow: number): number {
  if (monotonicNow - checkedAt > checkEveryMs) {
    checkedAt = monotonicNow
    const drift = Date.now() - (origin + monotonicNow)
    if (drift > toleratedDriftMs || drift < -toleratedDriftMs) origin += drift
  }
  return origin
}

/**
 * Any of the API's time inputs as milliseconds since the epoch: `[seconds, nanoseconds]`, a `Date`, epoch milliseconds,
 * or a `performance.now()` reading (a number not above the current one). Anything else, NaN included, means now.
 */
export function toEpochMs(time: TimeInput | undefined, spanOrigin: number): number {
  let ms = Number.NaN
  if (typeof time === 'number') ms = time <= performance.now() ? spanOrigin + time : time
  else if (isHrTime(time)) ms = time[0] * 1e3 + time[1] / 1e6
  else if (isDate(time)) ms = readDate(time)
  return Number.isFinite(ms) ? ms : spanOrigin + performance.now()
}

export function isTimeInput(value: unknown): value is TimeInput {
  return typeof value === 'number' || (typeof value === 'object' && (isDate(value) || isHrTime(value)))
}

// Proxies may throw at any question.
function isDate(value: unknown): value is Date {
  try {
    return value instanceof Date
  } catch {
    return false
  }
}

function readDate(date: Date): number {
  try {
    return date.getTime()
  } catch {
    return Number.NaN
  }
}

function isHrTime(value: unknown): value is [number, number] {
  try {
    return (
      Array.isArray(value) &&
      value.length === 2 &&
      typeof value[0] === 'number' &&
      typeof value[1] === 'number'
    )
  } catch {
    return false
  }
}

/** Milliseconds since the epoch as `[seconds, nanoseconds]`. */
export function toHrTime(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1e3)
  const nanos = Math.round((ms - seconds * 1e3) * 1e6)
  return nanos >= 1e9 ? [seconds + 1, nanos - 1e9] : [seconds, nanos]
}
