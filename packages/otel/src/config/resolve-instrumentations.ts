import type { Problem } from '../self/problem.ts'
import { cleanValue } from './clean.ts'
import { findClosest } from './closest.ts'
import type { Config } from './config.ts'
import { instrumentationAliases, instrumentationNames } from './instrumentation-names.ts'
import { knownNames } from './known-names.ts'
import { lookUp } from './look-up.ts'
import { findInstrumentation } from './parse-instrumentations.ts'
import { parseOptionValue } from './parse-json.ts'
import type { Env } from './read-env.ts'
import { optionPrefix, type Values } from './settings.ts'

type Options = Record<string, Record<string, unknown>>

/** Options whose capital letters cannot be guessed from words. */
const oddSpellings: Readonly<Record<string, string>> = {
  requireParentForOutgoingSpans: 'requireParentforOutgoingSpans',
  requireParentForIncomingSpans: 'requireParentforIncomingSpans',
  requireParentForSpans: 'requireParentforSpans',
}

export function resolveInstrumentations(
  v: Values,
  env: Env,
  fromFile: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined,
  problems: Problem[],
): Config['instrumentations'] {
  const options: Options = {}
  if (fromFile !== undefined) merge(options, fromFile, 'the configuration file', problems)
  if (v['genai.captureContent']) options.openai = { ...options.openai, captureMessageContent: true }
  merge(options, v['instrumentations.options'], 'ORG_OTEL_INSTRUMENTATION_OPTIONS', problems)
  mergeEnv(options, env, problems)
  const enabled =
    v['instrumentations.enabled'] === undefined ? undefined : new Set(v['instrumentations.enabled'])
  const disabled = new Set(v['instrumentations.disabled'])
  // `enabled` among the options is what upstream's configuration objects use for the same thing.
  for (const name in options) {
    const on = options[name]!.enabled
    if (on === false) disabled.add(name)
    else if (on === true) enabled?.add(name)
  }
  return {
    ...(enabled === undefined ? {} : { enabled }),
    disabled,
    options,
    eager: v.eager,
    workers: v.workers,
  }
}

function merge(
  options: Options,
  more: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  where: string,
  problems: Problem[],
): void {
  for (const [written, entry] of Object.entries(more)) {
    const name = findInstrumentation(written)
    if (name !== undefined) options[name] = { ...options[name], ...entry }
    else {
      const near = findClosest(written, instrumentationNames)
      problems.push({
        code: 'ORG_OTEL_CONFIG_INVALID',
        subject: where,
        message: `there is no instrumentation ${JSON.stringify(written)}${near ? `, did you mean ${near}?` : ''}; its options are ignored`,
      })
    }
  }
}

/** `ORG_OTEL_INSTRUMENTATION_AWS_SDK_SUPPRESS_INTERNAL_INSTRUMENTATION=true`. */
function mergeEnv(options: Options, env: Env, problems: Problem[]): void {
  for (const name in env) {
    if (!name.startsWith(optionPrefix) || knownNames().has(name)) continue
    const raw = env[name]
    if (!raw) continue
    const split = splitOption(name.slice(optionPrefix.length))
    if (split === undefined) {
      problems.push({
        code: 'ORG_OTEL_CONFIG_UNKNOWN',
        subject: `${name} (environment)`,
        message: `is ignored, expected ${optionPrefix}<NAME>_<OPTION> with the name of an instrumentation`,
      })
      continue
    }
    options[split.name] = { ...options[split.name], [split.option]: parseOptionValue(cleanValue(raw).text) }
  }
}

/** `AWS_SDK_SQS_...` -> `aws-sdk`, `sqs...`: the longest name that fits, so that `redis` does not take `redis-x`. */
export function splitOption(rest: string): { name: string; option: string } | undefined {
  let best: string | undefined
  let bestName = ''
  for (const name of [...instrumentationNames, ...Object.keys(instrumentationAliases)]) {
    const upper = name.toUpperCase().replace(/[^A-Z0-9]+/g, '_')
    if (
      rest.length > upper.length + 1 &&
      rest.startsWith(`${upper}_`) &&
      upper.length > (best?.length ?? 0)
    ) {
      best = upper
      bestName = name
    }
  }
  if (best === undefined) return undefined
  const option = toCamelCase(rest.slice(best.length + 1))
  return {
    name: instrumentationAliases[bestName] ?? bestName,
    option: lookUp(oddSpellings, option) ?? option,
  }
}

function toCamelCase(words: string): string {
  return words.toLowerCase().replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
