/** Recovery is noticed within this time after the collector is back. */
const capMs = 8000
const baseMs = 1000
/** Below this a refused connection would be retried in a tight loop. */
const floorMs = 100

/**
 * Exponential back-off with full jitter: many processes lose the same collector at the same moment and must not all
 * come back at the same moment. `failures` counts from 1; `random` is in [0, 1).
 */
export function computeBackoffMs(failures: number, random: number): number {
  const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(failures - 1, 16))
  return floorMs + random * (ceiling - floorMs)
}
