// What is done with the value of an attribute, by its name. The table is read once per name: what is not in it is judged by
// the words of the name and remembered.
import type { SecretKeys } from './secret-key.ts'

/** Never has a secret: enumerated words, host names, ids, what we made ourselves. */
export const CLEAN = 0
/** Any text: URLs, `key=value`, credentials that show by their look. */
export const TEXT = 1
/** A whole URL or request target. */
export const URL = 2
/** A query without its `?`. */
export const QUERY = 3
/** Hidden whole. */
export const HIDE = 4
/** A statement in the language of the span's database. */
export const STATEMENT = 5
/** The message or the stack trace of an error. */
export const ERROR = 6
/** What an application gave as an argument: as TEXT, and e-mail addresses and card numbers. */
export const ARGUMENT = 7
/** GraphQL, JSON. */
export const DOCUMENT = 8

export type Rule = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8

const rows: readonly (readonly [Rule, string])[] = [
  [
    CLEAN,
    'http.request.method http.request.method_original http.response.status_code http.method http.status_code http.flavor',
  ],
  [
    CLEAN,
    'http.scheme url.scheme http.request.resend_count http.request.body.size http.response.body.size http.host',
  ],
  [
    CLEAN,
    'server.address server.port client.address client.port network.protocol.name network.protocol.version',
  ],
  [
    CLEAN,
    'network.peer.address network.peer.port network.transport network.type net.peer.name net.peer.port net.peer.ip',
  ],
  [CLEAN, 'net.host.name net.host.port net.host.ip net.transport net.protocol.name net.protocol.version'],
  [
    CLEAN,
    'db.system.name db.system db.operation.name db.operation db.response.status_code db.namespace db.name',
  ],
  [
    CLEAN,
    'error.type otel.status_code thread.id thread.name code.function.name code.function express.type koa.type',
  ],
  [
    CLEAN,
    'messaging.system messaging.operation.name messaging.operation.type messaging.client.id rpc.system rpc.system.name',
  ],
  [
    CLEAN,
    'rpc.method rpc.service rpc.grpc.status_code rpc.response.status_code gen_ai.operation.name gen_ai.provider.name',
  ],
  // Names of what is called, not its secrets.
  [CLEAN, 'messaging.kafka.offset messaging.kafka.consumer.group gen_ai.token.type'],
  [ARGUMENT, 'messaging.kafka.message.key messaging.rabbitmq.destination.routing_key messaging.message.id'],
  [
    URL,
    'url.full url.original url.path http.url http.target http.referer messaging.url aws.request.url faas.trigger.url',
  ],
  [QUERY, 'url.query url.fragment'],
  [STATEMENT, 'db.query.text db.statement db.query.summary db.sql'],
  [DOCUMENT, 'graphql.source graphql.document'],
  [
    ERROR,
    'exception.message exception.stacktrace error.message error.stack error.stacktrace err.message err.stack otel.status_description',
  ],
  [ERROR, 'graphql.error.message messaging.error.message rpc.response.error_message message'],
]

/** By the beginning of the name. */
const prefixes: readonly (readonly [Rule, string])[] = [
  // Bound values, which an option of the instrumentation asked for.
  [ARGUMENT, 'db.query.parameter.'],
  [ARGUMENT, 'db.operation.parameter.'],
  [ARGUMENT, 'db.postgresql.values'],
  [ARGUMENT, 'db.mysql.values'],
  [ARGUMENT, 'graphql.variables.'],
]

/** Headers and metadata of a request or an answer. */
const carriers =
  /^(?:http\.(?:request|response)\.header|rpc\.(?:\w+\.)?(?:request|response)\.metadata|messaging\.(?:\w+\.)*headers?)\./

/** Headers that are a credential whole. Others are judged by the words of their name. */
const credentialHeaders = new Set([
  'authorization',
  'proxy-authorization',
  'www-authenticate',
  'authentication-info',
  'cookie',
  'set-cookie',
  'x-api-key',
  'x-auth-token',
  'x-amz-security-token',
  'x-forwarded-client-cert',
])

const urlNames = /(?:^|[._])(?:url|uri|href|target|referr?er|location|link|endpoint|path)$/i
// What language models count by, and what names a session without opening it.
const harmlessNames = /^(?:gen_ai\.|llm\.|ai\.usage|session\.|openinference\.)/

export function isCredentialHeader(name: string, keys: SecretKeys): boolean {
  const lower = name.toLowerCase().replaceAll('_', '-')
  return credentialHeaders.has(lower) || (keys.isSecretQueryKey(name) && lower !== 'sec-websocket-key')
}

/** `shown` names stay even when the table would look at them. */
export function chooseRule(name: string, keys: SecretKeys): Rule {
  const known = table.get(name)
  if (known !== undefined) return known
  for (const [rule, prefix] of prefixes) if (name.startsWith(prefix)) return rule
  const carrier = carriers.exec(name)
  if (carrier !== null) return isCredentialHeader(name.slice(carrier[0].length), keys) ? HIDE : URL
  if (!harmlessNames.test(name) && keys.isSecretName(name)) return HIDE
  return urlNames.test(name) ? URL : TEXT
}

const table = new Map<string, Rule>()
for (const [rule, names] of rows) for (const name of names.split(' ')) table.set(name, rule)

/**
 * Instrumentations of ours whose values come out of this room already: not looked at twice, and an option of theirs that asks
 * for literals (`keepLiterals`, `dbStatementSerializer`) or for other query keys is an answer. Of HTTP only as long as nobody
 * else has set anything on the span: the application gets that one with `trace.getActiveSpan()`.
 */
export const cleanByScope: Readonly<Record<string, readonly string[]>> = {
  '@opentelemetry/instrumentation-pg': ['db.query.text', 'db.statement'],
  '@opentelemetry/instrumentation-mysql': ['db.query.text', 'db.statement'],
  '@opentelemetry/instrumentation-mysql2': ['db.query.text', 'db.statement'],
  '@opentelemetry/instrumentation-ioredis': ['db.query.text', 'db.statement'],
}

export const cleanWhenUntouched: Readonly<Record<string, readonly string[]>> = {
  '@opentelemetry/instrumentation-http': ['url.full', 'url.query'],
  '@opentelemetry/instrumentation-undici': ['url.full', 'url.query'],
}
