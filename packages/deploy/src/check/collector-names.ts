// Components of the Collector that were renamed or removed, so that a snippet from the web is recognised.
// Sources: changelogs of opentelemetry-collector and opentelemetry-collector-contrib.

/** The release that the configurations here are written for, and tested with. */
export const collectorVersion = '0.159.0'

/** The oldest release that knows every name we use: `load_balancing`, the last of them, came with it. */
export const oldestCollector = [0, 153] as const

type Section = 'receivers' | 'processors' | 'exporters' | 'connectors' | 'extensions'

export const componentNames: readonly {
  readonly section: Section
  readonly name: string
  readonly since: string
  readonly now: string
  /** An old name that still works is a warning. */
  readonly works: boolean
}[] = [
  {
    section: 'exporters',
    name: 'loki',
    since: '0.131',
    now: 'otlp_http/loki with `endpoint: http://loki:3100/otlp`',
    works: false,
  },
  { section: 'exporters', name: 'logging', since: '0.111', now: 'debug', works: false },
  {
    section: 'exporters',
    name: 'jaeger',
    since: '0.86',
    now: 'otlp_grpc to port 4317 of Jaeger',
    works: false,
  },
  { section: 'exporters', name: 'otlp', since: '0.144', now: 'otlp_grpc', works: true },
  { section: 'exporters', name: 'otlphttp', since: '0.144', now: 'otlp_http', works: true },
  { section: 'exporters', name: 'loadbalancing', since: '0.153', now: 'load_balancing', works: true },
  {
    section: 'exporters',
    name: 'prometheusremotewrite',
    since: '0.153',
    now: 'prometheus_remote_write',
    works: true,
  },
  { section: 'connectors', name: 'spanmetrics', since: '0.153', now: 'span_metrics', works: true },
  {
    section: 'processors',
    name: 'spanmetrics',
    since: '0.99',
    now: 'the connector span_metrics',
    works: false,
  },
  { section: 'processors', name: 'k8sattributes', since: '0.147', now: 'k8s_attributes', works: true },
  {
    section: 'processors',
    name: 'resourcedetection',
    since: '0.153',
    now: 'resource_detection',
    works: true,
  },
  {
    section: 'extensions',
    name: 'memory_ballast',
    since: '0.109',
    now: 'the environment variable GOMEMLIMIT',
    works: false,
  },
]
