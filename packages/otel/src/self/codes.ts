// Every code a person can read on stderr. A code is never reused and never changes its meaning; docs/errors.md is
// generated from these rows (`scripts/docs.mjs`) and a test compares both with the places that say them.

export interface CodeRow {
  readonly code: string
  readonly level: 'error' | 'warn' | 'info' | 'debug'
  /** What happened. */
  readonly says: string
  /** What we do about it, and what the reader can do. */
  readonly action: string
}

export const codes = [
  {
    code: 'ORG_OTEL_CONFIG_INVALID',
    level: 'warn',
    says: 'The value of a setting cannot be used.',
    action:
      'The line says what was expected and what is used instead. Correct the value where the line says it came from.',
  },
  {
    code: 'ORG_OTEL_CONFIG_UNKNOWN',
    level: 'warn',
    says: 'A name that looks like a setting is not one; most often it is misspelt.',
    action: 'It is ignored. Use the name the line suggests, or remove it.',
  },
  {
    code: 'ORG_OTEL_CONFIG_CONFLICT',
    level: 'warn',
    says: 'Two settings contradict each other, or a setting has no effect because of another.',
    action: 'The line says which one won. Remove the other.',
  },
  {
    code: 'ORG_OTEL_CONFIG_FILE',
    level: 'error',
    says: 'The file named by OTEL_CONFIG_FILE cannot be read, is not YAML, or has an unsupported file_format.',
    action: 'The environment is used as if OTEL_CONFIG_FILE were not set. Correct the file or the path.',
  },
  {
    code: 'ORG_OTEL_CONFIG_UNUSED',
    level: 'warn',
    says: 'A part of the configuration file is valid elsewhere but has no effect here.',
    action: 'That part is ignored, the rest of the file applies.',
  },
  {
    code: 'ORG_OTEL_PACKAGE_JSON',
    level: 'warn',
    says: 'The package.json nearest to the entry point cannot be read as JSON.',
    action: 'service.name falls back to unknown_service:node. Set OTEL_SERVICE_NAME or repair the file.',
  },
  {
    code: 'ORG_OTEL_RESOURCE_LOOKUP',
    level: 'warn',
    says: 'A cloud metadata lookup that was asked for failed or took longer than two seconds.',
    action:
      'Telemetry is sent without these attributes. Remove the detector from OTEL_NODE_RESOURCE_DETECTORS if the process does not run there.',
  },
  {
    code: 'ORG_OTEL_ARGUMENT',
    level: 'error',
    says: 'start() was called with an option that cannot be used.',
    action: 'start() throws an error with this code that lists every bad option.',
  },
  {
    code: 'ORG_OTEL_DIAG',
    level: 'info',
    says: 'A message of the OpenTelemetry API or of an upstream instrumentation.',
    action: 'The text is theirs. OTEL_LOG_LEVEL decides how much of it is shown.',
  },
  {
    code: 'ORG_OTEL_SETTINGS',
    level: 'debug',
    says: 'One setting that differs from its default, with its origin; secrets are hidden.',
    action: 'Nothing to do. Shown with OTEL_LOG_LEVEL=debug.',
  },
  {
    code: 'ORG_OTEL_METRICS_CALLBACK',
    level: 'warn',
    says: 'A callback of an observable metric of the application failed or took too long.',
    action: 'Its metric is left out of this interval, all others are sent. The line carries the error.',
  },
  {
    code: 'ORG_OTEL_METRICS_EXPORT',
    level: 'warn',
    says: 'The metrics of one interval could not be collected or handed over.',
    action: 'Totals catch up with the next interval. If it repeats, look at the error in the line.',
  },
  {
    code: 'ORG_OTEL_PROMETHEUS_PORT',
    level: 'warn',
    says: 'The Prometheus exporter cannot listen on its address, most often because another process or worker does.',
    action:
      'The application goes on without a /metrics page of its own. Set OTEL_EXPORTER_PROMETHEUS_PORT (and _HOST).',
  },
  {
    code: 'ORG_OTEL_EXEMPLARS_OFF',
    level: 'warn',
    says: 'Exemplars were asked for, but the library that holds the metrics is not one we know.',
    action: 'Metrics work as without exemplars. The line says which part was not as expected.',
  },
  {
    code: 'ORG_OTEL_INTERNAL',
    level: 'error',
    says: 'Our own code failed. The application is not affected.',
    action: 'Please report it with the line.',
  },
] as const satisfies readonly CodeRow[]

export type Code = (typeof codes)[number]['code']
