// What a panel is, as data. `build-dashboard.ts` makes Grafana's JSON of it; tests read the queries from it.

/** One query in PromQL. `legend` is Grafana's format: `{{label}}`. */
export interface MetricsQuery {
  readonly expr: string
  readonly legend?: string
  /** Shows the traces behind the series: only for queries whose metric has exemplars. */
  readonly exemplars?: true
}

/** One search in TraceQL; its rows open the trace. */
export interface TracesQuery {
  readonly traceql: string
}

export type PanelKind = 'lines' | 'area' | 'heatmap' | 'table' | 'bars' | 'number' | 'traces'

/** Grafana's unit ids that are used here. */
export type Unit = 's' | 'ms' | 'reqps' | 'percentunit' | 'bytes' | 'short' | 'ops' | 'Bps'

interface Common {
  readonly title: string
  /** Shown behind the (i): what one sees and when to worry. */
  readonly says: string
  /** Columns out of 24. */
  readonly width?: number
  readonly height?: number
}

export interface MetricsPanel extends Common {
  readonly kind: Exclude<PanelKind, 'traces'>
  readonly unit: Unit
  readonly queries: readonly MetricsQuery[]
  /** Upper end of the axis: 1 for shares. */
  readonly max?: number
}

export interface TracesPanel extends Common {
  readonly kind: 'traces'
  readonly queries: readonly TracesQuery[]
}

export type Panel = MetricsPanel | TracesPanel

export interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
}

/** A choice at the top of the dashboard: the values of one label of one metric. */
export interface Variable {
  readonly name: string
  readonly label: string
  readonly metric: string
  readonly of: string
}

export interface DashboardSpec {
  /** Also the file name, and part of the address. */
  readonly uid: string
  readonly title: string
  readonly says: string
  readonly variables: readonly Variable[]
  readonly rows: readonly Row[]
}
