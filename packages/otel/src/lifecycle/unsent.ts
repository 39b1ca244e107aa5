import type { AccountLine } from '../export/account.ts'

/**
 * What is lost with the process, for the last line we write; `undefined` when nothing is. A collector that hangs is never
 * "unreachable", so without this line a short program would lose everything in silence. Runtime metrics alone are not
 * worth a line: `node -p 1+1` has some.
 *
 * @example
 * renderUnsent(exported.account.lines()) // 'not delivered when the process ended: 6 spans, 78 metric points'
 */
export function renderUnsent(lines: readonly AccountLine[]): string | undefined {
  const lost = names.flatMap(({ signal, one, many }) => {
    const items = lines.reduce((sum, line) => (line.signal === signal ? sum + line.pending : sum), 0)
    return items === 0 ? [] : `${items} ${items === 1 ? one : many}`
  })
  const onlyMetrics = lines.every(line => line.pending === 0 || line.signal === 'metrics')
  return onlyMetrics ? undefined : `not delivered when the process ended: ${lost.join(', ')}`
}

const names = [
  { signal: 'traces', one: 'span', many: 'spans' },
  { signal: 'metrics', one: 'metric point', many: 'metric points' },
  { signal: 'logs', one: 'log record', many: 'log records' },
] as const
