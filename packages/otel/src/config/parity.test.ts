// Whatever upstream reads from the environment, we read too, or say here why not. Grepped from the installed packages,
// so that an update which adds a variable fails this test.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { foreignNames } from './foreign-names.ts'
import { upstreamInstrumentations } from './instrumentation-names.ts'
import { settings } from './settings.ts'

/** Names in upstream's sources that are not settings, and why. */
const notApplicable: Readonly<Record<string, string>> = {
  OTEL_EXPORTER_OTLP_: 'a prefix to which the signal is added at run time',
  OTEL_CONTEXT_SYMBOL: 'a symbol of the winston instrumentation',
  OTEL_GRAPHQL_DATA_SYMBOL: 'a symbol of the graphql instrumentation',
  OTEL_PATCHED_SYMBOL: 'a symbol of the graphql instrumentation',
  OTEL_OPEN_SPANS: 'a symbol of the redis instrumentation',
  OTEL_SEV_NUM_FROM_BUNYAN_LEVEL: 'a table of the bunyan instrumentation',
  OTEL_SEV_NUM_FROM_PINO_LEVEL: 'a table of the pino instrumentation',
}
const constants =
  /^OTEL_(COMPONENT_TYPE_VALUE|SPAN_PARENT_ORIGIN_VALUE|SPAN_SAMPLING_RESULT_VALUE|STATUS_CODE_VALUE)_/

const store = findStore()
const packages = readdirSync(store).filter(name => name.startsWith('@opentelemetry+'))

function findStore(): string {
  let directory = dirname(require.resolve('@opentelemetry/api'))
  while (!directory.endsWith('/.pnpm')) directory = dirname(directory)
  return directory
}

function listScripts(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap(entry => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return listScripts(path)
    return /\.c?js$/.test(entry.name) ? [path] : []
  })
}

function findUpstreamNames(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const folder of packages) {
    const scope = join(store, folder, 'node_modules/@opentelemetry')
    const own = folder.slice('@opentelemetry+'.length).split('@')[0]!
    // Our own test partners are not what a user of sdk-node installs, but what they read counts all the same.
    for (const file of listScripts(join(scope, own))) {
      for (const match of readFileSync(file, 'utf8').matchAll(/\bOT(?:EL|LP)_[A-Z0-9_]+/g)) {
        const where = found.get(match[0]) ?? new Set()
        found.set(match[0], where.add(own))
      }
    }
  }
  return found
}

test('every variable that upstream reads is a row of the table, or has a reason not to be', () => {
  const names = findUpstreamNames()
  expect(names.size).toBeGreaterThan(60)
  for (const needed of [
    'sdk-node',
    'otlp-exporter-base',
    'otlp-grpc-exporter-base',
    'exporter-zipkin',
    'resources',
  ]) {
    expect(packages.some(folder => folder.startsWith(`@opentelemetry+${needed}@`))).toBe(true)
  }
  const known = new Set<string>(settings.flatMap(row => [...row.env]))
  const missing = [...names]
    .filter(
      ([name]) =>
        !known.has(name) && !(name in notApplicable) && !(name in foreignNames) && !constants.test(name),
    )
    .map(([name, where]) => `${name} (${[...where].join(', ')})`)
  expect(missing).toEqual([])
})

test('the variables that upstream composes at run time are rows for every signal', () => {
  const known = new Set<string>(settings.flatMap(row => [...row.env]))
  const suffixes = [
    'ENDPOINT',
    'HEADERS',
    'PROTOCOL',
    'TIMEOUT',
    'COMPRESSION',
    'INSECURE',
    'CERTIFICATE',
    'CLIENT_CERTIFICATE',
    'CLIENT_KEY',
  ]
  for (const signal of ['', 'TRACES_', 'METRICS_', 'LOGS_']) {
    for (const suffix of suffixes) expect(known).toContain(`OTEL_EXPORTER_OTLP_${signal}${suffix}`)
  }
})

test("the names of instrumentations are those of upstream's metapackage", () => {
  const entry = require.resolve('@opentelemetry/auto-instrumentations-node')
  const utils = readFileSync(join(dirname(entry), 'utils.cjs'), 'utf8')
  const names = [...utils.matchAll(/^\t"@opentelemetry\/instrumentation-([a-z0-9.-]+)":/gm)].map(
    match => match[1]!,
  )
  expect(names.length).toBeGreaterThan(38)
  expect([...upstreamInstrumentations].sort()).toEqual(names.sort())
})

test('the resource detectors that upstream knows by name are known here', () => {
  const entry = require.resolve('@opentelemetry/auto-instrumentations-node')
  const utils = readFileSync(join(dirname(entry), 'utils.cjs'), 'utf8')
  const names = [...utils.matchAll(/^const RESOURCE_DETECTOR_\w+ = "(\w+)"/gm)].map(match => match[1]!)
  const row = settings.find(r => r.key === 'detectors')!
  expect(names.length).toBeGreaterThan(8)
  expect(row.parse([...names, 'all'].join(','))).toEqual({ value: [...names, 'all'] })
})
