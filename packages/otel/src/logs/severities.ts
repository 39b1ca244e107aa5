/** The six bands of the log data model; each has four severity numbers. */
export const severityNames = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
export type SeverityName = (typeof severityNames)[number]

/** Of a severity number, 1 to 24; undefined when unspecified. */
export function nameOfSeverity(severityNumber: number | undefined): SeverityName | undefined {
  return severityNumber === undefined ? undefined : severityNames[Math.ceil(severityNumber / 4) - 1]
}
