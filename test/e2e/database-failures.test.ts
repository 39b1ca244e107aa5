// The promise of test/real/database-failures.test.ts where no real server can be had: MongoDB, by a small protocol server.
import { join } from 'node:path'
import { runApp } from '@org/otel-devtools/testing'

const program = join(__dirname, '../apps/database-failures.cjs')

/** Request -> name of the span, and the code of what failed. */
const expected: Record<string, [name: string, code: string | undefined]> = {
  insertMany: ['insert users', undefined],
  'insertMany that fails': ['insert refused', '11000'],
  'bulkWrite that fails': ['update refused', '11000'],
  'write that too few servers have': ['insert lonely', '64'],
  'bulkWrite of the client': ['bulkWrite $cmd', '11000'],
  'find that fails': ['find refused', '59'],
}

describe('MongoDB', () => {
  let app: Awaited<ReturnType<typeof runApp>>
  beforeAll(async () => {
    app = await runApp(program, { env: { SERVER_NAME: 'MongoDB' }, timeoutMs: 60_000 })
    expect(await app.exited).toMatchObject({ code: 0 })
  }, 90_000)
  afterAll(() => app?.dispose())

  test.each(Object.entries(expected))('%s', (request, [name, code]) => {
    const spans = app.receiver.store.spans()
    const entry = spans.find(span => span.attributes['url.path'] === `/${encodeURIComponent(request)}`)!
    const found = spans.filter(span => span.traceId === entry.traceId && 'db.system.name' in span.attributes)
    expect(found.map(span => span.name)).toEqual([name])
    const { status, attributes } = found[0]!
    expect(status.code).toBe(code === undefined ? 'unset' : 'error')
    expect(attributes['db.response.status_code']).toBe(code)
    expect(attributes['error.type']).toBe(code)
  })

  test('no document is in a message, and nothing of ours failed', () => {
    expect(JSON.stringify(app.receiver.store.spans().map(({ status }) => status))).not.toContain('s3cret')
    expect(app.stderr).not.toContain('ORG_OTEL_INTERNAL')
  })
})
