// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to variables are written as text here.
// docs/configuration.md, made of the table. `UPDATE_DOCS=1` with the test beside this file writes it.
import { instrumentationNames } from './instrumentation-names.ts'
import { kubernetesNames } from './kubernetes.ts'
import { logPresets } from './log-presets.ts'
import type { Group, Setting } from './setting.ts'
import { settings } from './settings.ts'

const groups: readonly { name: Group; intro: string }[] = [
  { name: 'General', intro: '' },
  {
    name: 'Identity',
    intro:
      'The service is named by `OTEL_SERVICE_NAME`, else by `service.name` in `OTEL_RESOURCE_ATTRIBUTES`, else by the function name on AWS Lambda, else by the nearest package.json above the entry point that has a name (without its `@scope/`, which says who publishes and not what runs), else it is `unknown_service:node`. `service.version` is that of the same package.json, `deployment.environment.name` is `NODE_ENV` unless it is among the attributes, `service.instance.id` is random per process. The command line is never recorded beyond the entry point.',
  },
  {
    name: 'Sending',
    intro:
      'Each can be set for all signals and for one: the variable of the signal wins, headers of both are sent. Without a protocol the port decides (4317 gRPC, 4318 HTTP), and a path means HTTP. An `http://` or `https://` in front decides about TLS.',
  },
  { name: 'Traces', intro: '' },
  { name: 'Sampling', intro: '' },
  { name: 'Metrics', intro: '' },
  {
    name: 'Logs',
    intro:
      'Correlation (ids on log lines) is on, sending is off: most services already ship what they print.',
  },
  { name: 'Instrumentations', intro: '' },
  { name: 'HTTP', intro: '' },
  {
    name: 'Redaction',
    intro: 'What is hidden by default, and what is not looked at: [security.md](security.md).',
  },
  { name: 'Process', intro: '' },
]

export function renderConfigurationPage(): string {
  const rows: readonly Setting[] = settings
  const out = [
    '# Configuration',
    '',
    '<!-- Generated from packages/otel/src/config/settings.ts. Change the table, then run the test of config/docs.ts with UPDATE_DOCS=1. -->',
    '',
    'Set in the environment, in a configuration file, or in code:',
    '',
    '```sh',
    'OTEL_SERVICE_NAME=checkout OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317 \\',
    '  NODE_OPTIONS="--require @org/otel/register" node server.js',
    '```',
    '',
    '```ts',
    "import { start } from '@org/otel'",
    "start({ serviceName: 'checkout', sampler: 0.1, settings: { ORG_OTEL_LOG_PRESET: 'ecs' } })",
    '```',
    '',
    'Code wins over the environment, the environment over the file, the file over the defaults. Every value that cannot be',
    'used, and every misspelt name, is said once at start with what was used instead; the application always runs. An empty',
    'value counts as not set. For `OTEL_*` only `true` is true, as specified; `ORG_OTEL_*` also take `1`, `on`, `yes` and',
    'their opposites. Durations are milliseconds. Names marked with * are defined by the OpenTelemetry specification.',
    '',
  ]
  for (const group of groups) {
    out.push(`## ${group.name}`, '')
    if (group.intro !== '') out.push(group.intro, '')
    out.push('| variable | default | what it does |', '|---|---|---|')
    for (const row of rows) if (row.group === group.name) out.push(renderRow(row))
    out.push('')
    if (group.name === 'Identity') out.push(...renderKubernetes())
    if (group.name === 'Logs') out.push(...renderPresets())
    if (group.name === 'Instrumentations') {
      out.push(`Names: ${instrumentationNames.map(name => `\`${name}\``).join(', ')}.`, '')
    }
  }
  out.push(...renderFileSection())
  return out.join('\n')
}

function renderRow(row: Setting): string {
  const specified = row.spec ? row.env.find(name => name.startsWith('OTEL_')) : undefined
  const names = row.env.map(name => `\`${name}\`${name === specified ? '*' : ''}`).join('<br>or ')
  const secret = row.secret === true ? ' Secret: never printed.' : ''
  return `| ${names} | ${renderDefault(row)} | ${escapeCell(row.says + secret)} |`
}

function renderDefault(row: Setting): string {
  if (row.shown !== undefined) return escapeCell(row.shown)
  const { fallback } = row
  if (Array.isArray(fallback))
    return fallback.length === 0 ? 'none' : fallback.map(v => `\`${v}\``).join(', ')
  if (typeof fallback === 'object' && fallback !== null) return 'none'
  return fallback === undefined ? 'none' : `\`${String(fallback)}\``
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|')
}

function renderKubernetes(): string[] {
  const out = [
    'Kubernetes attributes come from the environment, filled by the downward API; nothing is asked of the API server. The',
    'first name that is set wins. `NODE_NAME` and `CONTAINER_NAME` count only inside a cluster, and without a name for the',
    "namespace that of the pod's service account is used.",
    '',
    '| attribute | variables |',
    '|---|---|',
  ]
  for (const [attribute, names] of Object.entries(kubernetesNames)) {
    out.push(`| \`${attribute}\` | ${names.map(name => `\`${name}\``).join(', ')} |`)
  }
  out.push('')
  return out
}

function renderPresets(): string[] {
  const out = ['| preset | trace id | span id | flags |', '|---|---|---|---|']
  for (const [name, fields] of Object.entries(logPresets)) {
    const cell = (field: string) => (field === '' ? '' : `\`${field}\``)
    out.push(
      `| \`${name}\` | ${cell(fields.traceId)} | ${cell(fields.spanId)} | ${cell(fields.traceFlags)} |`,
    )
  }
  out.push('')
  return out
}

/** The example of the page; a test parses it and expects no problem. */
export const exampleFile = `file_format: "1.0"
resource:
  attributes:
    - { name: service.name, value: checkout }
    - { name: deployment.environment.name, value: "\${DEPLOY_ENV:-production}" }
  detection/development:
    detectors: [{ host: }, { process: }, { container: }, { service: }]
propagator:
  composite: [{ tracecontext: }, { baggage: }]
tracer_provider:
  processors:
    - batch:
        exporter:
          otlp_grpc: { endpoint: "http://\${NODE_IP:-localhost}:4317" }
  sampler:
    parent_based:
      root: { trace_id_ratio_based: { ratio: 0.1 } }
meter_provider:
  readers:
    - periodic:
        exporter:
          otlp_grpc: { endpoint: "http://\${NODE_IP:-localhost}:4317" }
instrumentation/development:
  js:
    pg: { enhanced_database_reporting: true }
    fs: { enabled: false }
distribution:
  org_otel:
    sampling: keep-errors
    log_preset: ecs
    http_probe_paths: [/health, /metrics]
`

function renderFileSection(): string[] {
  return [
    '## Configuration file',
    '',
    '`OTEL_CONFIG_FILE` names a file of the declarative configuration (`file_format` 1.0 or 1.1). `${NAME}` and',
    '`${NAME:-default}` are replaced by the environment. All other `OTEL_*` are then ignored, as specified, except',
    '`OTEL_SDK_DISABLED=true`, so that a file cannot keep us on; `ORG_OTEL_*` still apply and win over the file. A signal',
    'whose provider is missing is off. Our own settings stand under `distribution: org_otel:`, named like their variables',
    'without `ORG_OTEL_`; options of instrumentations under `instrumentation/development: js:`. What has no effect here is',
    'said, node by node. A file that cannot be used at all is said in one line, and the environment is used instead.',
    '',
    '```yaml',
    exampleFile.trimEnd(),
    '```',
    '',
  ]
}
