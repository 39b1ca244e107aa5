// The promise: a request that failed says so, and one that its own caller did not want any more is no failure. A time-out
// is one, whoever keeps the time.
import { join } from 'node:path'
import type { Span } from '@org/otel-devtools'
import { type App, runApp } from '@org/otel-devtools/testing'
import { nodePath } from '../../scripts/nodes.mjs'

const cwd = join(__dirname, '..')
jest.setTimeout(90_000)

/** Way to give up -> `cancelled`, or the `error.type` of what failed. Each name is one in test/apps/giving-up. */
type Table = Record<string, string>

const core: Table = {
  'http signal': 'cancelled',
  'http signal with a reason': 'cancelled',
  'http aborted signal': 'cancelled',
  'http destroy': 'cancelled',
  'http abort': 'cancelled',
  'http destroy at once': 'cancelled',
  'http half request destroy': 'cancelled',
  'http half response destroy': 'cancelled',
  'http half response destroy, nobody listens': 'cancelled',
  'http half signal': 'cancelled',
  'http half iteration left': 'cancelled',
  // What the server said before that still counts.
  'http down destroy': '503',
  'http destroy with an error': 'RangeError',
  'http half response destroy with an error': 'RangeError',
  'http half response destroy, then an error': 'RangeError',
  'http timeout destroy': 'TimeoutError',
  'http setTimeout abort': 'TimeoutError',
  'http half timeout destroy': 'TimeoutError',
  'http AbortSignal.timeout': 'TimeoutError',
  'http AbortSignal.any': 'TimeoutError',
  'http half AbortSignal.timeout': 'TimeoutError',
  'http lost': 'ECONNRESET',
  'http lost, nobody listens': 'ECONNRESET',
  'http broken': 'ECONNRESET',
  'fetch signal': 'cancelled',
  'fetch signal with a reason': 'cancelled',
  'fetch signal with a text': 'cancelled',
  'fetch signal with null': 'cancelled',
  'fetch signal with a coded reason': 'cancelled',
  'fetch half signal': 'cancelled',
  'fetch half signal with a reason': 'cancelled',
  'fetch half cancel': 'cancelled',
  'fetch half cancel with a reason': 'cancelled',
  'fetch half iteration left': 'cancelled',
  'fetch down cancel': '503',
  'fetch AbortSignal.timeout': 'TimeoutError',
  'fetch AbortSignal.any': 'TimeoutError',
  'fetch half AbortSignal.timeout': 'TimeoutError',
  'fetch lost': 'UND_ERR_SOCKET',
  'fetch broken': 'UND_ERR_SOCKET',
  'fetch body that fails': 'RangeError',
}

const undici = (name: string): Table => ({
  [`${name} request signal`]: 'cancelled',
  [`${name} request signal with a reason`]: 'cancelled',
  [`${name} request aborted before it is sent`]: 'cancelled',
  [`${name} request half body destroy`]: 'cancelled',
  [`${name} request half body destroy with an error`]: 'cancelled',
  [`${name} request half signal with a reason`]: 'cancelled',
  [`${name} request half iteration left`]: 'cancelled',
  [`${name} stream signal`]: 'cancelled',
  [`${name} stream half signal with a reason`]: 'cancelled',
  [`${name} fetch signal with a reason`]: 'cancelled',
  [`${name} fetch AbortSignal.timeout`]: 'TimeoutError',
  [`${name} request AbortSignal.timeout`]: 'TimeoutError',
  [`${name} headersTimeout`]: 'UND_ERR_HEADERS_TIMEOUT',
  [`${name} half bodyTimeout`]: 'UND_ERR_BODY_TIMEOUT',
  [`${name} connectTimeout`]: 'UND_ERR_CONNECT_TIMEOUT',
  [`${name} lost`]: 'UND_ERR_SOCKET',
})

const libraries: Table = {
  ...undici('undici'),
  ...undici('undici6'),
  'axios signal': 'cancelled',
  'axios signal with a reason': 'cancelled',
  'axios cancel token': 'cancelled',
  'axios half signal': 'cancelled',
  'axios half stream destroy': 'cancelled',
  'axios fetch signal': 'cancelled',
  'axios timeout': 'ECONNABORTED',
  'axios timeout that is clear': 'ETIMEDOUT',
  'axios half timeout': 'TimeoutError',
  'axios AbortSignal.timeout': 'TimeoutError',
  'axios fetch timeout': 'ETIMEDOUT',
  'axios half too large': 'ERR_BAD_RESPONSE',
  'axios lost': 'ECONNRESET',
  'got signal': 'cancelled',
  'got signal with a reason': 'cancelled',
  'got half signal': 'cancelled',
  'got half stream destroy': 'cancelled',
  'got AbortSignal.timeout': 'TimeoutError',
  'got timeout': 'ETIMEDOUT',
  'got response timeout': 'ETIMEDOUT',
  'got half timeout': 'ETIMEDOUT',
  'got lost': 'ECONNRESET',
  'got11 cancel': 'cancelled',
  'got11 half stream destroy': 'cancelled',
  'got11 timeout': 'ETIMEDOUT',
  'got11 response timeout': 'ETIMEDOUT',
  'got11 half timeout': 'ETIMEDOUT',
  'got11 lost': 'ECONNRESET',
  'node-fetch signal': 'cancelled',
  'node-fetch signal with a reason': 'cancelled',
  'node-fetch half signal': 'cancelled',
  'node-fetch AbortSignal.timeout': 'TimeoutError',
  'node-fetch half AbortSignal.timeout': 'TimeoutError',
  'node-fetch broken': 'ECONNRESET',
  'node-fetch lost': 'ECONNRESET',
  'node-fetch2 signal': 'cancelled',
  'node-fetch2 signal with a reason': 'cancelled',
  'node-fetch2 half signal': 'cancelled',
  'node-fetch2 AbortSignal.timeout': 'TimeoutError',
  'node-fetch2 half AbortSignal.timeout': 'TimeoutError',
  'node-fetch2 broken': 'ECONNRESET',
  'node-fetch2 timeout': 'TimeoutError',
  'superagent abort': 'cancelled',
  'superagent half abort': 'cancelled',
  'superagent timeout': 'TimeoutError',
  'superagent response timeout': 'TimeoutError',
  'superagent half deadline': 'TimeoutError',
  'superagent lost': 'ECONNRESET',
  'ky signal': 'cancelled',
  'ky signal with a reason': 'cancelled',
  'ky half signal': 'cancelled',
  'ky timeout': 'TimeoutError',
  'ky AbortSignal.timeout': 'TimeoutError',
  'ky lost': 'UND_ERR_SOCKET',
}

const runs: [program: string, major: number, table: Table][] = [
  ...[20, 22, 24, 26].map((major): (typeof runs)[number] => ['core.mjs', major, core]),
  ['libraries.mjs', 24, libraries],
]

const wayOf = ({ attributes }: Span): string =>
  decodeURIComponent(String(attributes['url.full'] ?? attributes['url.path']).replace(/.*\//, ''))

describe.each(runs)('%s on Node %i', (program, major, table) => {
  let app: App
  const spans = { client: new Map<string, Span>(), server: new Map<string, Span>() }
  beforeAll(async () => {
    app = await runApp(join(cwd, 'apps/giving-up', program), {
      cwd,
      node: nodePath(major),
      env: { OTEL_METRIC_EXPORT_INTERVAL: '60000' },
      timeoutMs: 60_000,
    })
    expect(await app.exited).toEqual({ code: 0, signal: null })
    for (const kind of ['client', 'server'] as const)
      for (const span of app.receiver.store.spans({ kind })) spans[kind].set(wayOf(span), span)
  })
  afterAll(() => app.dispose())

  test.each(Object.entries(table))('%s: %s', (way, expected) => {
    const { attributes, events, status } = spans.client.get(way)!
    const isFailure = expected !== 'cancelled'
    const isCancelled = /^(cancelled|503)$/.test(expected)
    expect({
      status: status.code,
      type: attributes['error.type'],
      cancelled: attributes['org.otel.http.cancelled'],
      exceptions: events.map(({ name }) => name),
    }).toEqual({
      status: isFailure ? 'error' : 'unset',
      type: isFailure ? expected : undefined,
      cancelled: isCancelled ? true : undefined,
      exceptions: isCancelled ? [] : ['exception'],
    })
  })

  it('tries every way of the program, and none of them hangs', () => {
    expect([...spans.client.keys()].sort()).toEqual(Object.keys(table).sort())
    expect(app.stderr).not.toMatch(/hangs|ORG_OTEL_INTERNAL|Error/)
  })

  it('measures the same errors', () => {
    const count = (types: readonly string[]) =>
      Object.fromEntries(types.map(type => [type, types.filter(other => other === type).length]))
    const measured = app.receiver.store
      .metrics('http.client.request.duration')
      .flatMap(({ attributes, points }) =>
        Array<string>((points.at(-1) as { count: number }).count).fill(
          String(attributes['error.type'] ?? 'cancelled'),
        ),
      )
    expect(count(measured)).toEqual(count(Object.values(table)))
  })

  it('a server whose client goes away before it answered did not fail, and its span says what happened', () => {
    const given = [...spans.server].filter(([, span]) =>
      String(span.attributes['url.path']).startsWith('/silent/'),
    )
    expect(given.length).toBeGreaterThan(5)
    for (const [way, { attributes, status }] of given)
      expect([way, status.code, attributes['error.type'], attributes['http.response.status_code']]).toEqual([
        way,
        'unset',
        'aborted',
        undefined,
      ])
  })
})
