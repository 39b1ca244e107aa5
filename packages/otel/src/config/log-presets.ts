import type { Config, LogFields } from './config.ts'

/** Field names by preset, the same as `@org/otel-logging` uses; an empty name leaves the field out. */
export const logPresets: Readonly<Record<Config['logs']['preset'], LogFields>> = {
  default: { traceId: 'trace_id', spanId: 'span_id', traceFlags: 'trace_flags' },
  dotted: { traceId: 'trace.id', spanId: 'span.id', traceFlags: 'trace.flags' },
  // Elastic Common Schema has no field for the flags.
  ecs: { traceId: 'trace.id', spanId: 'span.id', traceFlags: '' },
  datadog: { traceId: 'dd.trace_id', spanId: 'dd.span_id', traceFlags: '' },
  gcp: {
    traceId: 'logging.googleapis.com/trace',
    spanId: 'logging.googleapis.com/spanId',
    traceFlags: 'logging.googleapis.com/trace_sampled',
  },
}
