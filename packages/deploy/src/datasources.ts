// The three data sources of Grafana. Provisioning and dashboards name them by these uids, so that a dashboard needs no
// choice when it is imported. Change a uid here and in the provisioning together: a test compares them.

export const datasources = {
  metrics: { uid: 'prometheus', type: 'prometheus', name: 'Prometheus' },
  traces: { uid: 'tempo', type: 'tempo', name: 'Tempo' },
  logs: { uid: 'loki', type: 'loki', name: 'Loki' },
} as const

export type Datasource = keyof typeof datasources
