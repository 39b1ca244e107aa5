// Settings of other agents that are left in the environment after a change to us: without effect, and people look for the
// reason in the wrong place. Loaded only when there is one.
import type { Problem } from '../self/problem.ts'

interface Vendor {
  readonly prefix: string
  readonly name: string
  /** Their setting -> ours. */
  readonly ours: Readonly<Record<string, string>>
}

const attribute = (key: string): string => `${key} in OTEL_RESOURCE_ATTRIBUTES`
const environment = attribute('deployment.environment.name')
const version = attribute('service.version')
const endpoint = 'OTEL_EXPORTER_OTLP_ENDPOINT'
const headers = 'OTEL_EXPORTER_OTLP_HEADERS'
const ratio = 'OTEL_TRACES_SAMPLER_ARG'
const attributes = 'OTEL_RESOURCE_ATTRIBUTES'
const service = 'OTEL_SERVICE_NAME'
const level = 'OTEL_LOG_LEVEL'
const off = 'OTEL_SDK_DISABLED'
const disabled = 'OTEL_NODE_DISABLED_INSTRUMENTATIONS'

const vendors: readonly Vendor[] = [
  {
    prefix: 'DD_',
    name: 'Datadog',
    ours: {
      DD_SERVICE: service,
      DD_ENV: environment,
      DD_VERSION: version,
      DD_TAGS: attributes,
      DD_AGENT_HOST: endpoint,
      DD_TRACE_AGENT_URL: endpoint,
      DD_TRACE_AGENT_PORT: endpoint,
      DD_API_KEY: headers,
      DD_TRACE_SAMPLE_RATE: ratio,
      DD_TRACE_SAMPLING_RULES: 'ORG_OTEL_SAMPLING_RULES',
      DD_TRACE_RATE_LIMIT: 'ORG_OTEL_SAMPLING_MAX_PER_SECOND',
      DD_LOGS_INJECTION: 'ORG_OTEL_LOG_CORRELATION',
      DD_RUNTIME_METRICS_ENABLED: 'ORG_OTEL_RUNTIME_METRICS',
      DD_TRACE_PROPAGATION_STYLE: 'OTEL_PROPAGATORS',
      DD_TRACE_ENABLED: off,
      DD_TRACE_DEBUG: level,
      DD_TRACE_DISABLED_INSTRUMENTATIONS: disabled,
    },
  },
  {
    prefix: 'ELASTIC_APM_',
    name: 'Elastic APM',
    ours: {
      ELASTIC_APM_SERVICE_NAME: service,
      ELASTIC_APM_SERVICE_VERSION: version,
      ELASTIC_APM_ENVIRONMENT: environment,
      ELASTIC_APM_SERVER_URL: endpoint,
      ELASTIC_APM_SERVER_URLS: endpoint,
      ELASTIC_APM_SECRET_TOKEN: headers,
      ELASTIC_APM_API_KEY: headers,
      ELASTIC_APM_GLOBAL_LABELS: attributes,
      ELASTIC_APM_TRANSACTION_SAMPLE_RATE: ratio,
      ELASTIC_APM_LOG_LEVEL: level,
      ELASTIC_APM_ACTIVE: off,
      ELASTIC_APM_DISABLE_INSTRUMENTATIONS: disabled,
    },
  },
  {
    prefix: 'SENTRY_',
    name: 'Sentry',
    ours: {
      SENTRY_DSN: endpoint,
      SENTRY_ENVIRONMENT: environment,
      SENTRY_RELEASE: version,
      SENTRY_TRACES_SAMPLE_RATE: ratio,
      SENTRY_DEBUG: level,
    },
  },
  {
    prefix: 'NEW_RELIC_',
    name: 'New Relic',
    ours: {
      NEW_RELIC_APP_NAME: service,
      NEW_RELIC_LICENSE_KEY: headers,
      NEW_RELIC_HOST: endpoint,
      NEW_RELIC_LABELS: attributes,
      NEW_RELIC_LOG_LEVEL: level,
      NEW_RELIC_ENABLED: off,
      NEW_RELIC_DISTRIBUTED_TRACING_ENABLED: 'OTEL_PROPAGATORS',
      NEW_RELIC_APPLICATION_LOGGING_LOCAL_DECORATING_ENABLED: 'ORG_OTEL_LOG_CORRELATION',
    },
  },
]

/** Names that are ours, in the order in which they are suggested; for a test. */
export function listVendorSettings(): readonly string[] {
  return [...new Set(vendors.flatMap(({ ours }) => Object.values(ours)))]
}

/** One problem for each agent whose settings are there, with ours beside theirs. Values are never part of it. */
export function explainVendors(env: Readonly<Record<string, string | undefined>>): Problem[] {
  const problems: Problem[] = []
  for (const { prefix, name, ours } of vendors) {
    const found = Object.keys(env).filter(variable => variable.startsWith(prefix) && env[variable])
    if (found.length === 0) continue
    const known = found.filter(variable => Object.hasOwn(ours, variable)).sort()
    const pairs = known.map(variable => `${variable} -> ${ours[variable]}`)
    const others = found.length - known.length
    if (others > 0) pairs.push(`${others} ${known.length > 0 ? 'more ' : ''}of ${prefix}*`)
    problems.push({
      code: 'ORG_OTEL_CONFIG_FOREIGN',
      level: 'info',
      subject: `${prefix}* (environment)`,
      message: `settings of ${name} have no effect on us; ours are: ${pairs.join(', ')}`,
    })
  }
  return problems
}
