// Log lines of real programs under the real preload: their ids, and the records that arrive when sending is on.
import { join } from 'node:path'
import { type App, type AppOptions, expectLog, expectTrace, runApp } from '@org/otel-devtools/testing'

const testFolder = join(__dirname, '..')
const listening = { readyOnStderr: /^listening (\d+)/m, cwd: testFolder }
const apps: App[] = []

afterEach(async () => {
  await Promise.all(apps.splice(0).map(app => app.dispose()))
})

async function run(program: string, args: readonly string[], options: AppOptions = {}): Promise<App> {
  const app = await runApp(program, { ...listening, args, ...options })
  apps.push(app)
  return app
}

const loggers = ['pino', 'winston', 'bunyan'] as const
const message = (line: Record<string, any> | undefined) => line?.msg ?? line?.message

async function lineAfter(app: App, path = '/', text = 'paid 7', headers: Record<string, string> = {}) {
  await app.get(path, { headers })
  await app.waitForOutput(text)
  return app.logs.find(line => message(line) === text)
}

describe.each(['cjs', 'mjs'])('%s', kind => {
  const program = `apps/logs/loggers.${kind}`

  test.each(loggers)('a line of %s says the span of the request, and nothing is sent', async name => {
    const app = await run(program, [name])
    const line = await lineAfter(app)
    const { match } = await expectTrace(app, { name: 'GET', kind: 'server' })
    expect(line).toMatchObject({
      trace_id: match.traceId,
      span_id: match.spanId,
      trace_flags: '01',
      amount: 7,
    })
    await app.stop()
    expect(app.receiver.store.logs()).toEqual([])
  })

  test.each(loggers)(
    'with OTEL_LOGS_EXPORTER=otlp the lines of %s arrive as records of their span',
    async name => {
      const app = await run(program, [name], { env: { OTEL_LOGS_EXPORTER: 'otlp' } })
      const line = await lineAfter(app)
      const { match } = await expectTrace(app, { name: 'GET', kind: 'server' })
      const log = await expectLog(app, { body: 'paid 7', traceId: match.traceId, spanId: match.spanId })
      expect(log).toMatchObject({ severityNumber: 9, severity: 'info' })
      expect(log.attributes).toMatchObject({ amount: 7 })
      expect(log.attributes).not.toHaveProperty('trace_id')
      expect(line).toMatchObject({ trace_id: match.traceId })
      await app.stop()
      expect(app.receiver.store.logs()).toHaveLength(1)
    },
  )
})

test.each(['pino-transport', 'pino-multistream'])(
  '%s: the line that another thread or several streams write has the ids',
  async name => {
    const app = await run('apps/logs/loggers.cjs', [name])
    const line = await lineAfter(app)
    const { match } = await expectTrace(app, { name: 'GET', kind: 'server' })
    expect(line).toMatchObject({ trace_id: match.traceId, span_id: match.spanId })
  },
)

test('ORG_OTEL_LOG_CORRELATION=false leaves every line alone while records keep their span', async () => {
  for (const name of loggers) {
    const app = await run('apps/logs/loggers.cjs', [name], {
      env: { ORG_OTEL_LOG_CORRELATION: 'false', ORG_OTEL_LOG_SENDING: 'true' },
    })
    const line = await lineAfter(app)
    const { match } = await expectTrace(app, { name: 'GET', kind: 'server' })
    expect(line).toMatchObject({ amount: 7 })
    expect(Object.keys(line ?? {})).not.toContain('trace_id')
    await expectLog(app, { body: 'paid 7', spanId: match.spanId })
  }
})

test.each(loggers)('%s: secrets in URLs are as hidden in records as they are in spans', async name => {
  const app = await run('apps/logs/loggers.cjs', [name], { env: { OTEL_LOGS_EXPORTER: 'otlp' } })
  await lineAfter(app)
  const log = await expectLog(app, { body: 'paid 7' })
  expect(log.attributes.url).toBe('https://REDACTED:REDACTED@shop.example/pay?token=REDACTED&n=1')
})

test.each(loggers)('%s: errors arrive as exceptions, and by setting once on the span', async name => {
  const app = await run('apps/logs/loggers.cjs', [name], {
    env: { OTEL_LOGS_EXPORTER: 'otlp', ORG_OTEL_LOG_RECORD_ERRORS: 'true' },
  })
  await lineAfter(app, '/fail', name === 'winston' ? 'failed again too far' : 'failed again')
  const log = await expectLog(app, { severity: 'error', body: /^failed/ })
  expect(log.attributes).toMatchObject({
    'exception.type': 'RangeError',
    'exception.message': 'too far',
    'exception.stacktrace': expect.stringContaining('loggers.cjs'),
  })
  const { match } = await expectTrace(app, { name: 'GET', kind: 'server' })
  expect(match.events.map(event => event.name)).toEqual(['exception'])
  expect(match.status.code).toBe('unset')
})
