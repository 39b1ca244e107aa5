// Config to text for people: the startup line, and every setting that differs from its default.

import { describeEndpoint } from '../self/endpoint-text.ts'
import type { Config, OtlpTarget, SamplerConfig } from './config.ts'
import { renderText } from './parse.ts'
import type { Origins } from './resolve.ts'
import type { Setting } from './setting.ts'
import { settings } from './settings.ts'

export interface StartupDetails {
  /** A sampler from code, by its own description. */
  readonly sampler?: string
}

/**
 * The one line at start, without the `[otel] <version>` in front: `say('info', version, renderStartupLine(...))`.
 *
 * @example
 * renderStartupLine(config, ['http', 'pg'])
 * // service=checkout 1.2.0 (production) -> grpc localhost:4317 | sampler parentbased ratio 0.1 | instrumenting http, pg
 */
export function renderStartupLine(
  config: Config,
  instrumented: readonly string[],
  details: StartupDetails = {},
): string {
  const attributes = config.resource.attributes
  const version = attributes['service.version']
  const environment = attributes['deployment.environment.name']
  const parts = [
    `service=${attributes['service.name']}${version ? ` ${version}` : ''}${environment ? ` (${environment})` : ''} -> ${renderTargets(config)}`,
    `sampler ${details.sampler ?? renderSampler(config.traces.sampler)}${renderExtras(config)}`,
    `instrumenting ${renderNames(instrumented)}`,
  ]
  return parts.join(' | ')
}

// Everything goes to one place for nearly everybody; then it is said once.
function renderTargets(config: Config): string {
  const groups = new Map<string, string[]>()
  const add = (where: string, signal: string) => groups.set(where, [...(groups.get(where) ?? []), signal])
  for (const exporter of config.traces.exporters) {
    add(renderExporter(exporter, config.traces.otlp, config.traces.zipkinEndpoint, config), 'traces')
  }
  for (const exporter of config.metrics.exporters)
    add(renderExporter(exporter, config.metrics.otlp, '', config), 'metrics')
  for (const exporter of config.logs.exporters)
    add(renderExporter(exporter, config.logs.otlp, '', config), 'logs')
  if (groups.size === 0) return 'nowhere (all exporters are none)'
  if (groups.size === 1 && config.traces.exporters.length > 0 && config.metrics.exporters.length > 0) {
    return [...groups.keys()][0]!
  }
  return [...groups].map(([where, signals]) => `${where} (${signals.join(', ')})`).join(', ')
}

function renderExporter(name: string, otlp: OtlpTarget, zipkin: string, config: Config): string {
  if (name === 'otlp') return `${otlp.protocol} ${renderHost(otlp.endpoint, otlp.tls.insecure)}`
  if (name === 'zipkin') return `zipkin ${renderHost(zipkin, true)}`
  if (name === 'prometheus')
    return `prometheus on ${config.metrics.prometheus.host}:${config.metrics.prometheus.port}`
  return name
}

/** Host and port; the scheme only where it says something (TLS), the path only where it is not the usual one. */
function renderHost(endpoint: string, insecure: boolean): string {
  const text = describeEndpoint(endpoint)
    .replace(/^http:\/\//, '')
    .replace(/\/(v1\/(traces|metrics|logs))?$/, '')
  return insecure || text.startsWith('https://') ? text : `https://${text}`
}

export function renderSampler(sampler: SamplerConfig): string {
  switch (sampler.type) {
    case 'ratio':
      return `ratio ${sampler.ratio}`
    case 'parent_based':
      return `parentbased ${renderSampler(sampler.root)}`
    default:
      return sampler.type
  }
}

function renderExtras(config: Config): string {
  const { keepErrors, slowMs, maxPerSecond, rules, ratioFile } = config.traces.extras
  let text = ''
  if (keepErrors) text += ` + errors and > ${slowMs} ms`
  if (Number.isFinite(maxPerSecond)) text += `, at most ${maxPerSecond}/s`
  if (rules.length > 0) text += `, ${rules.length} rule${rules.length === 1 ? '' : 's'}`
  if (ratioFile !== undefined) text += `, ratio from ${ratioFile}`
  return text
}

const maxNames = 12

function renderNames(names: readonly string[]): string {
  if (names.length === 0) return 'nothing'
  if (names.length <= maxNames) return names.join(', ')
  return `${names.slice(0, maxNames).join(', ')} and ${names.length - maxNames} more`
}

/** `OTEL_BSP_SCHEDULE_DELAY="500" (environment)`, one per setting that was set; secrets are hidden. */
function secretOf(row: Setting): boolean | 'endpoint' {
  return row.secret ?? false
}

export function renderSettings(origins: Origins): string[] {
  const lines: string[] = []
  for (const row of settings) {
    const origin = origins[row.key]
    if (origin.from === 'default') continue
    const text = origin.text === undefined ? '' : `=${renderText(origin.text, secretOf(row))}`
    lines.push(`${origin.name}${text} (${origin.from})`)
  }
  return lines
}
