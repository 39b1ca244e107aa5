import type { Problem } from '../self/problem.ts'
import { cleanValue } from './clean.ts'
import { findClosest } from './closest.ts'
import type { Config } from './config.ts'
import {
  instrumentationAliases,
  instrumentationHabits,
  instrumentationNames,
} from './instrumentation-names.ts'
import { explainOption, findOption } from './instrumentation-options.ts'
import { knownNames } from './known-names.ts'
import { explainInstrumentation, findInstrumentation } from './parse-instrumentations.ts'
import { parseOptionValue } from './parse-json.ts'
import type { Env } from './read-env.ts'
import type { Origins } from './resolve.ts'
import { optionPrefix, type Values } from './settings.ts'

type Options = Record<string, Record<string, unknown>>

export function resolveInstrumentations(
  v: Values,
  origins: Origins,
  env: Env,
  fromFile: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined,
  problems: Problem[],
): Config['instrumentations'] {
  const options: Options = {}
  if (fromFile !== undefined) merge(options, fromFile, 'the configuration file', problems)
  if (v['genai.captureContent']) options.openai = { ...options.openai, captureMessageContent: true }
  const { from, name } = origins['instrumentations.options']
  merge(options, v['instrumentations.options'], `${name} (${from})`, problems)
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
    const fault = explainInstrumentation(written, name)
    if (fault !== undefined)
      problems.push({
        code: 'ORG_OTEL_CONFIG_INVALID',
        subject: where,
        message: name === undefined ? `${fault}; its options are ignored` : fault,
      })
    if (name === undefined) continue
    for (const [option, value] of Object.entries(entry))
      setOption(options, name, option, value, where, problems)
  }
}

/** An option that the instrumentation does not have is handed on all the same: it may be newer than our list. */
function setOption(
  options: Options,
  name: string,
  written: string,
  value: unknown,
  where: string,
  problems: Problem[],
): void {
  const option = findOption(name, written)
  if (option === undefined)
    problems.push({
      code: 'ORG_OTEL_CONFIG_UNKNOWN',
      subject: where,
      message: explainOption(name, written),
    })
  options[name] = { ...options[name], [option ?? written]: value }
}

/** `ORG_OTEL_INSTRUMENTATION_AWS_SDK_SUPPRESS_INTERNAL_INSTRUMENTATION=true`. */
function mergeEnv(options: Options, env: Env, problems: Problem[]): void {
  for (const variable in env) {
    if (!variable.startsWith(optionPrefix) || knownNames().has(variable)) continue
    const raw = env[variable]
    if (!raw) continue
    const where = `${variable} (environment)`
    const rest = variable.slice(optionPrefix.length)
    const split = splitOption(rest)
    if (split === undefined) {
      problems.push({ code: 'ORG_OTEL_CONFIG_UNKNOWN', subject: where, message: explainVariable(rest) })
      continue
    }
    const fault = explainInstrumentation(split.written, split.name)
    if (fault !== undefined)
      problems.push({ code: 'ORG_OTEL_CONFIG_INVALID', subject: where, message: fault })
    setOption(options, split.name, split.option, parseOptionValue(cleanValue(raw).text), where, problems)
  }
}

/** The name may have several words: the nearest of what its first ones could mean. */
function explainVariable(rest: string): string {
  const parts = rest.toLowerCase().split('_')
  for (let count = Math.min(3, parts.length - 1); count > 0; count--) {
    const near = findClosest(parts.slice(0, count).join('-'), instrumentationNames)
    if (near !== undefined)
      return `is ignored, there is no such instrumentation; did you mean ${optionPrefix}${toUpper(near)}_...?`
  }
  return `is ignored, expected ${optionPrefix}<NAME>_<OPTION> with the name of an instrumentation`
}

function toUpper(name: string): string {
  return name.toUpperCase().replace(/[^A-Z0-9]+/g, '_')
}

/** `AWS_SDK_SQS_...` -> `aws-sdk`, `sqs...`: the longest name that fits, so that `redis` does not take `redis-x`. */
function splitOption(rest: string): { name: string; written: string; option: string } | undefined {
  let best = ''
  let bestName = ''
  const names = [
    ...instrumentationNames,
    ...Object.keys(instrumentationAliases),
    ...Object.keys(instrumentationHabits),
  ]
  for (const name of names) {
    const upper = toUpper(name)
    if (rest.length > upper.length + 1 && rest.startsWith(`${upper}_`) && upper.length > best.length) {
      best = upper
      bestName = name
    }
  }
  if (best === '') return undefined
  return {
    name: findInstrumentation(bestName)!,
    written: bestName,
    option: toCamelCase(rest.slice(best.length + 1)),
  }
}

function toCamelCase(words: string): string {
  return words.toLowerCase().replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
