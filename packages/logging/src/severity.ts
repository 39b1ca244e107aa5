// Severity numbers of the log data model: 1 TRACE, 5 DEBUG, 9 INFO, 13 WARN, 17 ERROR, 21 FATAL, with three steps between.
// Source: specification, logs data model, "Severity fields" and its appendix of mappings.

export const errorSeverity = 17

/**
 * Of pino's and bunyan's level numbers (10 to 60). Custom levels fall between their neighbours: 35 is INFO3, above
 * `info` and below `warn`.
 */
export function severityOfLevel(level: number): number {
  if (!(level >= 10)) return 1
  return Math.min(24, Math.floor((level - 10) * 0.4) + 1)
}

/** winston's npm, syslog and cli levels and the names other people use; as `@opentelemetry/winston-transport` has them. */
const named: Readonly<Record<string, number>> = {
  // syslog
  emerg: 23,
  alert: 22,
  crit: 21,
  warning: 13,
  notice: 10,
  // npm
  error: 17,
  warn: 13,
  info: 9,
  http: 7,
  verbose: 6,
  debug: 5,
  silly: 1,
  // cli
  help: 11,
  data: 10,
  prompt: 4,
  input: 2,
  // common among custom levels
  emergency: 23,
  fatal: 21,
  critical: 21,
  trace: 1,
}
const cliVerbose = 3

/**
 * Of a winston level. `levels` is the logger's own table (name to rank, the smaller the more severe). A name nobody knows
 * gets a step above the next less severe name of its table that is known; 0, unspecified, if there is none.
 */
export function severityOfName(name: string, levels: Readonly<Record<string, number>> | undefined): number {
  // The cli levels put `verbose` below `prompt`.
  if (name === 'verbose' && levels !== undefined && 'prompt' in levels) return cliVerbose
  const known = lookUp(name)
  if (known !== 0 || levels === undefined) return known
  const rank = levels[name]
  if (typeof rank !== 'number') return 0
  let closest = Number.POSITIVE_INFINITY
  let severity = 0
  let lowest = 25
  for (const other of Object.keys(levels)) {
    const otherRank = levels[other] as number
    const otherSeverity = lookUp(other)
    if (otherSeverity === 0) continue
    if (otherRank < rank) lowest = Math.min(lowest, otherSeverity)
    else if (otherRank < closest) {
      closest = otherRank
      severity = otherSeverity
    }
  }
  if (severity === 0) return lowest === 25 ? 0 : Math.max(1, lowest - 1)
  return Math.min(24, severity + 1, Math.max(severity, lowest - 1))
}

function lookUp(name: string): number {
  const key = name.toLowerCase()
  return Object.hasOwn(named, key) ? (named[key] as number) : 0
}
