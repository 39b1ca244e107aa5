// What the checks say: where, what is wrong, and what to do. An error stops a deployment, a warning is worth reading.

export interface Finding {
  readonly level: 'error' | 'warning'
  /** Relative to the folder that is checked. */
  readonly file: string
  /** Inside the file: `exporters.otlp_grpc/tempo.endpoint`. */
  readonly where: string
  readonly problem: string
  readonly fix: string
}

export type Report = (level: Finding['level'], where: string, problem: string, fix: string) => void

/** Collects what a check of one file says. */
export function reporter(file: string, findings: Finding[]): Report {
  return (level, where, problem, fix) => findings.push({ level, file, where, problem, fix })
}

export function renderFinding({ level, file, where, problem, fix }: Finding): string {
  return `${level === 'error' ? 'ERROR  ' : 'warning'} ${file}: ${where}: ${problem}\n        ${fix}\n`
}
