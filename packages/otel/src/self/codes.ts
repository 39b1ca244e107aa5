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
    code: 'ORG_OTEL_INTERNAL',
    level: 'error',
    says: 'Our own code failed. The application is not affected.',
    action: 'Please report it with the line.',
  },
] as const satisfies readonly CodeRow[]

export type Code = (typeof codes)[number]['code']
