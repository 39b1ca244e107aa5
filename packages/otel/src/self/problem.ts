/** What was wrong with a setting: said once, with its code, its origin, what was done and what to do. */
export interface Problem {
  /** Stable, never reused: `ORG_OTEL_...`. */
  readonly code: string
  /** How loudly it is said; absent: `warn`. */
  readonly level?: 'warn' | 'info'
  /** What was asked, with its origin: `OTEL_TRACES_SAMPLER_ARG="1.5" (environment)`. */
  readonly subject: string
  /** What is wrong, what we did, and what to do: `expected 0 to 1; using 1`. */
  readonly message: string
}
