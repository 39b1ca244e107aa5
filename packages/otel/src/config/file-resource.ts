import type { Attributes } from '@opentelemetry/api'
import type { FileExtras } from './entry.ts'
import type { FileWalk } from './file-walk.ts'
import { lookUp } from './look-up.ts'
import { isObject } from './parse-json.ts'
import { parsePairs } from './parse-pairs.ts'
import type { Env } from './read-env.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const detectorNames: Readonly<Record<string, readonly string[]>> = {
  container: ['container', 'k8s'],
  host: ['host', 'os'],
  process: ['process'],
  service: ['serviceinstance'],
  aws: ['aws'],
  gcp: ['gcp'],
  azure: ['azure'],
  alibaba: ['alibaba'],
}

export function readResource(
  walk: FileWalk,
  value: unknown,
  at: string,
  env: Env,
  extras: Mutable<FileExtras>,
): void {
  const attributes: Attributes = {}
  const listed: Attributes = {}
  let detectors: string[] = []
  let serviceDetector = false
  walk.node(value, at, {
    attributes: (list, listAt) => {
      for (const [index, item] of walk.list(list, listAt))
        readAttribute(walk, item, `${listAt}/${index}`, attributes)
    },
    attributes_list: (text, textAt) => {
      if (typeof text !== 'string') {
        walk.invalid(textAt, text, 'expected key=value,key=value; ignored')
        return
      }
      const parsed = parsePairs(text)
      if ('fault' in parsed) return
      Object.assign(listed, parsed.value)
      if (parsed.faults !== undefined) walk.invalid(textAt, text, parsed.faults.join('; '))
    },
    schema_url: url => {
      if (typeof url === 'string') extras.schemaUrl = url
    },
    'detection/development': (detection, detectionAt) =>
      walk.node(detection, detectionAt, {
        detectors: (list, listAt) => {
          for (const [index, item] of walk.list(list, listAt)) {
            const only = walk.only(item, `${listAt}/${index}`)
            if (only === undefined) continue
            const names = lookUp(detectorNames, only.name)
            if (names === undefined) walk.unused(only.at, 'is not a detector we have and is ignored')
            else detectors.push(...names)
            if (only.name === 'service') serviceDetector = true
          }
        },
      }),
  })
  detectors = [...new Set(detectors)]
  const all = { ...listed, ...attributes }
  if (Object.keys(all).length > 0) walk.give('resourceAttributes', all, `${at}/attributes`)
  // The `service` detector is defined as the one that reads OTEL_SERVICE_NAME.
  if (serviceDetector && env.OTEL_SERVICE_NAME) {
    walk.set('serviceName', env.OTEL_SERVICE_NAME, `${at}/detection/development/detectors/service`)
  }
  walk.give('detectors', detectors.length > 0 ? detectors : ['none'], `${at}/detection/development`)
}

const numberTypes: ReadonlySet<unknown> = new Set(['int', 'double', 'int_array', 'double_array'])

function readAttribute(walk: FileWalk, item: unknown, at: string, into: Attributes): void {
  if (!isObject(item) || typeof item.name !== 'string' || item.name === '') {
    walk.invalid(at, item, 'expected name and value; ignored')
    return
  }
  const { name, value, type } = item
  if (value === null || value === undefined) return
  const values = Array.isArray(value) ? value : [value]
  if (!values.every(v => typeof v === 'string' || typeof v === 'boolean' || Number.isFinite(v))) {
    walk.invalid(`${at}/value`, value, 'expected a text, number, true or false, or a list of these; ignored')
    return
  }
  const convert = (v: unknown): unknown => {
    if (type === 'string' || type === 'string_array') return String(v)
    if (numberTypes.has(type)) return Number(v)
    if (type === 'bool' || type === 'bool_array') return v === true || v === 'true'
    return v
  }
  const converted = values.map(convert)
  if (converted.some(v => Number.isNaN(v))) {
    walk.invalid(`${at}/value`, value, `expected ${String(type)}; ignored`)
    return
  }
  into[name] = (Array.isArray(value) ? converted : converted[0]) as Attributes[string]
}
