import type { AccountLine } from '../export/account.ts'

/**
 * What is lost with the process, for the last line we write; `undefined` when nothing is. A collector that hangs is never
 * "unreachable", so without this line a short program would lose everything in silence. Runtime metrics alone are not
 * worth a line: `node -p 1+1` has some.
 *
 * What was sent in full and not answered may have arrived: it is counted apart. `openSpans`: those in flight for which
 * there was no room.
 *
 * @example
 * renderUnsent(exported.account.lines()) // 'not delivered when the process ended: 6 spans, 78 metric points'
 */
export function renderUnsent(lines: readonly AccountLine[], openSpans = 0): string | undefined {
  const lost = countItems(lines, line => line.pending - line.unconfirmed)
  if (openSpans > 0) lost.push(`${openSpans} ${openSpans === 1 ? 'span' : 'spans'} still open`)
  const unconfirmed = countItems(lines, line => line.unconfirmed)
  const onlyMetrics = lines.every(line => line.pending === 0 || line.signal === 'metrics')
  if (onlyMetrics && openSpans === 0) return undefined
  const parts: string[] = []
  if (lost.length > 0) parts.push(`not delivered when the process ended: ${lost.join(', ')}`)
  if (unconfirmed.length > 0) parts.push(`sent, but not confirmed: ${unconfirmed.join(', ')}`)
  return parts.join('; ')
}

function countItems(lines: readonly AccountLine[], count: (line: AccountLine) => number): string[] {
  return names.flatMap(({ signal, one, many }) => {
    const items = lines.reduce((sum, line) => (line.signal === signal ? sum + count(line) : sum), 0)
    return items === 0 ? [] : [`${items} ${items === 1 ? one : many}`]
  })
}

const names = [
  { signal: 'traces', one: 'span', many: 'spans' },
  { signal: 'metrics', one: 'metric point', many: 'metric points' },
  { signal: 'logs', one: 'log record', many: 'log records' },
] as const
