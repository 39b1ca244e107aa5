// How many values were hidden, by kind: `org.otel.redactions`. One per process, as the metric is.

/** What can be hidden, and switched by `ORG_OTEL_REDACTION`. */
export const redactionKinds = ['url', 'credential', 'statement', 'argument', 'personal', 'pattern'] as const
export type RedactionKind = (typeof redactionKinds)[number]

export const tally: Record<RedactionKind, number> = {
  url: 0,
  credential: 0,
  statement: 0,
  argument: 0,
  personal: 0,
  pattern: 0,
}
