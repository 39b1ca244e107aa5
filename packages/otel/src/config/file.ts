// Declarative configuration (OTEL_CONFIG_FILE): YAML to the rows of our table. Loaded only when the variable is set,
// because it brings the YAML parser with it. What we do not do is said, node by node; nothing throws.
// https://opentelemetry.io/docs/specs/otel/configuration/data-model/
import type { Problem } from '../self/problem.ts'
import type { Entry, FileExtras, ParseConfigFile } from './entry.ts'
import { readInstrumentation } from './file-instrumentation.ts'
import { readMeterProvider } from './file-metrics.ts'
import { readResource } from './file-resource.ts'
import { readLimits, readLoggerProvider, readTracerProvider } from './file-signals.ts'
import { FileWalk } from './file-walk.ts'
import { readYaml } from './file-yaml.ts'
import { lookUp } from './look-up.ts'

const supported = { major: 1, minor: 1 }

export const parseConfigFile: ParseConfigFile = (text, env, path) => {
  const problems: Problem[] = []
  const fail = (message: string) => {
    problems.push({
      code: 'ORG_OTEL_CONFIG_FILE',
      subject: `OTEL_CONFIG_FILE=${JSON.stringify(path)} (environment)`,
      message: `${message}; using the environment instead`,
    })
    return { problems }
  }
  const yaml = readYaml(text, env)
  if ('fault' in yaml) return fail(yaml.fault)
  const root = yaml.value
  const format = checkFormat(root.file_format)
  if (format.fault !== undefined) return fail(format.fault)
  const entries: Entry[] = []
  const extras: Mutable<FileExtras> = {}
  const walk = new FileWalk(path, entries, problems)
  for (const note of yaml.notes) walk.unused('/', note)
  if (format.note !== undefined) walk.unused('/file_format', format.note)
  walk.node(root, '', {
    file_format: () => {},
    disabled: (value, at) => walk.set('disabled', value, at),
    log_level: (value, at) => readLogLevel(walk, value, at),
    attribute_limits: (value, at) =>
      readLimits(walk, value, at, {
        attribute_count_limit: 'attributeCount',
        attribute_value_length_limit: 'attributeValueLength',
      }),
    resource: (value, at) => readResource(walk, value, at, env, extras),
    propagator: (value, at) => readPropagator(walk, value, at),
    tracer_provider: (value, at) => readTracerProvider(walk, value, at),
    meter_provider: (value, at) => readMeterProvider(walk, value, at, extras),
    logger_provider: (value, at) => readLoggerProvider(walk, value, at),
    'instrumentation/development': (value, at) => readInstrumentation(walk, value, at, extras),
    distribution: (value, at) => readDistribution(walk, value, at),
  })
  addAbsent(walk, root)
  return { file: { entries, problems, extras }, problems }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

function checkFormat(value: unknown): { fault?: string; note?: string } {
  // YAML reads an unquoted 1.0 as the number 1.
  const text = typeof value === 'number' ? String(value) : value
  const match = typeof text === 'string' ? /^(\d+)(?:\.(\d+))?(?:-.*)?$/.exec(text) : null
  if (match === null)
    return { fault: `file_format is ${JSON.stringify(value) ?? 'missing'}, expected "1.0" or "1.1"` }
  if (Number(match[1]) !== supported.major)
    return { fault: `file_format ${text} is not supported, expected "1.0" or "1.1"` }
  if (Number(match[2] ?? 0) > supported.minor) {
    return { note: `file_format ${text} is newer than 1.${supported.minor}; what is new in it is ignored` }
  }
  return {}
}

/** What the data model says about nodes that are not there: no provider means no signal, no propagator none. */
function addAbsent(walk: FileWalk, root: Record<string, unknown>): void {
  if (root.tracer_provider == null) walk.give('traces.exporters', ['none'], '/tracer_provider')
  if (root.meter_provider == null) walk.give('metrics.exporters', ['none'], '/meter_provider')
  if (root.logger_provider == null) walk.give('logs.exporters', ['none'], '/logger_provider')
  if (root.propagator == null) walk.give('propagators', ['none'], '/propagator')
}

const levels: Readonly<Record<string, string>> = {
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  error: 'error',
  fatal: 'error',
}

/** `warn`, `warn2`: the severities of the log data model. */
function readLogLevel(walk: FileWalk, value: unknown, at: string): void {
  const level = lookUp(levels, String(value).replace(/[234]$/, ''))
  if (level === undefined)
    walk.invalid(at, value, 'expected trace, debug, info, warn, error or fatal; using info')
  else walk.give('logLevel', level, at)
}

function readPropagator(walk: FileWalk, value: unknown, at: string): void {
  const names: string[] = []
  walk.node(value, at, {
    composite: (list, listAt) => {
      for (const [index, item] of walk.list(list, listAt)) {
        const name = walk.only(item, `${listAt}/${index}`)?.name
        if (name !== undefined && !names.includes(name)) names.push(name)
      }
    },
    composite_list: (list, listAt) => {
      if (typeof list !== 'string')
        return walk.invalid(listAt, list, 'expected names separated by commas; ignored')
      for (const name of list.split(',')) {
        const trimmed = name.trim()
        if (trimmed !== '' && !names.includes(trimmed)) names.push(trimmed)
      }
    },
  })
  if (names.length > 0) walk.set('propagators', names.join(','), at)
  else walk.give('propagators', ['none'], at)
}

/**
 * `distribution: org_otel:` holds our own settings under the names of their variables, in lower case and without
 * `ORG_OTEL_`: `sampling: keep-errors`, `log_preset: ecs`, `http_probe_paths: [/health]`.
 */
function readDistribution(walk: FileWalk, value: unknown, at: string): void {
  // Other keys belong to other distributions; that is what the node is for.
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return
  const ours = (value as Record<string, unknown>).org_otel
  if (ours == null) return
  const ourAt = `${at}/org_otel`
  for (const [key, entry] of walk.entries(ours, ourAt)) {
    walk.setByName(`ORG_OTEL_${key.toUpperCase().replaceAll('-', '_')}`, entry, `${ourAt}/${key}`)
  }
}
