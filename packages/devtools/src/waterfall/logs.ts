// Log records as lines a person reads.
import type { LogRecord } from '../store/record.ts'
import { bodyText } from '../store/store.ts'
import { clean, cut, fit, painter } from './text.ts'

export interface RenderLogsOptions {
  readonly color?: boolean
  /** Columns; longer lines are cut. Default: not cut. */
  readonly width?: number
  /** Times are shown relative to this moment (ms since the epoch) instead of as clock time. */
  readonly sinceMs?: number
}

const hidden = new Set(['trace_id', 'span_id', 'trace_flags'])

/** One line per record, in order of time. */
export function renderLogs(logs: readonly LogRecord[], options: RenderLogsOptions = {}): string {
  const paint = painter(options.color ?? false)
  const serviceWidth = Math.min(24, Math.max(0, ...logs.map(log => log.service.length)))
  return [...logs]
    .sort((a, b) => a.timeMs - b.timeMs)
    .map(log => {
      const level = log.severity.toUpperCase()
      const style = log.severityNumber >= 17 ? 'red' : log.severityNumber >= 13 ? 'yellow' : 'green'
      const head = `${time(log.timeMs, options.sinceMs)} ${fit(clean(level), 5)} ${fit(clean(log.service), serviceWidth)} `
      const attributes = Object.entries(log.attributes)
        .filter(([key]) => !hidden.has(key))
        .map(([key, value]) => `${clean(key)}=${clean(bodyText(value))}`)
        .join(' ')
      const rest = Math.max(10, (options.width ?? 1000) - head.length)
      const body = cut(clean(bodyText(log.body)), rest)
      const tail = attributes === '' ? '' : cut(`  ${attributes}`, Math.max(0, rest - body.length))
      const shownHead = head.replace(fit(clean(level), 5), paint(style, fit(clean(level), 5)))
      return `${shownHead}${body}${paint('dim', tail)}`
    })
    .join('\n')
}

function time(ms: number, sinceMs: number | undefined): string {
  if (sinceMs === undefined) return new Date(ms).toISOString().slice(11, 23)
  return `+${Math.max(0, ms - sinceMs).toFixed(0)}`.padStart(6)
}
