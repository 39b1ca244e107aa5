import type { Parse } from './parse.ts'

export type Group =
  | 'General'
  | 'Identity'
  | 'Sending'
  | 'Traces'
  | 'Sampling'
  | 'Metrics'
  | 'Logs'
  | 'Instrumentations'
  | 'HTTP'
  | 'Redaction'
  | 'Process'

/** One thing that can be set. From these rows come the types, the docs page, the redaction and the list of known names. */
export interface Setting<K extends string = string, T = any> {
  readonly key: K
  /** Environment variables, the first that is set wins. */
  readonly env: readonly string[]
  readonly parse: Parse<T>
  readonly fallback: T
  readonly group: Group
  readonly says: string
  /**
   * The value never leaves the process, not even at debug level. An `endpoint` may hold a credential: it is shown when it
   * is nothing but scheme, host, port and path.
   */
  readonly secret?: true | 'endpoint'
  /** Defined by the OpenTelemetry specification (and not only by Node's SDK or by us). */
  readonly spec?: true
  /** The default as people read it, where the value itself does not say it. */
  readonly shown?: string
}

export function setting<const K extends string, T>(row: Setting<K, T>): Setting<K, T> {
  return row
}
