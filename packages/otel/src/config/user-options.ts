// What `start({...})` accepts. Everything the environment can say can be said here too; what is said in code wins.
import type {
  Attributes,
  Context,
  Link,
  Span,
  SpanKind,
  TextMapPropagator,
  TraceState,
} from '@opentelemetry/api'
import { CodedError } from '../self/coded-error.ts'
import type { Problem } from '../self/problem.ts'
import { findClosest } from './closest.ts'
import type { ExporterName, LogLevel, PropagatorName, Protocol, SamplingRule } from './config.ts'
import type { Entry } from './entry.ts'
import { suggestName } from './misspelt.ts'
import { explainInstrumentation, findInstrumentation } from './parse-instrumentations.ts'
import { isObject } from './parse-json.ts'
import { type SamplerName, type SettingKey, settings } from './settings.ts'

/** Upstream's `Sampler`, by shape: instances made with any SDK of the 1.x to 3.x lines fit. */
export interface UserSampler {
  shouldSample(
    context: Context,
    traceId: string,
    spanName: string,
    spanKind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): { decision: number; attributes?: Readonly<Attributes>; traceState?: TraceState }
  toString(): string
}

/** Upstream's `SpanProcessor`, by shape. */
export interface UserSpanProcessor {
  onStart(span: Span & Record<string, any>, parentContext: Context): void
  onEnd(span: any): void
  onEnding?(span: any): void
  forceFlush(): Promise<void>
  shutdown(): Promise<void>
}

/** Upstream's `IdGenerator`. */
export interface UserIdGenerator {
  generateTraceId(): string
  generateSpanId(): string
}

/**
 * What can be said in code; everything else of docs/configuration.md under `settings`. Code wins over the environment.
 *
 * @example
 * import { start } from '@org/otel'
 *
 * start({
 *   serviceName: 'checkout',
 *   endpoint: 'http://collector:4317',
 *   sampler: 0.1,
 *   instrumentations: { disabled: ['fs'], options: { pg: { enhancedDatabaseReporting: true } } },
 *   settings: { ORG_OTEL_LOG_PRESET: 'ecs' },
 * })
 */
export interface UserOptions {
  /** As OTEL_SERVICE_NAME; without it the name in the nearest package.json. */
  readonly serviceName?: string
  /** Attributes of the resource, as OTEL_RESOURCE_ATTRIBUTES; they win over what is found out. */
  readonly resourceAttributes?: Attributes
  /** Collector for all signals, as OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint?: string
  /** Without it the port decides: 4317 is gRPC, 4318 is HTTP. */
  readonly protocol?: Protocol
  /** Sent with every request to the collector; never printed. */
  readonly headers?: Readonly<Record<string, string>>
  /** Milliseconds until a request is given up and retried; 10000. */
  readonly timeoutMs?: number
  /** `gzip`, but `none` to a collector on this machine. */
  readonly compression?: 'gzip' | 'none'
  /** A name, a ratio from 0 to 1 (parent-based), or a sampler of your own. */
  readonly sampler?: SamplerName | number | UserSampler
  /** Also keeps this service's part of traces that fail or are slow here (docs/sampling.md). */
  readonly keepErrors?: boolean
  /** The first rule that matches decides, before the sampler. */
  readonly samplingRules?: readonly SamplingRule[]
  /** Get every span, beside the exporters; what they throw is said once and goes no further. */
  readonly spanProcessors?: readonly UserSpanProcessor[]
  /** Formats of trace headers, by name: `tracecontext` and `baggage` unless set. */
  readonly propagators?: readonly PropagatorName[]
  /** One of your own, in place of all of them. */
  readonly propagator?: TextMapPropagator
  /** Ids of your own: 32 and 16 lower-case hex digits, not all zero; others are replaced. */
  readonly idGenerator?: UserIdGenerator
  /** `false` switches the signal off; a list names its exporters. */
  readonly traces?: boolean | readonly ExporterName[]
  readonly metrics?: boolean | readonly ExporterName[]
  /** `true` sends log records by OTLP. Correlation of log lines is not affected. */
  readonly logs?: boolean | readonly ExporterName[]
  /** By name, `http`, `pg`, ...: only these, not these, and the options of each (functions too). */
  readonly instrumentations?: {
    readonly enabled?: readonly string[]
    readonly disabled?: readonly string[]
    readonly options?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  }
  /** How much is said on stderr; `info`. */
  readonly logLevel?: LogLevel
  /** The one line on stderr at start; `true`. */
  readonly startupLine?: boolean
  /** Any other setting by the name of its environment variable, with the same text. */
  readonly settings?: Readonly<Record<string, string>>
}

interface OptionRow {
  readonly key?: SettingKey
  /** What is wrong with the value; `undefined` when nothing is. */
  check(value: unknown): string | undefined
  /** How it reaches the row of the table; absent: as it is. */
  toEntries?(value: any): Entry[]
}

const text = (value: unknown) =>
  typeof value === 'string' && value.trim() !== '' ? undefined : 'expected a text that is not empty'
const bool = (value: unknown) => (typeof value === 'boolean' ? undefined : 'expected true or false')
const texts = (value: unknown) =>
  Array.isArray(value) && value.every(v => typeof v === 'string') ? undefined : 'expected a list of texts'

/** Runs the parser of the setting, so that code and environment agree on what is right. */
function byRow(key: SettingKey) {
  return (value: unknown) => {
    if (typeof value !== 'string' && typeof value !== 'number') return 'expected a text'
    const parsed = rowOf(key).parse(String(value))
    return 'fault' in parsed ? parsed.fault : parsed.faults?.join('; ')
  }
}

function rowOf(key: SettingKey) {
  return settings.find(row => row.key === key)!
}

function methods(...names: string[]) {
  return (value: unknown) => {
    const missing = names.filter(name => typeof (value as any)?.[name] !== 'function')
    return missing.length === 0 ? undefined : `expected an object with ${missing.join(', ')}`
  }
}

function exporters(key: SettingKey) {
  return (value: unknown) => {
    if (typeof value === 'boolean') return undefined
    if (texts(value) !== undefined) return 'expected true, false or a list of exporters'
    return byRow(key)((value as string[]).join(','))
  }
}

function exporterEntries(key: SettingKey, at: string) {
  return (value: boolean | readonly ExporterName[]): Entry[] =>
    value === true ? [{ key, at, value: ['otlp'] }] : [{ key, at, value: value === false ? ['none'] : value }]
}

const optionRows: { readonly [K in keyof Required<UserOptions>]: OptionRow } = {
  serviceName: { key: 'serviceName', check: text },
  resourceAttributes: {
    key: 'resourceAttributes',
    check: value => (isObject(value) ? undefined : 'expected an object of attributes'),
  },
  endpoint: {
    key: 'otlp.endpoint',
    check: byRow('otlp.endpoint'),
    toEntries: asText('otlp.endpoint', 'endpoint'),
  },
  protocol: { key: 'otlp.protocol', check: byRow('otlp.protocol') },
  headers: {
    key: 'otlp.headers',
    check: value =>
      isObject(value) && Object.values(value).every(v => typeof v === 'string' && !/[\r\n]/.test(v))
        ? undefined
        : 'expected an object of texts without line breaks',
    toEntries: (value: Record<string, string>) => [
      {
        key: 'otlp.headers',
        at: 'headers',
        value: Object.fromEntries(Object.entries(value).map(([name, v]) => [name.toLowerCase(), v])),
      },
    ],
  },
  timeoutMs: { key: 'otlp.timeout', check: byRow('otlp.timeout') },
  compression: { key: 'otlp.compression', check: byRow('otlp.compression') },
  sampler: {
    check: value => {
      if (typeof value === 'object' && value !== null) return methods('shouldSample')(value)
      return typeof value === 'number' ? byRow('traces.samplerArg')(value) : byRow('traces.sampler')(value)
    },
    toEntries: (value: SamplerName | number | UserSampler) => {
      if (typeof value === 'object') return []
      if (typeof value === 'string') return [{ key: 'traces.sampler', at: 'sampler', value }]
      return [
        { key: 'traces.sampler', at: 'sampler', value: 'parentbased_traceidratio' },
        { key: 'traces.samplerArg', at: 'sampler', value },
      ]
    },
  },
  keepErrors: {
    check: bool,
    toEntries: (value: boolean) => [
      { key: 'sampling.mode', at: 'keepErrors', value: value ? ['keep-errors'] : ['none'] },
    ],
  },
  samplingRules: {
    check: value => {
      if (!Array.isArray(value)) return 'expected a list of rules'
      const parsed = rowOf('sampling.rules').parse(JSON.stringify(value))
      return 'fault' in parsed ? parsed.fault : parsed.faults?.join('; ')
    },
    toEntries: value => [{ key: 'sampling.rules', at: 'samplingRules', text: JSON.stringify(value) }],
  },
  spanProcessors: {
    check: value =>
      Array.isArray(value)
        ? value.map(methods('onStart', 'onEnd', 'forceFlush', 'shutdown')).find(fault => fault !== undefined)
        : 'expected a list of span processors',
    toEntries: () => [],
  },
  propagators: {
    check: value => texts(value) ?? byRow('propagators')((value as string[]).join(',')),
    toEntries: (value: string[]) => [{ key: 'propagators', at: 'propagators', text: value.join(',') }],
  },
  propagator: { check: methods('inject', 'extract', 'fields'), toEntries: () => [] },
  idGenerator: { check: methods('generateTraceId', 'generateSpanId'), toEntries: () => [] },
  traces: { check: exporters('traces.exporters'), toEntries: exporterEntries('traces.exporters', 'traces') },
  metrics: {
    check: exporters('metrics.exporters'),
    toEntries: exporterEntries('metrics.exporters', 'metrics'),
  },
  logs: {
    check: exporters('logs.exporters'),
    toEntries: (value: boolean | readonly ExporterName[]) => [
      ...exporterEntries('logs.exporters', 'logs')(value),
      { key: 'logs.sending', at: 'logs', value: value !== false },
    ],
  },
  instrumentations: { check: checkInstrumentations, toEntries: instrumentationEntries },
  logLevel: { key: 'logLevel', check: byRow('logLevel') },
  startupLine: { key: 'startupLine', check: bool },
  settings: { check: checkSettings, toEntries: settingsEntries },
}

function asText(key: SettingKey, at: string) {
  return (value: string): Entry[] => [{ key, at, text: value }]
}

function checkInstrumentations(value: unknown): string | undefined {
  if (!isObject(value)) return 'expected an object with enabled, disabled or options'
  const faults: string[] = []
  for (const name of Object.keys(value)) {
    if (name !== 'enabled' && name !== 'disabled' && name !== 'options')
      faults.push(`unknown ${JSON.stringify(name)}`)
  }
  for (const list of ['enabled', 'disabled'] as const) {
    if (value[list] === undefined) continue
    const fault = texts(value[list]) ?? byRow('instrumentations.enabled')((value[list] as string[]).join(','))
    if (fault !== undefined) faults.push(`${list}: ${fault}`)
  }
  if (value.options !== undefined) {
    if (!isObject(value.options))
      faults.push('options: expected an object with one object per instrumentation')
    else {
      for (const [name, options] of Object.entries(value.options)) {
        const found = findInstrumentation(name)
        if (found === undefined) faults.push(`options: ${explainInstrumentation(name, found)}`)
        else if (!isObject(options)) faults.push(`options.${name}: expected an object`)
      }
    }
  }
  return faults.length > 0 ? faults.join('; ') : undefined
}

function instrumentationEntries(value: NonNullable<UserOptions['instrumentations']>): Entry[] {
  const entries: Entry[] = []
  for (const list of ['enabled', 'disabled'] as const) {
    const names = value[list]
    if (names !== undefined) {
      entries.push({ key: `instrumentations.${list}`, at: `instrumentations.${list}`, text: names.join(',') })
    }
  }
  if (value.options !== undefined) {
    entries.push({ key: 'instrumentations.options', at: 'instrumentations.options', value: value.options })
  }
  return entries
}

function checkSettings(value: unknown): string | undefined {
  if (!isObject(value)) return 'expected an object of texts by name of the environment variable'
  const faults: string[] = []
  for (const [name, entry] of Object.entries(value)) {
    const row = settings.find(r => r.env.includes(name))
    if (row === undefined) {
      const near = suggestName(name)
      faults.push(`${name} is not a setting${near ? `, did you mean ${near}?` : ''}`)
    } else if (typeof entry !== 'string') faults.push(`${name}: expected a text`)
    else {
      const parsed = row.parse(entry)
      const fault = 'fault' in parsed ? parsed.fault : parsed.faults?.join('; ')
      if (fault !== undefined) faults.push(`${name}: ${fault}`)
    }
  }
  return faults.length > 0 ? faults.join('; ') : undefined
}

function settingsEntries(value: Readonly<Record<string, string>>): Entry[] {
  return Object.entries(value).map(([name, entry]) => ({ name, at: `settings.${name}`, text: entry }))
}

/** Everything that is wrong with the options, at once. Never throws, whatever it is given. */
export function checkUserOptions(options: unknown): Problem[] {
  if (options === undefined) return []
  if (!isObject(options)) {
    return [{ code: 'ORG_OTEL_ARGUMENT', subject: 'start()', message: 'expected an object of options' }]
  }
  const problems: Problem[] = []
  for (const name of Object.keys(options)) {
    const fault = checkOption(options, name)
    if (fault !== undefined) problems.push(argumentProblem(name, fault))
  }
  return problems
}

function checkOption(options: Record<string, unknown>, name: string): string | undefined {
  if (!Object.hasOwn(optionRows, name)) {
    const near = findClosest(name, Object.keys(optionRows))
    return `there is no such option${near ? `, did you mean ${near}?` : ''}`
  }
  try {
    const value = options[name]
    return value === undefined ? undefined : optionRows[name as keyof UserOptions].check(value)
  } catch (error) {
    return `cannot be read: ${error instanceof Error ? error.message : 'it throws'}`
  }
}

function argumentProblem(name: string, message: string): Problem {
  return { code: 'ORG_OTEL_ARGUMENT', subject: `start({ ${name} })`, message }
}

/** Throws a CodedError that lists every bad option. */
export function expectUserOptions(options: unknown): asserts options is UserOptions | undefined {
  const problems = checkUserOptions(options)
  if (problems.length > 0) throw new CodedError('ORG_OTEL_ARGUMENT', problems)
}

/** The options as rows of the table; what the table has no row for (objects with methods) is left to `start`. */
export function readUserOptions(options: UserOptions): Entry[] {
  const entries: Entry[] = []
  for (const [name, value] of Object.entries(options)) {
    const row = Object.hasOwn(optionRows, name) ? optionRows[name as keyof UserOptions] : undefined
    if (row === undefined || value === undefined) continue
    if (row.toEntries !== undefined) entries.push(...row.toEntries(value))
    else if (row.key !== undefined) entries.push({ key: row.key, at: name, value })
  }
  return entries
}
