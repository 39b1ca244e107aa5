// Many sources to one Config. Pure: the environment, the file and the machine are parameters; nothing is printed and
// nothing throws. Code wins over the environment, the environment over the file, the file over the defaults.
import type { Problem } from '../self/problem.ts'
import { cleanValue } from './clean.ts'
import type { Config } from './config.ts'
import type { Entry, FileExtras, ParseConfigFile } from './entry.ts'
import type { Facts } from './facts.ts'
import { type Identity, identify } from './identity.ts'
import { logPresets } from './log-presets.ts'
import { suggestName } from './misspelt.ts'
import { renderText } from './parse.ts'
import { parsePairs } from './parse-pairs.ts'
import type { Env } from './read-env.ts'
import { resolveInstrumentations } from './resolve-instrumentations.ts'
import { resolveSampler } from './resolve-sampler.ts'
import { resolveTarget } from './resolve-target.ts'
import type { Setting } from './setting.ts'
import { cloudDetectors, localDetectors, type SettingKey, settings, type Values } from './settings.ts'
import { checkNames } from './typo.ts'
import { findUnexpanded } from './unexpanded.ts'

export interface Origin {
  readonly from: 'environment' | 'file' | 'code' | 'default'
  /** Name of the variable, place in the file, or option. */
  readonly name?: string
  /** The text as it was written; hidden when it is secret, absent when it was not text. */
  readonly text?: string
}
export type Origins = Readonly<Record<SettingKey, Origin>>

export interface ResolveInput {
  readonly env: Env
  readonly facts: Facts
  /** What `start({...})` was given, as `readUserOptions` makes it; the preload has none and does not load that file. */
  readonly code?: readonly Entry[]
  /** Only called when OTEL_CONFIG_FILE is set, so that the YAML parser is loaded only then. */
  readonly loadFileParser?: () => ParseConfigFile
}

export interface Resolved {
  readonly config: Config
  readonly problems: readonly Problem[]
  readonly origins: Origins
  readonly serviceNameFrom: Identity['serviceNameFrom']
}

/** Rows that a configuration file cannot silence: the switch to turn us off, the file itself, and Kubernetes' own name. */
const alwaysFromEnv: ReadonlySet<string> = new Set(['disabled', 'configFile', 'nodeIp'])

/**
 * @example
 * const { config, problems } = resolveConfig({ env: readEnv(), facts: readFacts() })
 * for (const problem of problems) sayProblem(problem)
 */
export function resolveConfig(input: ResolveInput): Resolved {
  const { env } = input
  const problems: Problem[] = checkNames(env)
  const file = readFile(input, problems)
  const values: Record<string, unknown> = {}
  const origins: Record<string, Origin> = {}
  const code = indexEntries(input.code ?? [], problems)
  const fromFile = indexEntries(file?.entries ?? [], problems)
  for (const row of settings) {
    const fileRules = file !== undefined && !alwaysFromEnv.has(row.key)
    const entry = code?.get(row.key)
    if (entry !== undefined && takeEntry(row, entry, 'code', values, origins, problems)) continue
    if (takeEnv(row, env, fileRules, values, origins, problems)) continue
    const inFile = fromFile?.get(row.key)
    if (inFile !== undefined && takeEntry(row, inFile, 'file', values, origins, problems)) continue
    values[row.key] = row.fallback
    origins[row.key] = fallbackOrigin
  }
  const decided = values as Values
  const { config, identity } = assemble(decided, origins as Origins, input, file?.extras ?? {}, problems)
  return {
    config: freeze(config),
    problems,
    origins: origins as Origins,
    serviceNameFrom: identity.serviceNameFrom,
  }
}

const fallbackOrigin: Origin = { from: 'default' }

function readFile(input: ResolveInput, problems: Problem[]) {
  const { env, facts } = input
  const name = env.OTEL_CONFIG_FILE ? 'OTEL_CONFIG_FILE' : 'OTEL_EXPERIMENTAL_CONFIG_FILE'
  const path = env[name]?.trim()
  if (!path || input.loadFileParser === undefined) return undefined
  const text = facts.readText(path, 1024 * 1024)
  if (text === undefined) {
    problems.push({
      code: 'ORG_OTEL_CONFIG_FILE',
      subject: `${name}=${renderText(path, false)} (environment)`,
      message: 'the file cannot be read; using the environment instead',
    })
    return undefined
  }
  const parsed = input.loadFileParser()(text, env, path)
  problems.push(...parsed.problems)
  if (parsed.file !== undefined) checkSilenced(env, text, name, problems)
  return parsed.file
}

/** Variables that are set and have no effect beside the file; those it refers to have one. */
function checkSilenced(env: Env, text: string, fileName: string, problems: Problem[]): void {
  const silenced: string[] = []
  for (const row of settings) {
    if (alwaysFromEnv.has(row.key)) continue
    for (const name of row.env)
      if (env[name] && name.startsWith('OTEL_') && !text.includes(name)) silenced.push(name)
  }
  if (silenced.length === 0) return
  problems.push({
    code: 'ORG_OTEL_CONFIG_CONFLICT',
    subject: `${silenced.join(', ')} (environment)`,
    message: `${fileName} is set, so what the file does not refer to is ignored, as specified`,
  })
}

let byName: Map<string, SettingKey> | undefined

/** Entries by row. `undefined` when there are none, which is nearly always. */
function indexEntries(entries: readonly Entry[], problems: Problem[]): Map<SettingKey, Entry> | undefined {
  if (entries.length === 0) return undefined
  const index = new Map<SettingKey, Entry>()
  for (const entry of entries) {
    let key = entry.key
    if (key === undefined) {
      if (byName === undefined) {
        byName = new Map()
        for (const row of settings) for (const name of row.env) byName.set(name, row.key)
      }
      key = byName.get(entry.name!)
    }
    if (key !== undefined) index.set(key, entry)
    else {
      const near = suggestName(entry.name!)
      problems.push({
        code: 'ORG_OTEL_CONFIG_UNKNOWN',
        subject: entry.at,
        message: `${entry.name} is not a setting and is ignored${near ? `; did you mean ${near}?` : ''}`,
      })
    }
  }
  return index
}

type Row = Setting<string, any>

function takeEntry(
  row: Row,
  entry: Entry,
  from: 'code' | 'file',
  values: Record<string, unknown>,
  origins: Record<string, Origin>,
  problems: Problem[],
): boolean {
  if (!('text' in entry)) {
    values[row.key] = entry.value
    origins[row.key] = { from, name: entry.at }
    return true
  }
  return takeText(row, entry.text, from, entry.at, values, origins, problems)
}

function takeEnv(
  row: Row,
  env: Env,
  fileRules: boolean,
  values: Record<string, unknown>,
  origins: Record<string, Origin>,
  problems: Problem[],
): boolean {
  for (const name of row.env) {
    const raw = env[name]
    // Set but empty means unset, as specified.
    if (raw === undefined || raw === '' || (fileRules && !name.startsWith('ORG_OTEL_'))) continue
    const { text, fault } = cleanValue(raw)
    if (text === '') continue
    if (fault !== undefined) {
      problems.push(invalid(row, name, raw, 'environment', fault))
    }
    const left = findUnexpanded(text)
    // Of pairs only the one with the unexpanded part is left out; their parser does that.
    if (left !== undefined && row.parse !== parsePairs && row.secret !== true) {
      problems.push(
        invalid(row, name, raw, 'environment', `${left} was not expanded; ${describeFallback(row)}`),
      )
      continue
    }
    if (takeText(row, text, 'environment', name, values, origins, problems)) return true
  }
  return false
}

function takeText(
  row: Row,
  text: string,
  from: 'environment' | 'code' | 'file',
  name: string,
  values: Record<string, unknown>,
  origins: Record<string, Origin>,
  problems: Problem[],
): boolean {
  const parsed = row.parse(text)
  if ('fault' in parsed) {
    problems.push(invalid(row, name, text, from, `${parsed.fault}; ${describeFallback(row)}`))
    return false
  }
  if (parsed.faults !== undefined) problems.push(invalid(row, name, text, from, parsed.faults.join('; ')))
  values[row.key] = parsed.value
  origins[row.key] = { from, name, text: row.secret === true ? '<hidden>' : text }
  return true
}

function invalid(row: Row, name: string, text: string, from: string, message: string): Problem {
  return {
    code: 'ORG_OTEL_CONFIG_INVALID',
    subject: `${name}=${renderText(text, row.secret ?? false)} (${from})`,
    message,
  }
}

function describeFallback(row: Row): string {
  const { fallback } = row
  if (fallback === undefined) return 'it is ignored'
  if (Array.isArray(fallback)) return fallback.length === 0 ? 'it is ignored' : `using ${fallback.join(',')}`
  if (typeof fallback === 'object' && fallback !== null) return 'it is ignored'
  return `using ${String(fallback)}`
}

function assemble(
  v: Values,
  origins: Origins,
  input: ResolveInput,
  extras: FileExtras,
  problems: Problem[],
): { config: Config; identity: Identity } {
  const { env, facts } = input
  const detectors = chooseDetectors(v.detectors)
  const identity = identify({
    facts,
    env,
    serviceName: v.serviceName,
    attributes: v.resourceAttributes,
    detectors: new Set(detectors),
    hostId:
      origins.detectors.from !== 'default' && (v.detectors.includes('host') || v.detectors.includes('all')),
  })
  problems.push(...identity.problems)
  const { exporters: logExporters, sending } = resolveLogSending(v)
  const config: Config = {
    enabled: !v.disabled,
    logLevel: v.logLevel,
    startupLine: v.startupLine,
    resource: {
      attributes: identity.attributes,
      ...(extras.schemaUrl === undefined ? {} : { schemaUrl: extras.schemaUrl }),
      detectors,
    },
    propagators: v.propagators.includes('none') ? [] : v.propagators,
    traces: {
      exporters: dropNone(v['traces.exporters']),
      otlp: resolveTarget('traces', v, origins, problems),
      sampler: resolveSampler(v, origins, problems),
      randomFlag: v['traces.randomFlag'],
      extras: {
        keepErrors: v['sampling.mode'].includes('keep-errors'),
        slowMs: v['sampling.slow'],
        maxPerSecond: v['sampling.maxPerSecond'],
        rules: v['sampling.rules'],
        ...(v['sampling.ratioFile'] === undefined ? {} : { ratioFile: v['sampling.ratioFile'] }),
        maxHeldSpans: v['sampling.maxHeldSpans'],
      },
      limits: {
        attributeCount: v['span.attributeCount'] ?? v.attributeCount,
        attributeValueLength:
          v['span.attributeValueLength'] ?? v.attributeValueLength ?? Number.POSITIVE_INFINITY,
        eventCount: v['span.eventCount'],
        linkCount: v['span.linkCount'],
        attributePerEventCount: v['span.attributePerEventCount'],
        attributePerLinkCount: v['span.attributePerLinkCount'],
      },
      maxSpanNames: v['span.maxNames'],
      batch: resolveBatch('bsp', v, origins, problems),
      zipkinEndpoint: v.zipkinEndpoint,
    },
    metrics: {
      exporters: dropNone(v['metrics.exporters']),
      otlp: resolveTarget('metrics', v, origins, problems),
      intervalMs: v['metrics.interval'],
      timeoutMs: resolveMetricTimeout(v, origins, problems),
      temporality: v['metrics.temporality'],
      histogramAggregation: v['metrics.histogramAggregation'],
      exemplarFilter: v['metrics.exemplarFilter'],
      prometheus: { host: v['prometheus.host'], port: v['prometheus.port'] },
      runtime: v['metrics.runtime'],
      spanMetrics: { enabled: v['spanMetrics.enabled'], maxSeries: v['spanMetrics.maxSeries'] },
      exemplars: { promClient: v['exemplars.promClient'], minIntervalMs: v['exemplars.minInterval'] },
      ...(extras.views === undefined ? {} : { views: extras.views }),
      ...(extras.prometheusInfo === undefined ? {} : { prometheusInfo: extras.prometheusInfo }),
    },
    logs: {
      correlation: v['logs.correlation'],
      sending,
      exporters: logExporters,
      otlp: resolveTarget('logs', v, origins, problems),
      batch: resolveBatch('blrp', v, origins, problems),
      attributeCount: v['logRecord.attributeCount'] ?? v.attributeCount,
      attributeValueLength:
        v['logRecord.attributeValueLength'] ?? v.attributeValueLength ?? Number.POSITIVE_INFINITY,
      preset: v['logs.preset'],
      fields: { ...logPresets[v['logs.preset']], ...v['logs.fields'] },
      ...(v['logs.nested'] === undefined ? {} : { nested: v['logs.nested'] }),
      ...(v['logs.gcpProject'] === undefined ? {} : { gcpProject: v['logs.gcpProject'] }),
      baggageKeys: v['logs.baggageKeys'],
      ...(v['logs.requestIdHeader'] === undefined ? {} : { requestIdHeader: v['logs.requestIdHeader'] }),
      console: v['logs.console'],
      recordErrorsOnSpan: v['logs.recordErrors'],
      recordErrorsAsStatus: v['logs.recordErrorsAsStatus'],
      serviceFields: v['logs.serviceFields'],
      maxPerSecond: v['logs.maxPerSecond'],
    },
    instrumentations: resolveInstrumentations(v, origins, env, extras.options, problems),
    http: {
      probePaths: v['http.probePaths'],
      probeUserAgents: v['http.probeUserAgents'],
      captureRequestHeaders: v['http.captureRequestHeaders'],
      captureResponseHeaders: v['http.captureResponseHeaders'],
      ...(v['http.redactQueryKeys'] === undefined ? {} : { redactQueryKeys: v['http.redactQueryKeys'] }),
      ...(v['http.knownMethods'] === undefined ? {} : { knownMethods: v['http.knownMethods'] }),
    },
    redaction: {
      kinds: v['redaction.kinds'],
      hiddenKeys: v['redaction.keys'],
      shownKeys: v['redaction.exceptKeys'],
      patterns: v['redaction.patterns'],
    },
    semconvOptIn: v.semconvOptIn,
    exit: { deadlineMs: v['exit.deadline'], lastWordsMs: v['exit.lastWords'] },
    export: { bufferBytes: v.bufferBytes },
    selfMetrics: v.selfMetrics,
  }
  return { config, identity }
}

function dropNone<T extends string>(names: readonly T[]): readonly T[] {
  return names.includes('none' as T) ? names.filter(name => name !== 'none') : names
}

/** `all` adds the clouds; the order is that of the tables, so that later ones win when two know the same attribute. */
function chooseDetectors(names: readonly string[]): readonly string[] {
  if (names.includes('none')) return []
  if (names.includes('all')) return [...localDetectors, ...cloudDetectors]
  return names
}

/** Sending is opt-in (issue 2): most services already ship their log files, and nothing must be shipped twice. */
function resolveLogSending(v: Values): Pick<Config['logs'], 'exporters' | 'sending'> {
  const asked = v['logs.exporters'] === undefined ? undefined : dropNone(v['logs.exporters'])
  const sending = v['logs.sending'] ?? (asked !== undefined && asked.length > 0)
  if (!sending) return { exporters: [], sending: false }
  return { exporters: asked === undefined || asked.length === 0 ? ['otlp'] : asked, sending: true }
}

function resolveBatch(kind: 'bsp' | 'blrp', v: Values, origins: Origins, problems: Problem[]) {
  const maxQueueSize = v[`${kind}.maxQueueSize`]
  let maxExportBatchSize = v[`${kind}.maxExportBatchSize`]
  if (maxExportBatchSize > maxQueueSize) {
    const name = kind === 'bsp' ? 'OTEL_BSP' : 'OTEL_BLRP'
    if (origins[`${kind}.maxExportBatchSize`].from !== 'default') {
      problems.push({
        code: 'ORG_OTEL_CONFIG_CONFLICT',
        subject: `${name}_MAX_EXPORT_BATCH_SIZE=${maxExportBatchSize}`,
        message: `cannot be above ${name}_MAX_QUEUE_SIZE=${maxQueueSize}; using ${maxQueueSize}`,
      })
    }
    maxExportBatchSize = maxQueueSize
  }
  return {
    maxQueueSize,
    maxExportBatchSize,
    scheduleDelayMs: v[`${kind}.scheduleDelay`],
    exportTimeoutMs: v[`${kind}.exportTimeout`],
  }
}

/** A reader whose timeout exceeds its interval would overtake itself; upstream's refuses to be built. */
function resolveMetricTimeout(v: Values, origins: Origins, problems: Problem[]): number {
  const timeout = v['metrics.timeout']
  const interval = v['metrics.interval']
  if (timeout <= interval) return timeout
  if (origins['metrics.timeout'].from !== 'default') {
    problems.push({
      code: 'ORG_OTEL_CONFIG_CONFLICT',
      subject: `OTEL_METRIC_EXPORT_TIMEOUT=${timeout}`,
      message: `cannot be above OTEL_METRIC_EXPORT_INTERVAL=${interval}; using ${interval}`,
    })
  }
  return interval
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const proto = Object.getPrototypeOf(value)
  // Options may hold functions and objects of the user: those are not ours to freeze.
  if (proto !== Object.prototype && proto !== Array.prototype && proto !== null) return value
  Object.freeze(value)
  for (const key in value) if (key !== 'options') freeze(value[key])
  return value
}
