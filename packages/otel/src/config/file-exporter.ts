import { findClosest } from './closest.ts'
import type { Signal } from './config.ts'
import type { FileWalk } from './file-walk.ts'
import { isObject } from './parse-json.ts'
import { parseHeaders } from './parse-pairs.ts'

type Row =
  | 'endpoint'
  | 'protocol'
  | 'headers'
  | 'timeout'
  | 'compression'
  | 'insecure'
  | 'ca'
  | 'cert'
  | 'key'

/** `otlp_grpc`, `otlp_http`, `console`: returns the name of the exporter, or undefined when there is none we have. */
export function readExporter(
  walk: FileWalk,
  value: unknown,
  at: string,
  signal: Signal,
  more: Readonly<Record<string, (value: unknown, at: string) => void>> = {},
): 'otlp' | 'console' | undefined {
  const only = walk.only(value, at)
  if (only === undefined) return undefined
  switch (only.name) {
    case 'otlp_http':
    case 'otlp_grpc':
      readOtlp(walk, only.value, only.at, signal, only.name === 'otlp_grpc', more)
      return 'otlp'
    case 'console':
      walk.node(only.value, only.at, more)
      return 'console'
    default: {
      const meant = findClosest(only.name, ['otlp_grpc', 'otlp_http', 'console'])
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`
      walk.unused(only.at, `is not an exporter we have and is ignored${hint}`)
      return undefined
    }
  }
}

function readOtlp(
  walk: FileWalk,
  value: unknown,
  at: string,
  signal: Signal,
  grpc: boolean,
  more: Readonly<Record<string, (value: unknown, at: string) => void>>,
): void {
  const key = <R extends Row>(row: R) => `${signal}.otlp.${row}` as const
  let protocol = grpc ? 'grpc' : 'http/protobuf'
  let listed: Readonly<Record<string, string>> = {}
  const headers: Record<string, string> = {}
  let insecure: unknown = false
  // The data model's default, which is not ours: nobody is asked to pay for compression by a file that does not name it.
  let compression: unknown = 'none'
  let endpoint = false
  walk.node(value, at, {
    endpoint: (v, where) => {
      endpoint = true
      walk.set(key('endpoint'), v, where)
    },
    encoding: (v, where) => {
      if (grpc) walk.unused(where)
      else if (v === 'json') protocol = 'http/json'
      else if (v !== 'protobuf') walk.invalid(where, v, 'expected protobuf or json; using protobuf')
    },
    headers: (list, where) => {
      for (const [index, item] of walk.list(list, where)) {
        if (!isObject(item) || typeof item.name !== 'string') {
          walk.invalid(`${where}/${index}`, '<hidden>', 'expected name and value; ignored')
        } else if (item.value != null) headers[item.name.toLowerCase()] = String(item.value)
      }
    },
    headers_list: (text, where) => {
      const parsed = parseHeaders(String(text))
      if (!('fault' in parsed)) {
        listed = parsed.value
        if (parsed.faults !== undefined) walk.invalid(where, '<hidden>', parsed.faults.join('; '))
      }
    },
    compression: v => {
      compression = v
    },
    timeout: (v, where) => {
      if (v === 0) walk.invalid(where, v, 'no limit is not supported; using 10000')
      else walk.set(key('timeout'), v, where)
    },
    tls: (tls, where) =>
      walk.node(tls, where, {
        ca_file: (v, w) => walk.set(key('ca'), v, w),
        cert_file: (v, w) => walk.set(key('cert'), v, w),
        key_file: (v, w) => walk.set(key('key'), v, w),
        ...(grpc
          ? {
              insecure: (v: unknown) => {
                insecure = v
              },
            }
          : {}),
      }),
    ...more,
  })
  walk.give(key('protocol'), protocol, at)
  walk.set(key('compression'), compression, `${at}/compression`)
  if (Object.keys(headers).length + Object.keys(listed).length > 0) {
    walk.give(key('headers'), { ...listed, ...headers }, `${at}/headers`)
  }
  if (grpc && endpoint) walk.give(key('insecure'), insecure === true, `${at}/tls/insecure`)
}
