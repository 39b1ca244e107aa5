import type { FileExtras } from './entry.ts'
import type { FileWalk } from './file-walk.ts'
import { isObject } from './parse-json.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const otherLanguages = ['cpp', 'dotnet', 'erlang', 'go', 'java', 'php', 'python', 'ruby', 'rust', 'swift']

/**
 * `js:` holds one node per instrumentation with its options, names as in OTEL_NODE_ENABLED_INSTRUMENTATIONS (`pg`,
 * `aws_sdk`), options in snake case or as the instrumentation spells them; `enabled: false` switches one off.
 */
export function readInstrumentation(
  walk: FileWalk,
  value: unknown,
  at: string,
  extras: Mutable<FileExtras>,
): void {
  walk.node(value, at, {
    general: (general, where) => readGeneral(walk, general, where),
    js: (js, where) => {
      const options: Record<string, Record<string, unknown>> = {}
      for (const [name, entry] of walk.entries(js, where)) {
        if (entry === null) continue
        if (isObject(entry)) options[name.replaceAll('_', '-')] = toCamelKeys(entry)
        else walk.invalid(`${where}/${name}`, entry, 'expected a mapping of options; ignored')
      }
      if (Object.keys(options).length > 0) extras.options = options
    },
    // Files are shared between services in several languages: these are not for us, and that is fine.
    ...Object.fromEntries(otherLanguages.map(language => [language, () => {}])),
  })
}

function toCamelKeys(node: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  )
}

/** Server and client share one list of captured headers here. */
function readGeneral(walk: FileWalk, value: unknown, at: string): void {
  const request: string[] = []
  const response: string[] = []
  let methods: unknown
  const collect = (into: string[]) => (list: unknown, where: string) => {
    for (const [, name] of walk.list(list, where)) if (!into.includes(String(name))) into.push(String(name))
  }
  const side = (node: unknown, where: string) =>
    walk.node(node, where, {
      request_captured_headers: collect(request),
      response_captured_headers: collect(response),
      known_methods: list => {
        methods = list
      },
    })
  walk.node(value, at, {
    http: (http, where) => walk.node(http, where, { client: side, server: side }),
    stability_opt_in_list: (v, where) => walk.set('semconvOptIn', v, where),
    sanitization: (node, where) =>
      walk.node(node, where, {
        url: (url, urlAt) =>
          walk.node(url, urlAt, {
            sensitive_query_parameters: (list, w) => walk.set('http.redactQueryKeys', list, w),
          }),
      }),
  })
  if (request.length > 0) walk.set('http.captureRequestHeaders', request, `${at}/http`)
  if (response.length > 0) walk.set('http.captureResponseHeaders', response, `${at}/http`)
  if (methods !== undefined) walk.set('http.knownMethods', methods, `${at}/http`)
}
