// What a Prometheus rule is, as data.

export interface Recording {
  readonly record: string
  readonly expr: string
  readonly labels?: Readonly<Record<string, string>>
}

/** `page` wakes somebody, `ticket` waits for the morning. */
export type Severity = 'page' | 'ticket'

export interface Alert {
  readonly alert: string
  readonly expr: string
  /** How long it must hold, `5m`; absent: at once. */
  readonly for?: string
  readonly severity: Severity
  /** One line with what is wrong and where, for the pager. */
  readonly summary: string
  /** What it means for users, and what is known. */
  readonly description: string
  /** The page in docs/runbooks, without `.md`. */
  readonly runbook: string
  readonly labels?: Readonly<Record<string, string>>
}

export interface RuleGroup {
  readonly name: string
  /** Default: the `evaluation_interval` of Prometheus. */
  readonly interval?: string
  readonly rules: readonly (Recording | Alert)[]
}
