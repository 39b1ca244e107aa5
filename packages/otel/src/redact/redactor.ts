// The one object that hides secrets in what leaves: spans as they go to export, log records, attributes of metrics. Compiled
// from the settings, and replaced whole when they change.
import type { AttributeValue } from '@opentelemetry/api'
import type { EndedSpan, SpanEvent, SpanLink } from '../tracing/ended-span.ts'
import {
  ARGUMENT,
  CLEAN,
  chooseRule,
  cleanByScope,
  cleanWhenUntouched,
  DOCUMENT,
  ERROR,
  HIDE,
  isCredentialHeader,
  QUERY,
  type Rule,
  STATEMENT,
  TEXT,
  URL,
} from './attribute-rules.ts'
import { redactError } from './error-text.ts'
import { redactJsonLiterals } from './json-text.ts'
import { redactPersonal } from './personal.ts'
import { redactCommandText } from './redis-text.ts'
import { buildSecretKeys, type OwnKeys } from './secret-key.ts'
import { Statements } from './sql-text.ts'
import { type RedactionKind, redactionKinds, tally } from './tally.ts'
import { redactText } from './text.ts'
import { buildQueryRedactor, type QueryRedactor, redactPairs, redactUrl } from './url.ts'
import { buildValueRedactor } from './value.ts'

const redacted = 'REDACTED'
const maxRules = 2000
const maxRuleName = 128

export interface RedactorOptions {
  /** What is hidden; all kinds when not given. */
  readonly kinds?: readonly RedactionKind[]
  readonly keys?: OwnKeys
  /** Compiled and checked: each with the flag `g`. */
  readonly patterns?: readonly RegExp[]
}

type Open<T> = { -readonly [K in keyof T]: T[K] }
type Fields = Record<string, AttributeValue>

export interface Redactor {
  /** For the URLs that our own instrumentation puts together. */
  readonly query: QueryRedactor
  /** In place, before anybody gets the span. Never throws. */
  redactSpan(span: EndedSpan): void
  /** A value that is to be cut: half a URL does not show that it begins with a password. Never throws. */
  redactAttribute(key: string, value: unknown): unknown
  /** The body of a log record, or another value without a name. Never throws. */
  redactBody(value: unknown): unknown
  /** Attributes as an object; the same one when nothing is hidden. Never throws. */
  redactFields<T>(fields: Readonly<Record<string, T>>): Readonly<Record<string, T>>
}

/**
 * @example
 * const redactor = buildRedactor({ keys: { hidden: ['invoice_ref'] } })
 * redactor.redactAttribute('http.url', '/a?token=x') // '/a?token=REDACTED'
 */
export function buildRedactor({
  kinds = redactionKinds,
  keys: own,
  patterns = [],
}: RedactorOptions = {}): Redactor {
  const keys = buildSecretKeys(own)
  const hides = Object.fromEntries(redactionKinds.map(kind => [kind, kinds.includes(kind)])) as Record<
    RedactionKind,
    boolean
  >
  const rules = new Map<string, Rule>()
  const statements = new Map<string | undefined, Statements>()

  function ruleOf(key: string): Rule {
    let rule = rules.get(key)
    if (rule === undefined) {
      rule = chooseRule(key, keys)
      if (rule === HIDE && !hides.credential) rule = TEXT
      if (rules.size < maxRules && key.length <= maxRuleName) rules.set(key, rule)
    }
    return rule
  }

  function applyPatterns(text: string): string {
    let out = text
    for (const pattern of patterns)
      out = out.replace(pattern, () => {
        tally.pattern++
        return redacted
      })
    return out
  }
  const finish = patterns.length > 0 && hides.pattern ? applyPatterns : (text: string) => text

  function cleanText(text: string): string {
    if (text.length < 4) return finish(text)
    if (hides.credential) return finish(redactText(text, keys))
    return finish(hides.url ? redactUrl(text, keys) : text)
  }

  function cleanStatement(text: string, system: string | undefined): string {
    if (system !== undefined && commandSystems.has(system))
      return hides.argument ? redactCommandText(text) : cleanText(text)
    if (!hides.statement) return cleanText(text)
    if (system !== undefined && documentSystems.has(system)) return redactJsonLiterals(text)
    let known = statements.get(system)
    if (known === undefined) {
      if (statements.size >= 20) statements.clear()
      known = new Statements(system)
      statements.set(system, known)
    }
    const { redacted: clean } = known.find(text)
    if (clean.length !== text.length || clean !== text) tally.statement++
    return clean
  }

  function cleanByRule(rule: Rule, text: string, system: string | undefined): string {
    switch (rule) {
      case TEXT:
        return cleanText(text)
      case URL:
        return cleanText(hides.url ? redactUrl(text, keys) : text)
      case QUERY:
        return finish(hides.url ? redactPairs(text, keys) : text)
      case STATEMENT:
        return finish(cleanStatement(text, system))
      case ERROR:
        return finish(
          hides.statement && hides.credential && hides.personal
            ? redactError(text, keys, system)
            : cleanText(text),
        )
      case ARGUMENT:
        return cleanText(hides.personal ? redactPersonal(text) : text)
      case DOCUMENT:
        return finish(hides.statement ? redactJsonLiterals(text) : text)
      default:
        return text
    }
  }

  const values = buildValueRedactor({
    redactText: text => cleanText(text),
    isSecretField(key, value) {
      if (typeof value !== 'string' && !Array.isArray(value)) return false
      if (value === redacted || value === '' || !hides.credential) return false
      if (ruleOf(key) !== HIDE && !isLoggedHeader(key)) return false
      tally.credential++
      return true
    },
  })

  /** Headers as loggers print them: by their bare name. */
  function isLoggedHeader(key: string): boolean {
    return key.length >= 6 && loggedHeader.test(key) && isCredentialHeader(key, keys)
  }

  function cleanValue(key: string, value: unknown, system: string | undefined): unknown {
    const rule = ruleOf(key)
    if (rule === CLEAN) return value
    if (typeof value === 'string') {
      if (rule !== HIDE) return cleanByRule(rule, value, system)
      if (value === '' || value === redacted) return value
      tally.credential++
      return redacted
    }
    if (typeof value !== 'object' || value === null) return value
    if (rule === HIDE && (Array.isArray(value) || ArrayBuffer.isView(value))) {
      tally.credential++
      return Array.isArray(value) ? [redacted] : redacted
    }
    if (!Array.isArray(value)) return values.redact(value)
    let copy: unknown[] | undefined
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i]
      const after = typeof item === 'string' ? cleanByRule(rule, item, system) : values.redact(item)
      if (after === item) continue
      copy ??= [...value]
      copy[i] = after
    }
    return copy ?? value
  }

  function cleanFields(fields: Fields, system: string | undefined): Fields {
    let copy: Fields | undefined
    for (const key of Object.keys(fields)) {
      const before = fields[key]
      if (typeof before === 'number' || typeof before === 'boolean') continue
      const after = cleanValue(key, before, system)
      if (after === before) continue
      copy ??= { ...fields }
      copy[key] = after as AttributeValue
    }
    return copy ?? fields
  }

  function cleanName(name: string, system: string | undefined): string {
    if (hides.statement && (looksLikeStatement.test(name) || (system !== undefined && /['"]/.test(name))))
      return cleanText(cleanStatement(name, system))
    return cleanText(hides.url && name.includes('?') ? redactUrl(name, keys) : name)
  }

  function cleanSpan(span: Open<EndedSpan>): void {
    const attributes = span.attributes as (string | AttributeValue)[]
    const clean = findClean(span)
    let system: string | undefined
    let isSystemRead = false
    const readSystem = () => {
      if (!isSystemRead) system = findSystem(span)
      isSystemRead = true
      return system
    }
    for (let i = 1; i < attributes.length; i += 2) {
      const value = attributes[i]
      if (typeof value === 'number' || typeof value === 'boolean') continue
      const key = attributes[i - 1] as string
      const rule = rules.get(key) ?? ruleOf(key)
      if (rule === CLEAN || clean?.includes(key)) continue
      const after = cleanValue(key, value, rule === STATEMENT || rule === ERROR ? readSystem() : undefined)
      if (after !== value) attributes[i] = (after ?? redacted) as AttributeValue
    }
    // Names of our own and of most others are words.
    if (suspect.test(span.name)) span.name = cleanName(span.name, readSystem())
    else if (patterns.length > 0) span.name = finish(span.name)
    if (span.statusMessage !== '') span.statusMessage = cleanByRule(ERROR, span.statusMessage, readSystem())
    if (span.events !== null) for (const event of span.events) cleanEvent(event, readSystem())
    if (span.links !== null) for (const link of span.links) cleanLink(link)
  }

  function cleanEvent(event: SpanEvent, system: string | undefined): void {
    if (suspect.test(event.name)) event.name = cleanName(event.name, undefined)
    if (event.attributes !== undefined) event.attributes = cleanFields(event.attributes, system)
  }

  function cleanLink(link: SpanLink): void {
    if (link.attributes !== undefined) link.attributes = cleanFields(link.attributes, undefined)
  }

  return {
    query: hides.url ? buildQueryRedactor(keys) : buildQueryRedactor([]),
    redactSpan(span) {
      try {
        cleanSpan(span as Open<EndedSpan>)
      } catch {
        // What could not be looked at does not leave.
        const open = span as Open<EndedSpan>
        open.attributes = []
        open.events = null
        open.statusMessage = ''
        open.name = redacted
      }
    },
    redactAttribute(key, value) {
      try {
        return cleanValue(key, value, undefined)
      } catch {
        return undefined
      }
    },
    redactBody: value => (typeof value === 'string' ? cleanText(value) : values.redact(value)),
    redactFields<T>(fields: Readonly<Record<string, T>>) {
      try {
        return cleanFields(fields as unknown as Fields, undefined) as unknown as Readonly<Record<string, T>>
      } catch {
        return {}
      }
    },
  }
}

// A name that may have a secret in it: quotes, `=`, `?`, `@`, `://`, a digit behind a space.
const suspect = /['"=?@]|:\/|\beyJ|earer |\s\d/
const looksLikeStatement =
  /^\s*(?:select|insert|update|delete|with|merge|replace|call|exec|execute|create|alter|drop|grant|set)\s/i
const loggedHeader =
  /^(?:(?:proxy-)?authorization|(?:set-)?cookie|www-authenticate|authentication-info|x-[\w-]+)$/i

const commandSystems = new Set(['redis', 'valkey', 'memcached'])
const documentSystems = new Set([
  'mongodb',
  'elasticsearch',
  'opensearch',
  'couchdb',
  'couchbase',
  'dynamodb',
  'aws.dynamodb',
  'azure.cosmosdb',
  'cosmosdb',
])

const byScope = new Map(Object.entries(cleanByScope))
const byScopeUntouched = new Map(Object.entries(cleanWhenUntouched))

function findClean({ scope, touched }: EndedSpan): readonly string[] | undefined {
  return byScope.get(scope.name) ?? (touched === false ? byScopeUntouched.get(scope.name) : undefined)
}

function findSystem({ attributes, common }: EndedSpan): string | undefined {
  let system: unknown
  for (const list of [attributes, common?.attributes ?? []])
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === 'db.system.name') return String(list[i + 1])
      if (list[i] === 'db.system') system = list[i + 1]
    }
  return typeof system === 'string' ? system : undefined
}
