// What was meant by a name that is not a setting. Loaded only once there is one.
import type { Problem } from '../self/problem.ts'
import { editDistance } from './closest.ts'
import { foreignNames, foreignPrefixes } from './foreign-names.ts'
import { knownNames } from './known-names.ts'

/** What people write that no distance would lead to the right name. */
const habits: Readonly<Record<string, string>> = {
  OTEL_SERVICE: 'OTEL_SERVICE_NAME',
  OTEL_APP_NAME: 'OTEL_SERVICE_NAME',
  OTEL_APPLICATION_NAME: 'OTEL_SERVICE_NAME',
  OTEL_NAME: 'OTEL_SERVICE_NAME',
  OTEL_ENDPOINT: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  OTLP_ENDPOINT: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  OTEL_URL: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  OTEL_COLLECTOR_URL: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  OTEL_COLLECTOR_ENDPOINT: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  OTEL_AGENT_ENDPOINT: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  OTEL_EXPORTER_OTLP_URL: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  OTEL_EXPORTER_URL: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  OTEL_EXPORTER_OTLP_HOST: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  OTEL_EXPORTER_OTLP: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  OTEL_EXPORTER_OTLP_SPAN_ENDPOINT: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  OTEL_EXPORTER_OTLP_SPAN_INSECURE: 'OTEL_EXPORTER_OTLP_TRACES_INSECURE',
  OTEL_EXPORTER_OTLP_TOKEN: 'OTEL_EXPORTER_OTLP_HEADERS',
  OTEL_EXPORTER_OTLP_AUTHORIZATION: 'OTEL_EXPORTER_OTLP_HEADERS',
  OTEL_EXPORTER_OTLP_CA: 'OTEL_EXPORTER_OTLP_CERTIFICATE',
  OTEL_EXPORTER_OTLP_CERT: 'OTEL_EXPORTER_OTLP_CERTIFICATE',
  OTEL_EXPORTER: 'OTEL_TRACES_EXPORTER',
  OTEL_TAGS: 'OTEL_RESOURCE_ATTRIBUTES',
  OTEL_ATTRIBUTES: 'OTEL_RESOURCE_ATTRIBUTES',
  OTEL_RESOURCES: 'OTEL_RESOURCE_ATTRIBUTES',
  OTEL_RESOURCE_LABELS: 'OTEL_RESOURCE_ATTRIBUTES',
  OTEL_DISABLED: 'OTEL_SDK_DISABLED',
  OTEL_DISABLE: 'OTEL_SDK_DISABLED',
  OTEL_SDK_ENABLED: 'OTEL_SDK_DISABLED',
  OTEL_ENABLED: 'OTEL_SDK_DISABLED',
  OTEL_TRACING_ENABLED: 'OTEL_SDK_DISABLED',
  OTEL_DEBUG: 'OTEL_LOG_LEVEL',
  OTEL_LOGGING_LEVEL: 'OTEL_LOG_LEVEL',
  OTEL_DIAG_LEVEL: 'OTEL_LOG_LEVEL',
  OTEL_SAMPLER: 'OTEL_TRACES_SAMPLER',
  OTEL_SAMPLING: 'OTEL_TRACES_SAMPLER',
  OTEL_SAMPLER_ARG: 'OTEL_TRACES_SAMPLER_ARG',
  OTEL_SAMPLING_RATE: 'OTEL_TRACES_SAMPLER_ARG',
  OTEL_SAMPLING_RATIO: 'OTEL_TRACES_SAMPLER_ARG',
  OTEL_SAMPLE_RATE: 'OTEL_TRACES_SAMPLER_ARG',
  OTEL_TRACES_SAMPLER_RATIO: 'OTEL_TRACES_SAMPLER_ARG',
  OTEL_TRACES_SAMPLE_RATE: 'OTEL_TRACES_SAMPLER_ARG',
  OTEL_PROPAGATION: 'OTEL_PROPAGATORS',
  OTEL_DISABLED_INSTRUMENTATIONS: 'OTEL_NODE_DISABLED_INSTRUMENTATIONS',
  OTEL_ENABLED_INSTRUMENTATIONS: 'OTEL_NODE_ENABLED_INSTRUMENTATIONS',
  OTEL_RESOURCE_DETECTORS: 'OTEL_NODE_RESOURCE_DETECTORS',
  OTEL_CONFIG: 'OTEL_CONFIG_FILE',
  OTEL_EXPORTER_OTLP_METRIC_ENDPOINT: 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
  OTEL_EXPORTER_METRICS_TEMPORALITY: 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE',
  OTEL_EXEMPLAR_FILTER: 'OTEL_METRICS_EXEMPLAR_FILTER',
  OTEL_TRACE_ENABLED: 'OTEL_TRACES_EXPORTER',
  OTEL_TRACES_ENABLED: 'OTEL_TRACES_EXPORTER',
  OTEL_METRICS_ENABLED: 'OTEL_METRICS_EXPORTER',
  OTEL_LOGS_ENABLED: 'OTEL_LOGS_EXPORTER',
}

/** Words people mix up, reduced to one form before names are compared as sets of words. */
const sameWords: Readonly<Record<string, string>> = {
  TRACE: 'TRACES',
  TRACING: 'TRACES',
  SPANS: 'TRACES',
  METRIC: 'METRICS',
  LOG: 'LOGS',
  LOGGING: 'LOGS',
  EXPORT: 'EXPORTER',
  EXPORTERS: 'EXPORTER',
  SAMPLING: 'SAMPLER',
  SAMPLERS: 'SAMPLER',
  ARGS: 'ARG',
  ARGUMENT: 'ARG',
  ATTRS: 'ATTRIBUTES',
  ATTR: 'ATTRIBUTES',
  ATTRIBUTE: 'ATTRIBUTES',
  PROPAGATOR: 'PROPAGATORS',
  RESOURCES: 'RESOURCE',
  HEADER: 'HEADERS',
  URL: 'ENDPOINT',
  URI: 'ENDPOINT',
  HOST: 'ENDPOINT',
  ADDRESS: 'ENDPOINT',
  INSTRUMENTATION: 'INSTRUMENTATIONS',
  DETECTOR: 'DETECTORS',
  LIMITS: 'LIMIT',
  SVC: 'SERVICE',
  CERT: 'CERTIFICATE',
}

/** What is wrong with a name that is not a setting; nothing if it has another meaning elsewhere. */
export function explainName(name: string): Problem | undefined {
  const ours = name.startsWith('ORG_OTEL_')
  if (isForeign(name)) return undefined
  const meant = suggestName(name)
  if (meant === undefined && !ours) return undefined
  return {
    code: 'ORG_OTEL_CONFIG_UNKNOWN',
    subject: `${name} (environment)`,
    message:
      meant === undefined
        ? 'is not a setting and is ignored; see docs/configuration.md for the names there are'
        : `is not a setting and is ignored; did you mean ${meant}?`,
  }
}

function isForeign(name: string): boolean {
  if (Object.hasOwn(foreignNames, name)) return true
  for (const prefix in foreignPrefixes) if (name.startsWith(prefix)) return true
  return false
}

/**
 * The name that was meant: the right letters in the wrong case, a known habit, the same words in another order or
 * number, or at most three slips of the finger.
 */
export function suggestName(name: string): string | undefined {
  const upper = name.toUpperCase().replaceAll('-', '_')
  const names = knownNames()
  if (names.has(upper)) return upper
  if (Object.hasOwn(habits, upper)) return habits[upper]
  const words = splitWords(upper)
  let best: string | undefined
  let bestScore = Number.POSITIVE_INFINITY
  for (const candidate of names) {
    const score = compare(upper, words, candidate)
    if (score < bestScore) {
      best = candidate
      bestScore = score
    }
  }
  return best
}

/** Lower is nearer; Infinity when the two are not related. */
function compare(name: string, words: readonly string[], candidate: string): number {
  const limit = name.length >= 12 ? 3 : 2
  const distance = editDistance(name, candidate, limit)
  const byLetters = distance <= limit ? distance : Number.POSITIVE_INFINITY
  const wanted = splitWords(candidate)
  let missing = 0
  for (const word of wanted) if (!hasWord(words, word)) missing++
  let surplus = 0
  for (const word of words) if (!hasWord(wanted, word)) surplus++
  // Every word is there, in whatever order or number; or all but one of several, and a word too few (OTEL_EXPORTER_ENDPOINT
  // lacks OTLP) is likelier than a word too many.
  let byWords = Number.POSITIVE_INFINITY
  if (missing === 0 && surplus === 0) byWords = 0.5
  else if (missing + surplus === 1 && words.length + wanted.length >= 5) {
    byWords = 2.2 + missing * 0.2 + surplus * 0.8 + wanted.length * 0.1
  }
  // Who writes no ORG_ means none, unless nothing else is near.
  if (candidate.startsWith('ORG_') && !name.startsWith('ORG_')) byWords++
  return Math.min(byLetters, byWords)
}

function splitWords(name: string): string[] {
  const words: string[] = []
  for (const word of name.split('_')) {
    if (word === '' || word === 'OTEL' || word === 'ORG') continue
    words.push(sameWords[word] ?? word)
  }
  return words
}

function hasWord(words: readonly string[], word: string): boolean {
  for (const other of words) {
    if (other === word) return true
    if (other.length > 4 && word.length > 4 && editDistance(other, word, 2) <= (word.length > 7 ? 2 : 1))
      return true
  }
  return false
}
