// A Collector configuration, read for what `validate` cannot know or says only in the cluster.
import { parse } from 'yaml'
import { collectorVersion, componentNames } from './collector-names.ts'
import { type Finding, reporter } from './finding.ts'

const sections = ['receivers', 'processors', 'exporters', 'connectors', 'extensions'] as const
type Section = (typeof sections)[number]

/** Whether a parsed YAML file is a Collector configuration. */
export function isCollectorConfig(value: any): boolean {
  return typeof value?.service === 'object' && 'pipelines' in value.service
}

export function checkCollector(file: string, text: string): Finding[] {
  const findings: Finding[] = []
  const report = reporter(file, findings)
  const config = parse(text, { merge: true })
  const named = (section: Section): string[] => Object.keys(config[section] ?? {})

  for (const { section, name, since, now, works } of componentNames) {
    for (const used of named(section)) {
      if (used !== name && !used.startsWith(`${name}/`)) continue
      const problem = works ? `was renamed in ${since}` : `does not exist since ${since}`
      report(works ? 'warning' : 'error', `${section}.${used}`, problem, `Use ${now}.`)
    }
  }

  checkPipelines(config, named, report)
  for (const name of named('exporters')) checkAddress(name, config.exporters[name], report)

  for (const old of new Set(text.match(/\$[A-Z][A-Z0-9_]+|\$\{[A-Z][A-Z0-9_]*\}/g) ?? [])) {
    const variable = old.replace(/[${}]/g, '')
    report('error', old, 'is not replaced since 0.104', `Write \${env:${variable}}.`)
  }
  if (config.service.telemetry?.metrics?.address !== undefined) {
    report(
      'error',
      'service.telemetry.metrics.address',
      'is ignored since 0.123',
      'Use `readers`, as in collector/agent/config.yaml.',
    )
  }
  for (const [protocol, settings] of Object.entries<any>(config.receivers?.otlp?.protocols ?? {})) {
    if (settings?.endpoint !== undefined) continue
    report(
      'warning',
      `receivers.otlp.protocols.${protocol}`,
      'has no endpoint and listens on localhost: in a container nobody reaches it',
      `Write \`endpoint: 0.0.0.0:${protocol === 'grpc' ? 4317 : 4318}\`.`,
    )
  }
  return findings
}

function checkPipelines(
  config: any,
  named: (section: Section) => string[],
  report: ReturnType<typeof reporter>,
): void {
  const known = {
    receivers: [...named('receivers'), ...named('connectors')],
    processors: named('processors'),
    exporters: [...named('exporters'), ...named('connectors')],
  }
  const used = new Set<string>(config.service.extensions ?? [])
  for (const [pipeline, parts] of Object.entries<any>(config.service.pipelines)) {
    const where = `service.pipelines.${pipeline}`
    for (const role of ['receivers', 'processors', 'exporters'] as const) {
      for (const name of parts?.[role] ?? []) {
        used.add(name)
        if (known[role].includes(name)) continue
        report(
          'error',
          `${where}.${role}`,
          `${name} is not defined`,
          `Defined are: ${known[role].join(', ') || 'none'}.`,
        )
      }
    }
    const processors: string[] = parts?.processors ?? []
    const guard = processors.findIndex(name => name.startsWith('memory_limiter'))
    if (guard > 0) {
      report(
        'warning',
        `${where}.processors`,
        'memory_limiter is not the first',
        'Put it first: what stands before it is not protected.',
      )
    }
    const tail = processors.findIndex(name => name.startsWith('tail_sampling'))
    const kubernetes = processors.findIndex(name => name.startsWith('k8s_attributes'))
    if (tail !== -1 && kubernetes > tail) {
      report(
        'error',
        `${where}.processors`,
        'k8s_attributes stands after tail_sampling',
        'Put it before: afterwards the sender of a span is no longer known.',
      )
    }
  }
  for (const section of ['processors', 'exporters', 'connectors', 'extensions'] as const) {
    for (const name of named(section)) {
      if (!used.has(name))
        report(
          'warning',
          `${section}.${name}`,
          'is defined and not used',
          'Name it in service, or remove it.',
        )
    }
  }
}

/** gRPC wants host:port, HTTP wants a URL; both wrong ways round are said by the Collector only when it sends. */
function checkAddress(name: string, exporter: any, report: ReturnType<typeof reporter>): void {
  const type = name.split('/')[0]
  const where = `exporters.${name}.endpoint`
  const address = defaultOf(exporter?.endpoint)
  if (address === undefined) return
  if (type === 'otlp_grpc' || type === 'otlp') {
    if (/^https?:\/\/[^/]+\/./.test(address)) {
      report(
        'error',
        where,
        `"${address}" has a path, and this exporter speaks gRPC`,
        'Use otlp_http for a URL with a path, or host:port.',
      )
    } else if (/:4318\b/.test(address)) {
      report(
        'error',
        where,
        `"${address}" is the port of OTLP over HTTP`,
        'gRPC is on 4317; or use otlp_http.',
      )
    } else if (!/:\d+$/.test(address)) {
      report('error', where, `"${address}" has no port`, 'Write host:4317.')
    }
  }
  if (type === 'otlp_http' || type === 'otlphttp') {
    if (!/^https?:\/\//.test(address)) {
      report('error', where, `"${address}" is no URL`, `Write http://${address}, or https://.`)
    } else if (/:4317\b/.test(address)) {
      report(
        'error',
        where,
        `"${address}" is the port of OTLP over gRPC`,
        'HTTP is on 4318; or use otlp_grpc.',
      )
    } else if (/\/v1\/(traces|logs|metrics)\/?$/.test(address)) {
      report('error', where, `"${address}" ends in what the exporter adds itself`, 'Leave /v1/... out.')
    }
  }
}

/** `${env:TEMPO:-tempo:4317}` -> `tempo:4317`; undefined when only the environment knows. */
export function defaultOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  let known = true
  const text = value.replace(/\$\{env:[A-Z0-9_]+(?::-([^}]*))?\}/g, (_all, fallback: string | undefined) => {
    if (fallback === undefined) known = false
    return fallback ?? ''
  })
  return known ? text : undefined
}

/** The image that runs a configuration: older ones do not know its names. */
export function checkCollectorImage(
  image: string,
  report: (problem: string, fix: string) => void,
  oldest: readonly [number, number],
): void {
  const tag = /opentelemetry-collector(?:-contrib|-k8s)?:v?(\d+)\.(\d+)/.exec(image)
  if (tag === null) {
    if (/opentelemetry-collector(-contrib)?(:latest)?$/.test(image)) {
      report(
        `${image} is whatever is newest`,
        `Pin it: ${collectorVersion} is what these configurations are tested with.`,
      )
    }
    return
  }
  const [major, minor] = [Number(tag[1]), Number(tag[2])]
  if (major > oldest[0] || minor >= oldest[1]) return
  report(
    `${image} does not know the names in these configurations (\`unknown type: "load_balancing"\`)`,
    `Use ${collectorVersion}.`,
  )
}
