// What can be asked of the instrumentation, and what is decided when nothing is.
import { types } from 'node:util'
import type { Span } from '@opentelemetry/api'
import { sayOnce } from './guard.ts'

/** Who the client is, for clients that do not tell. */
export interface ClientInfo {
  clientId?: string
  groupId?: string
  /** `host:port`, a comma-separated list of them, or an array. The only one, or none, ends up on spans. */
  bootstrapServers?: string | readonly string[]
}

export interface HookInfo {
  topic: string
  /** The message as the application passed or received it. Do not change it. */
  message: unknown
}

/**
 * Options of every function that instruments a client. All of them may be given again later:
 * the last given value of each one wins, also for a client the preload instrumented first.
 *
 * @example
 * ```ts
 * import { Kafka } from 'kafkajs'
 * import { instrumentKafka } from '@org/otel-kafka'
 *
 * const kafka = instrumentKafka(new Kafka({ brokers: ['localhost:9092'] }), {
 *   captureKey: true,
 *   ignoreTopics: ['health', /^__/],
 * })
 * ```
 */
export interface KafkaOptions {
  /** `false` (default): one `send` span per topic per call. `true`: one `create` span per message and one client `send` span that links to them. */
  createSpans?: boolean
  /**
   * Parent of a `process` span. `message` (default): the span that sent it. `ambient`: the span active around
   * the callback, if there is one. `link-only`: none, a new trace that links to the sender.
   */
  parent?: 'message' | 'ambient' | 'link-only'
  /** `always` (default): a `process` span links to the sender even when that is its parent. */
  links?: 'always' | 'when-not-parent'
  /**
   * Spans for the messages of a batch. `helper` (default): where `each(message, fn)` or `each.messages` of
   * {@link eachBatch} is used. `iterate`: `for...of` over `batch.messages` does it too. `none`: never.
   */
  batchMessageSpans?: 'helper' | 'iterate' | 'none'
  /** What happens to a trace context already in outgoing headers. `replace` (default) links to it; `preserve` leaves it. */
  existingContext?: 'replace' | 'preserve'
  /** `false`: spans, but no headers are written. Headers are still read. */
  propagation?: boolean
  /** `true` records message keys, a function records what it returns. Default `false`: keys are often personal data. */
  captureKey?: boolean | ((key: unknown) => string | undefined)
  /** Milliseconds a record waited between its timestamp and processing, as `kafka.record.queue_time_ms`. Default `true`. */
  captureQueueTime?: boolean
  /** `commit` spans for offset commits made by the application. Default `false`. */
  commitSpans?: boolean
  /** A span around each kafkajs or confluent transaction, from begin to commit or abort. Default `false`. */
  transactionSpans?: boolean
  /** Topics without spans, headers or metrics. */
  ignoreTopics?: readonly (string | RegExp)[]
  /** Called for every message about to be sent, with the span that covers it. */
  producerHook?(span: Span, info: HookInfo): void
  /** Called for every `process` span of a single message. */
  consumerHook?(span: Span, info: HookInfo): void
}

export interface Settings {
  readonly createSpans: boolean
  readonly parent: 'message' | 'ambient' | 'link-only'
  readonly links: 'always' | 'when-not-parent'
  readonly batchMessageSpans: 'helper' | 'iterate' | 'none'
  readonly existingContext: 'replace' | 'preserve'
  readonly propagation: boolean
  readonly captureKey: boolean | ((key: unknown) => string | undefined)
  readonly captureQueueTime: boolean
  readonly commitSpans: boolean
  readonly transactionSpans: boolean
  readonly ignoreTopics: readonly (string | RegExp)[]
  readonly producerHook: ((span: Span, info: HookInfo) => void) | undefined
  readonly consumerHook: ((span: Span, info: HookInfo) => void) | undefined
}

export const defaultSettings: Settings = Object.freeze({
  createSpans: false,
  parent: 'message',
  links: 'always',
  batchMessageSpans: 'helper',
  existingContext: 'replace',
  propagation: true,
  captureKey: false,
  captureQueueTime: true,
  commitSpans: false,
  transactionSpans: false,
  ignoreTopics: [],
  producerHook: undefined,
  consumerHook: undefined,
})

const isBoolean = (value: unknown) => typeof value === 'boolean'
const isFunction = (value: unknown) => typeof value === 'function'
const isOneOf =
  (...values: string[]) =>
  (value: unknown) =>
    values.includes(value as string)
const isPattern = (value: unknown) => typeof value === 'string' || types.isRegExp(value)

/** What each option may be. Options come from JavaScript and from configuration files too, where no compiler looks. */
const rules: Readonly<Record<keyof KafkaOptions, readonly [(value: unknown) => boolean, expected: string]>> =
  {
    createSpans: [isBoolean, 'true or false'],
    parent: [isOneOf('message', 'ambient', 'link-only'), "'message', 'ambient' or 'link-only'"],
    links: [isOneOf('always', 'when-not-parent'), "'always' or 'when-not-parent'"],
    batchMessageSpans: [isOneOf('helper', 'iterate', 'none'), "'helper', 'iterate' or 'none'"],
    existingContext: [isOneOf('replace', 'preserve'), "'replace' or 'preserve'"],
    propagation: [isBoolean, 'true or false'],
    captureKey: [value => isBoolean(value) || isFunction(value), 'true, false or a function'],
    captureQueueTime: [isBoolean, 'true or false'],
    commitSpans: [isBoolean, 'true or false'],
    transactionSpans: [isBoolean, 'true or false'],
    ignoreTopics: [
      value => Array.isArray(value) && value.every(isPattern),
      'an array of names and regular expressions',
    ],
    producerHook: [isFunction, 'a function'],
    consumerHook: [isFunction, 'a function'],
  }

/** Settings with the given options on top. An option that is absent, `undefined` or no possible value keeps its value. */
export function resolveSettings(
  options: KafkaOptions | undefined,
  base: Settings = defaultSettings,
): Settings {
  if (!options) return base
  const settings: Record<string, unknown> = { ...base }
  for (const name of Object.keys(options)) if (!known.has(name)) sayUnknownOption(name)
  for (const key of Object.keys(rules) as (keyof KafkaOptions)[]) {
    const value = options[key]
    if (value === undefined) continue
    const [isPossible, expected] = rules[key]
    if (isPossible(value)) settings[key] = value
    else sayOnce('warn', `ORG_OTEL_KAFKA_OPTION ${key}: expected ${expected}; using ${show(settings[key])}`)
  }
  return Object.freeze(settings) as unknown as Settings
}

/** `semconvOptIn` is for the preload's hooks, the others say who the client is. */
const known: ReadonlySet<string> = new Set([
  ...Object.keys(rules),
  'clientId',
  'groupId',
  'bootstrapServers',
  'semconvOptIn',
  'enabled',
])

function sayUnknownOption(name: string): void {
  const letters = (text: string) => text.toLowerCase().replace(/[^a-z]|s$/g, '')
  const meant = [...known].find(
    one => letters(one) === letters(name) || one.toLowerCase().startsWith(name.toLowerCase()),
  )
  sayOnce(
    'warn',
    `ORG_OTEL_KAFKA_OPTION ${JSON.stringify(name)} is no option and is ignored${meant ? `; did you mean ${meant}?` : ''}`,
  )
}

function show(value: unknown): string {
  return isFunction(value) ? 'the function given before' : (JSON.stringify(value) ?? 'none')
}

export function isIgnored(settings: Settings, topic: string): boolean {
  const patterns = settings.ignoreTopics
  if (patterns.length === 0) return false
  // A pattern with the g or y flag remembers where it stopped; matching must not depend on that.
  return patterns.some(pattern =>
    typeof pattern === 'string' ? pattern === topic : topic.search(pattern) !== -1,
  )
}
