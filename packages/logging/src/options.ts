// What can be chosen about the fields, once for all loggers of a process.

export type Preset = 'default' | 'ecs' | 'datadog' | 'gcp' | 'dotted'

/** Names of the three fields; an empty string leaves a field out. */
export interface FieldNames {
  traceId: string
  spanId: string
  traceFlags: string
}

export interface CorrelationOptions {
  /** Ready-made names and formats. Default: `trace_id`, `span_id`, `trace_flags`. */
  preset?: Preset
  /** Overrides single names of the preset. */
  fields?: Partial<FieldNames>
  /** Puts the fields into one object of this name instead of the top level of the line. */
  nested?: string
  /** Baggage entries that become fields `baggage.<key>`; nothing else of the baggage is ever logged. */
  baggageKeys?: readonly string[]
  /** Field that carries the inbound request id (`X-Request-ID`), when the server recorded one. */
  requestIdField?: string
  /** Put on every line, inside a span and outside: `service.name` and `service.version`, `dd.service` for `datadog`. */
  service?: { readonly name: string; readonly version?: string }
  /** Google Cloud project, which the `gcp` preset needs to print `projects/<id>/traces/<trace>`. */
  gcpProject?: string
}
