// The promise: whatever became of a setting that holds a credential, none of it is printed.

import { machine } from '../../test/config/machine.ts'
import { describeEndpoint } from '../self/endpoint-text.ts'
import { parseConfigFile } from './file.ts'
import { renderSettings, renderStartupLine } from './render.ts'
import { resolveConfig } from './resolve.ts'
import { checkUserOptions } from './user-options.ts'

const password = 'hunter2Zq9'
/** A run of this many of its characters is "some of it"; fewer stand in any text. */
const tellingLength = 4

const endpoints = [
  `http://user:${password}@127.0.0.1:4318`,
  `https://user:${password}@collector.example/otlp`,
  `user:${password}@127.0.0.1:4318`,
  `http://user:${password}@[::1]:4317`,
  `http://${password}@collector:4318/v1/traces`,
  `https://collector.example/v1/traces?api-key=${password}`,
  `http://user:${password}/x@127.0.0.1:4318`,
  `https;//user:${password}@host`,
  `grpc://user:${password}@host:4317`,
  `https:/user:${password}@host`,
  `http://user:${password}`,
]
const headers = [
  `authorization=Bearer%20${password}`,
  `x-api-key=${password},x-tenant=a`,
  `Authorization: Bearer ${password}`,
  `${password}`,
  `api-key="${password}"`,
  `authorization=Basic ${password},,=${password}`,
  `x-api-key:${password}`,
  `${password}=x y:z`,
]

/** The same sequence for the same seed, so that a failure can be had again. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const inserted = [
  ...'@:/?#%=;, \\"\'&$[]{}()<>\t\n|`^~*!+.-',
  '%40',
  '%3A',
  '\u00e9',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference as people write it
  '${X}',
  '$(X)',
  '\u0000',
]

function mutate(text: string, random: (below: number) => number): string {
  let out = text
  for (let n = 1 + random(2); n > 0; n--) {
    const at = random(out.length + 1)
    const mark = inserted[random(inserted.length)]!
    switch (random(6)) {
      case 0:
        out = out.slice(0, at) + out.slice(at + 1)
        break
      case 1:
        out = out.slice(0, at) + mark + out.slice(at)
        break
      case 2:
        out = out.slice(0, at) + mark + out.slice(at + 1)
        break
      case 3:
        out = out.slice(0, at) + (out[at + 1] ?? '') + (out[at] ?? '') + out.slice(at + 2)
        break
      case 4:
        out = out.slice(0, at) + out.slice(at, at + 3) + out.slice(at)
        break
      default:
        out = at > 4 ? out.slice(0, at) : out
    }
  }
  return out
}

/** What is printed about a configuration, at the level that prints most. */
function printed(env: Record<string, string>): string {
  const { config, problems, origins } = resolveConfig({
    env,
    facts: machine,
    loadFileParser: () => parseConfigFile,
  })
  return [
    ...problems.map(problem => `${problem.subject}: ${problem.message}`),
    renderStartupLine(config, []),
    ...renderSettings(origins),
    ...[config.traces, config.metrics, config.logs].map(signal => describeEndpoint(signal.otlp.endpoint)),
    describeEndpoint(config.traces.zipkinEndpoint),
  ].join('\n')
}

function leaks(text: string): string | undefined {
  for (let i = 0; i + tellingLength <= password.length; i++) {
    const piece = password.slice(i, i + tellingLength)
    if (text.includes(piece)) return text.split('\n').find(line => line.includes(piece))
  }
  return undefined
}

/** Without a mark left, a name and a password are a host like any other. */
function isPlainHost(text: string): boolean {
  // The same when the damage put the @ before the password: `http://user:@password`.
  if (
    /^(?:[a-z]{2,6}:\/\/)?[^@/]*@[\w.-]*(?::\d{1,5})?$/i.test(text) &&
    text.split('@')[1]!.includes(password.slice(-tellingLength))
  )
    return true
  return /^(?:[a-z]{2,6}:\/\/)?[\w.-]+(?::\d{1,5})?(?:\/[\w./-]*)?$/i.test(
    text.trim().replace(/^["']|["']$/g, ''),
  )
}

const endpointNames = [
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT',
  'OTEL_EXPORTER_ZIPKIN_ENDPOINT',
]

test.each([undefined, 'grpc', 'http/protobuf', 'http/json', 'nonsense'])(
  'ten thousand damaged endpoints print nothing of the password, protocol %s',
  protocol => {
    const random = makeRandom(7)
    const found: string[] = []
    let tried = 0
    for (let i = 0; i < 10_000; i++) {
      const seedText = endpoints[i % endpoints.length]!
      const text = i < endpoints.length ? seedText : mutate(seedText, random)
      if (isPlainHost(text)) continue
      tried++
      const name = endpointNames[i % endpointNames.length]!
      const leak = leaks(
        printed({
          [name]: text,
          OTEL_TRACES_EXPORTER: 'otlp,zipkin',
          ...(protocol && { OTEL_EXPORTER_OTLP_PROTOCOL: protocol }),
        }),
      )
      if (leak !== undefined) found.push(`${JSON.stringify(text)} -> ${leak}`)
    }
    expect(found.slice(0, 20)).toEqual([])
    expect(tried).toBeGreaterThan(9_000)
  },
)

test('ten thousand damaged header lists print nothing of the password', () => {
  const random = makeRandom(11)
  const found: string[] = []
  for (let i = 0; i < 10_000; i++) {
    const text = i < headers.length ? headers[i]! : mutate(headers[i % headers.length]!, random)
    const leak = leaks(printed({ OTEL_EXPORTER_OTLP_HEADERS: text }))
    if (leak !== undefined) found.push(`${JSON.stringify(text)} -> ${leak}`)
  }
  expect(found.slice(0, 20)).toEqual([])
})

test('a thousand damaged values print nothing of the password from code and from a file', () => {
  const random = makeRandom(13)
  const found: string[] = []
  for (let i = 0; i < 1_000; i++) {
    const endpoint = mutate(endpoints[i % endpoints.length]!, random)
    const list = mutate(headers[i % headers.length]!, random)
    if (isPlainHost(endpoint)) continue
    const fromCode = checkUserOptions({
      endpoint,
      headers: { authorization: list },
      settings: { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: list },
    }).map(problem => `${problem.subject}: ${problem.message}`)
    for (const quote of ['"', "'", '']) {
      const write = (text: string) => (quote === '"' ? JSON.stringify(text) : `${quote}${text}${quote}`)
      const file = `file_format: "1.0"\ntracer_provider:\n  processors:\n    - batch:\n        exporter:\n          otlp_http:\n            endpoint: ${write(endpoint)}\n            headers_list: ${write(list)}\n            headers:\n              - name: api-key\n                value: ${write(list)}\n`
      const { file: parsed, problems } = parseConfigFile(file, {}, 'otel.yaml')
      const {
        problems: more,
        config,
        origins,
      } = resolveConfig({
        env: { OTEL_CONFIG_FILE: 'otel.yaml' },
        facts: { ...machine, readText: path => (path === 'otel.yaml' ? file : undefined) },
        loadFileParser: () => () => ({ ...(parsed && { file: parsed }), problems }),
      })
      const leak = leaks(
        [
          ...fromCode,
          ...more.map(p => `${p.subject}: ${p.message}`),
          renderStartupLine(config, []),
          ...renderSettings(origins),
        ].join('\n'),
      )
      if (leak !== undefined) found.push(`${JSON.stringify([endpoint, list])} -> ${leak}`)
    }
  }
  expect(found.slice(0, 20)).toEqual([])
})

test.each([
  ['http://collector:4318', '"http://collector:4318"'],
  ['collector.example:4317', '"collector.example:4317"'],
  ['https://[fd00::1]:4317/', '"https://[fd00::1]:4317/"'],
  ['http://user:secret@collector:4318', '<hidden>'],
])('an endpoint is printed when it is nothing but a place: %s', (text, expected) => {
  expect(printed({ OTEL_EXPORTER_OTLP_ENDPOINT: text })).toContain(
    `OTEL_EXPORTER_OTLP_ENDPOINT=${expected} (environment)`,
  )
})
