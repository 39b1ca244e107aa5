// The promise: with `database/dup` the names that dashboards were built on stand beside the new ones, whoever made the span.
import { join } from 'node:path'
import { runApp } from '@org/otel-devtools/testing'

const program = join(__dirname, '../apps/database-names.cjs')

/** Scope of the span -> attributes of old name, and the new one that has the same value. */
const expected: Record<string, { system: string; names: Record<string, string> }> = {
  pg: { system: 'postgresql', names: { 'db.name': 'db.namespace' } },
  mysql2: { system: 'mysql', names: { 'db.name': 'db.namespace', 'db.statement': 'db.query.text' } },
  mysql: { system: 'mysql', names: { 'db.name': 'db.namespace', 'db.statement': 'db.query.text' } },
  ioredis: { system: 'redis', names: { 'db.statement': 'db.query.text' } },
  redis: { system: 'redis', names: {} },
  mongodb: {
    system: 'mongodb',
    names: {
      'db.name': 'db.namespace',
      'db.operation': 'db.operation.name',
      'db.statement': 'db.query.text',
    },
  },
}
const old = [
  'db.system',
  'db.name',
  'db.statement',
  'db.operation',
  'db.user',
  'net.peer.name',
  'net.peer.port',
]

async function readSpans(env: Record<string, string>) {
  const app = await runApp(program, { env, timeoutMs: 60_000 })
  try {
    expect(await app.exited).toMatchObject({ code: 0 })
    expect(app.stderr).not.toContain('ORG_OTEL_INTERNAL')
    return app.receiver.store.spans().filter(span => 'db.system.name' in span.attributes)
  } finally {
    await app.dispose()
  }
}
type Spans = Awaited<ReturnType<typeof readSpans>>
const spansOf = (spans: Spans, name: string) =>
  spans.filter(span => span.scope.name === `@opentelemetry/instrumentation-${name}`)

describe('with OTEL_SEMCONV_STABILITY_OPT_IN=database/dup', () => {
  let spans: Spans
  beforeAll(async () => {
    spans = await readSpans({ OTEL_SEMCONV_STABILITY_OPT_IN: 'http,database/dup' })
  }, 90_000)

  test.each(Object.entries(expected))('spans of %s have both', (name, { system, names }) => {
    const own = spansOf(spans, name)
    expect(own.length).toBeGreaterThan(0)
    for (const { attributes } of own) {
      expect(attributes).toMatchObject({
        'db.system.name': system,
        'db.system': system,
        'net.peer.name': '127.0.0.1',
        'net.peer.port': attributes['server.port'],
      })
      for (const [older, newer] of Object.entries(names)) {
        expect(attributes[newer]).toBeDefined()
        expect([older, attributes[older]]).toEqual([older, attributes[newer]])
      }
    }
  })

  test.each(['pg', 'mysql', 'mysql2'])('spans of %s name the user', name => {
    for (const { attributes } of spansOf(spans, name)) expect(attributes['db.user']).toBe('ann')
  })
})

describe.each([{}, { OTEL_SEMCONV_STABILITY_OPT_IN: 'database' }])('with %j', env => {
  test('there are the new names alone', async () => {
    const spans = await readSpans(env)
    for (const name of Object.keys(expected)) expect(spansOf(spans, name).length).toBeGreaterThan(0)
    const found = new Set(spans.flatMap(({ attributes }) => Object.keys(attributes)))
    expect(old.filter(name => found.has(name))).toEqual([])
  }, 90_000)
})
