// What may be written as an option is what the instrumentations take: upstream's from the types of the installed packages,
// ours from our own.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readFacts } from './facts.ts'
import { parseConfigFile } from './file.ts'
import { instrumentationNames, upstreamInstrumentations } from './instrumentation-names.ts'
import { findOption, listOptions } from './instrumentation-options.ts'
import { resolveConfig } from './resolve.ts'
import { readUserOptions } from './user-options.ts'

const ours = new Set(['bunyan', 'kafkajs', 'pino', 'winston'])

/** Members of every interface of the package's declarations that is a configuration. */
function readOptions(name: string): Set<string> {
  const folder = join(__dirname, '../../node_modules/@opentelemetry', `instrumentation-${name}`, 'dist')
  const found = new Set<string>()
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.d.cts')) continue
    const text = readFileSync(join(folder, file), 'utf8')
    for (const [, named, typed, between, body] of text.matchAll(
      /(?:interface (\w+)|type (\w+) =)([^{;]*)\{([\s\S]*?)\n\}/g,
    )) {
      if (!/InstrumentationConfig/.test(`${named ?? typed}${between}`)) continue
      for (const [, member] of body!.matchAll(/^ {2,4}(?:readonly )?(\w+)\??\s*[:(]/gm)) found.add(member!)
    }
  }
  found.delete('enabled')
  return found
}

/** Members of nested objects that the crude reader above takes for options. */
const nested: Readonly<Record<string, readonly string[]>> = {
  http: ['client', 'server'],
  grpc: ['client', 'server'],
  undici: ['requestHeaders', 'responseHeaders'],
}

test('every instrumentation has its list', () => {
  expect(Object.keys(listOptions()).sort()).toEqual([...instrumentationNames].sort())
})

test.each(upstreamInstrumentations.filter(name => !ours.has(name)))('%s takes what upstream takes', name => {
  const missing = [...readOptions(name)].filter(
    option => !nested[name]?.includes(option) && findOption(name, option) !== option,
  )
  expect(missing).toEqual([])
})

test('the types of upstream are read at all', () => {
  expect(readOptions('pg')).toContain('enhancedDatabaseReporting')
  expect(readOptions('amqplib').size).toBeGreaterThan(4)
})

const options = (json: object) => JSON.stringify(json)
const facts = readFacts()
const lines = (env: Record<string, string>) =>
  resolveConfig({ env, facts }).problems.map(({ subject, message }) => `${subject}: ${message}`)

test.each<[string, Record<string, string>, string]>([
  [
    'an option in the environment',
    { ORG_OTEL_INSTRUMENTATION_PG_CONECT_SPANS: 'true' },
    'pg has no option "conectSpans" and ignores it, did you mean connectSpans?',
  ],
  [
    'an option in JSON',
    { ORG_OTEL_INSTRUMENTATION_OPTIONS: options({ pg: { keepLiteral: true } }) },
    'pg has no option "keepLiteral" and ignores it, did you mean keepLiterals?',
  ],
  [
    'a name in JSON',
    { ORG_OTEL_INSTRUMENTATION_OPTIONS: options({ expres: {} }) },
    'there is no instrumentation "expres", did you mean express?',
  ],
  [
    'a habit in JSON',
    { ORG_OTEL_INSTRUMENTATION_OPTIONS: options({ postgres: {} }) },
    '"postgres" is called pg here; using pg',
  ],
  [
    'a habit in a list',
    { OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'postgres' },
    '"postgres" is called pg here; using pg',
  ],
  [
    'a habit in the environment',
    { ORG_OTEL_INSTRUMENTATION_MONGO_ENHANCED_DATABASE_REPORTING: 'true' },
    '"mongo" is called mongodb here; using mongodb',
  ],
  [
    'a name in the environment',
    { ORG_OTEL_INSTRUMENTATION_FASTFY_REQUEST_HOOK: 'x' },
    'did you mean ORG_OTEL_INSTRUMENTATION_FASTIFY_...?',
  ],
])('%s is named with the one that was meant', (_, env, said) => {
  expect(lines(env)).toEqual([expect.stringContaining(said)])
})

test('what was meant by a habit is done', () => {
  const { config } = resolveConfig({ env: { OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'postgres,mongo' }, facts })
  expect([...config.instrumentations.disabled]).toEqual(['pg', 'mongodb'])
})

test('the environment has no capital letters, the option has', () => {
  const { config, problems } = resolveConfig({
    env: {
      ORG_OTEL_INSTRUMENTATION_HTTP_REQUIRE_PARENT_FOR_OUTGOING_SPANS: 'true',
      ORG_OTEL_INSTRUMENTATION_AWS_SDK_DYNAMO_DB_STATEMENT_SERIALIZER: 'x',
    },
    facts,
  })
  expect(problems).toEqual([])
  expect(config.instrumentations.options).toEqual({
    http: { requireParentforOutgoingSpans: true },
    'aws-sdk': { dynamoDBStatementSerializer: 'x' },
  })
})

test('code and file are told as well', () => {
  const fromCode = resolveConfig({
    env: {},
    facts,
    code: readUserOptions({ instrumentations: { options: { pg: { keepLiteral: true } } } }),
  })
  expect(fromCode.problems.map(p => `${p.subject}: ${p.message}`)).toEqual([
    'instrumentations.options (code): pg has no option "keepLiteral" and ignores it, did you mean keepLiterals?',
  ])
  const text =
    'file_format: "1.0"\ninstrumentation/development:\n  js:\n    postgres:\n      keep_literal: true\n'
  const fromFile = resolveConfig({
    env: { OTEL_CONFIG_FILE: 'otel.yaml' },
    facts: { ...facts, readText: path => (path === 'otel.yaml' ? text : undefined) },
    loadFileParser: () => parseConfigFile,
  })
  expect(fromFile.problems.map(p => p.message)).toEqual([
    '"postgres" is called pg here; using pg',
    'pg has no option "keepLiteral" and ignores it, did you mean keepLiterals?',
  ])
})
