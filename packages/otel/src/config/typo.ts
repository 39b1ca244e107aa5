// A misspelt setting is silence: nothing fails, nothing arrives, and the service is called unknown_service. Runs at
// every start, so a healthy environment must cost next to nothing: one pass over the names. What is said about one that
// is not known is in misspelt.ts, which is loaded only then.
import type { Problem } from '../self/problem.ts'
import { knownNames } from './known-names.ts'
import { explainName } from './misspelt.ts'
import { optionPrefix } from './settings.ts'
import { explainVendors } from './vendor-names.ts'

type Env = Readonly<Record<string, string | undefined>>

/** One problem for each name that was meant to be a setting and is not. Values are never part of it. */
export function checkNames(env: Env): Problem[] {
  const problems: Problem[] = []
  let hasVendors = false
  for (const name in env) {
    if (looksLikeVendors(name)) hasVendors = true
    if (!looksLikeOurs(name) || knownNames().has(name)) continue
    // Options of instrumentations are checked with those.
    if (name.startsWith(optionPrefix) && name.length > optionPrefix.length) continue
    const problem = explainName(name)
    if (problem !== undefined) problems.push(problem)
  }
  if (hasVendors) problems.push(...explainVendors(env))
  return problems
}

/** `DD_`, `ELASTIC_APM_`, `SENTRY_`, `NEW_RELIC_`: see vendor-names.ts. */
function looksLikeVendors(name: string): boolean {
  switch (name.charCodeAt(0)) {
    case 0x44:
      return name.startsWith('DD_')
    case 0x45:
      return name.startsWith('ELASTIC_APM_')
    case 0x4e:
      return name.startsWith('NEW_RELIC_')
    case 0x53:
      return name.startsWith('SENTRY_')
    default:
      return false
  }
}

/** OTEL_, OTLP_, ORG_OTEL_ in any case; two characters decide for nearly every name there is. */
function looksLikeOurs(name: string): boolean {
  const first = name.charCodeAt(0) | 32
  if (first !== 0x6f || name.length < 6) return false
  const second = name.charCodeAt(1) | 32
  if (second !== 0x74 && second !== 0x72 && second !== 0x65 && second !== 0x70) return false
  if (name.startsWith('OTEL_') || name.startsWith('ORG_OTEL_')) return true
  const upper = name.toUpperCase().replaceAll('-', '_')
  for (const start of prefixes) if (upper.startsWith(start)) return true
  return false
}

const prefixes = [
  'OTEL_',
  'OTLP_',
  'ORG_OTEL_',
  'ORGOTEL_',
  'OTLE_',
  'OETL_',
  'OPENTELEMETRY_',
  'OPEN_TELEMETRY_',
]
