// Log lines of real programs under the real preload: their ids, and the records that arrive when sending is on.
import { join } from 'node:path'
import { type App, type AppOptions, expectLog, expectTrace, runApp } from '@org/otel-devtools/testing'

// Real processes on a machine that does other things too.
jest.setTimeout(60_000)

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

test.each([20, 22, 26].flatMap(major => loggers.map(name => ({ major, name }))))(
  'Node $major: a line of $name has the ids and arrives, by require and by import',
  async ({ major, name }) => {
    const { nodePath } = await import('../../scripts/nodes.mjs')
    const node = nodePath(major)
    for (const kind of ['cjs', 'mjs']) {
      const app = await run(`apps/logs/loggers.${kind}`, [name], {
        node,
        env: { OTEL_LOGS_EXPORTER: 'otlp' },
      })
      const line = await lineAfter(app)
      const { match } = await expectTrace(app, { name: 'GET', kind: 'server' })
      expect(line).toMatchObject({ trace_id: match.traceId, span_id: match.spanId })
      await expectLog(app, { body: 'paid 7', traceId: match.traceId, spanId: match.spanId })
    }
  },
)

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

test.each(['pino-http', 'fastify'])(
  '%s: both its own lines and the handler’s say the span of the request',
  async name => {
    const app = await run('apps/logs/frameworks.cjs', [name], { env: { OTEL_LOGS_EXPORTER: 'otlp' } })
    await app.get('/users/1', { headers: { authorization: 'Bearer abc', cookie: 'sid=1' } })
    await app.waitForOutput('request completed')
    const { match } = await expectTrace(app, { kind: 'server' })
    const lines = app.logs.filter(line => line.reqId !== undefined || line.req !== undefined)
    expect(lines.length).toBeGreaterThanOrEqual(2)
    for (const line of lines) expect(line).toMatchObject({ trace_id: match.traceId })
    const paid = await expectLog(app, { body: 'paid 7', traceId: match.traceId })
    expect(paid.attributes).toMatchObject({ amount: 7 })
    const completed = await expectLog(app, { body: 'request completed', traceId: match.traceId })
    expect(completed.attributes).toMatchObject({ res: { statusCode: 200 } })
    expect(JSON.stringify(app.receiver.store.logs().map(log => log.attributes))).not.toMatch(/Bearer|sid=1/)
  },
)

test('an inbound request id is a log field and a span attribute, is passed on, and is never the trace id', async () => {
  const app = await run('apps/logs/request-id.cjs', [], {
    env: { ORG_OTEL_LOG_REQUEST_ID_HEADER: 'X-Request-ID', OTEL_LOGS_EXPORTER: 'otlp' },
  })
  const id = '0af7651916cd43dd8448eb211c80319c'
  const { body } = await app.get('/in', { headers: { 'x-request-id': id } })
  const { match, spans } = await expectTrace(app, {
    name: 'GET',
    kind: 'server',
    attributes: { 'url.path': '/in' },
    descendants: [{ kind: 'server', attributes: { 'url.path': '/out' } }],
  })
  expect(match.traceId).not.toBe(id)
  expect(spans.length).toBe(7)
  expect(match.attributes['http.request.header.x-request-id']).toEqual([id])
  expect(app.logs).toMatchObject([{ msg: 'served', trace_id: match.traceId, request_id: id }])
  expect((await expectLog(app, { body: 'served' })).attributes).toMatchObject({ request_id: id })
  const passed: Record<string, string>[] = JSON.parse(body)
  expect(passed.map(headers => headers['x-request-id'])).toEqual([id, id, id])
  expect(passed.every(headers => headers.traceparent?.includes(match.traceId))).toBe(true)

  const own = JSON.parse((await app.get('/own', { headers: { 'x-request-id': id } })).body)
  expect(own.map((headers: Record<string, string>) => headers['x-request-id'])).toEqual(['own', 'own', 'own'])
})

test('an inbound request id goes on with gRPC calls and is a field and an attribute where they arrive', async () => {
  const app = await run('apps/logs/request-id-grpc.cjs', [], {
    env: { ORG_OTEL_LOG_REQUEST_ID_HEADER: 'X-Request-ID' },
  })
  const headers = { 'x-request-id': 'req-9' }
  const passed = JSON.parse((await app.get('/in', { headers })).body)
  const { match, spans } = await expectTrace(app, {
    kind: 'server',
    attributes: { 'url.path': '/in' },
    descendants: [{ kind: 'server', name: 'grpc.test.Users/Get' }],
  })
  expect(passed).toMatchObject({
    'x-request-id': 'req-9',
    traceparent: expect.stringContaining(match.traceId),
  })
  expect(app.logs).toMatchObject([{ msg: 'got', trace_id: match.traceId, request_id: 'req-9' }])
  const arrived = spans.find(span => span.kind === 'server' && span.name.startsWith('grpc'))
  expect(JSON.stringify(arrived?.attributes)).toContain('req-9')
  expect(JSON.parse((await app.get('/own', { headers })).body)['x-request-id']).toBe('own')
  const without = JSON.parse((await app.get('/in')).body)
  expect(without).not.toHaveProperty('x-request-id')
})

test('a request id that arrives by HTTP/2 is a log field and a span attribute', async () => {
  const { connect } = await import('node:http2')
  const app = await run(
    `const logger = require('pino')({ base: null })
     const server = require('node:http2').createServer((request, response) => { logger.info('served'); response.end('ok') })
     server.listen(0, '127.0.0.1', () => process.stderr.write('listening ' + server.address().port + '\\n'))`,
    [],
    { env: { ORG_OTEL_LOG_REQUEST_ID_HEADER: 'x-request-id' } },
  )
  const session = connect(`http://127.0.0.1:${app.port}`)
  const id = '0af7651916cd43dd8448eb211c80319c'
  await session.request({ ':path': '/', 'x-request-id': id }).resume().toArray()
  session.close()
  const { match } = await expectTrace(app, { kind: 'server' })
  expect(match.attributes['http.request.header.x-request-id']).toEqual([id])
  expect(match.traceId).not.toBe(id)
  expect(app.logs).toMatchObject([{ msg: 'served', trace_id: match.traceId, request_id: id }])
})

test('without the setting a request id is neither logged nor passed on', async () => {
  const app = await run('apps/logs/request-id.cjs', [])
  const { body } = await app.get('/in', { headers: { 'x-request-id': 'order-77' } })
  expect(body).not.toContain('order-77')
  expect(app.logs[0]).not.toHaveProperty('request_id')
})

describe('loggers that ship to OpenTelemetry themselves', () => {
  const sending = { OTEL_LOGS_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }

  test.each(['api-logs', 'winston-transport'])(
    '%s reaches the provider through the older global, once',
    async name => {
      const app = await run('apps/logs/shipped.cjs', [name], { env: sending })
      await app.get('/')
      const { match } = await expectTrace(app, { kind: 'server' })
      await expectLog(app, { body: 'hello', traceId: match.traceId, attributes: { by: /hand|transport/ } })
      await app.stop()
      expect(app.receiver.store.logs()).toHaveLength(1)
      expect(app.stderr.match(/ORG_OTEL_LOG_ELSEWHERE/g) ?? []).toHaveLength(name === 'api-logs' ? 0 : 1)
    },
  )

  test.each(['pino-transport', 'pino-transports'])(
    '%s: only the transport of the application ships',
    async name => {
      const app = await run('apps/logs/shipped.cjs', [name], {
        env: { ...sending, OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: 'http/protobuf' },
      })
      await app.get('/')
      await app.waitForOutput('ORG_OTEL_LOG_ELSEWHERE')
      await expectTrace(app, { kind: 'server' })
      await app.stop()
      const ours = app.receiver.store.logs().filter(log => log.scope.name === 'pino')
      expect(ours).toEqual([])
    },
  )
})

describe('console', () => {
  const fixed = (text: string) => text.replace(/(\d\d:){2}\d\d\.\d+/g, '')

  async function speak(mode: string | undefined) {
    const app = await run('apps/logs/console.cjs', ['inside'], {
      env: mode === undefined ? {} : { ORG_OTEL_LOG_CONSOLE: mode },
      ...(mode === undefined && { preload: false }),
    })
    await app.get('/')
    const span = mode === undefined ? undefined : (await expectTrace(app, { kind: 'server' })).match
    await app.stop()
    return { stdout: app.stdout, stderr: app.stderr.replace(/^(?:\[otel\]|listening) .*\n/gm, ''), span }
  }

  test('append adds the ids behind each line inside a span and changes nothing else', async () => {
    const [bare, appended] = await Promise.all([speak(undefined), speak('append')])
    const ids = ` trace_id=${appended.span?.traceId} span_id=${appended.span?.spanId} trace_flags=01`
    expect(appended.stdout.split(ids).length - 1).toBeGreaterThanOrEqual(8)
    expect(fixed(appended.stdout.replaceAll(ids, ''))).toBe(fixed(bare.stdout))
    expect(fixed(appended.stderr.replaceAll(ids, ''))).toBe(fixed(bare.stderr))
  })

  test('structured makes one JSON object of each line, with level, time and message', async () => {
    const { stdout, stderr, span } = await speak('structured')
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    for (const line of lines)
      expect(line).toMatchObject({ trace_id: span?.traceId, time: expect.stringMatching(/Z$/) })
    expect(lines.slice(0, 2)).toMatchObject([{ level: 'info', message: 'plain' }, { message: '100%s' }])
    expect(
      stderr
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line)),
    ).toMatchObject([
      { level: 'warn', message: 'a is 5%' },
      { level: 'error', message: 'too far { deep: { er: [ 1, 2 ] } }' },
    ])
  })

  test('outside a span append leaves every line as it is', async () => {
    const outputs = await Promise.all(
      [{ preload: false as const }, { env: { ORG_OTEL_LOG_CONSOLE: 'append' } }].map(async options => {
        const app = await run('apps/logs/console.cjs', ['outside'], options)
        await app.exited
        return fixed(app.stdout)
      }),
    )
    expect(outputs[1]).toBe(outputs[0])
  })
})

test.each(loggers)(
  '%s: allowed baggage entries are fields and attributes, nested ids as asked for',
  async name => {
    const app = await run('apps/logs/loggers.cjs', [name], {
      env: {
        OTEL_LOGS_EXPORTER: 'otlp',
        ORG_OTEL_LOG_BAGGAGE_KEYS: 'tenant,absent',
        ORG_OTEL_LOG_NESTED: 'otel',
        ORG_OTEL_LOG_PRESET: 'dotted',
      },
    })
    const line = await lineAfter(app, '/', 'paid 7', { baggage: 'tenant=blue,secret=s3cr3t' })
    const { match } = await expectTrace(app, { name: 'GET', kind: 'server' })
    expect(line).toMatchObject({
      'baggage.tenant': 'blue',
      otel: { 'trace.id': match.traceId, 'span.id': match.spanId, 'trace.flags': '01' },
    })
    const log = await expectLog(app, { body: 'paid 7', spanId: match.spanId })
    expect(log.attributes).toMatchObject({ 'baggage.tenant': 'blue', amount: 7 })
    expect(log.attributes).not.toHaveProperty('otel')
    expect(`${app.stdout}${JSON.stringify(log.attributes)}`).not.toMatch(/s3cr3t|absent/)
  },
)

test.each(loggers)(
  '%s: an error that is logged marks its span as failed when that was asked for',
  async name => {
    const app = await run('apps/logs/loggers.cjs', [name], {
      env: { ORG_OTEL_LOG_RECORD_ERRORS: 'true', ORG_OTEL_LOG_ERRORS_SET_STATUS: 'true' },
    })
    await app.get('/fail')
    const { match } = await expectTrace(app, { name: 'GET', kind: 'server' })
    expect(match.status).toMatchObject({ code: 'error', message: 'too far' })
    expect(match.events).toHaveLength(1)
    await app.stop()
    expect(app.receiver.store.logs()).toEqual([])
  },
)

test('a storm of one severity is cut off and said, while the lines and the errors go on', async () => {
  const app = await run(
    `const logger = require('pino')({ base: null })
     for (let i = 0; i < 300; i++) logger.info({ i }, 'storm')
     logger.error('the reason')
     process.stderr.write('listening 1\\n')`,
    [],
    { env: { OTEL_LOGS_EXPORTER: 'otlp', ORG_OTEL_LOG_MAX_PER_SECOND: 'info=20' } },
  )
  await expectLog(app, { body: 'the reason' })
  await app.exited
  expect(app.logs.filter(line => line.msg === 'storm')).toHaveLength(300)
  expect(app.receiver.store.logs().filter(log => log.body === 'storm').length).toBeLessThan(60)
  expect(app.stderr).toContain('ORG_OTEL_LOG_RATE more than 20 info records in a second')
})

test('service.name and service.version are on every line when asked for', async () => {
  for (const name of loggers) {
    const app = await run('apps/logs/loggers.cjs', [name], {
      env: {
        ORG_OTEL_LOG_SERVICE_FIELDS: 'true',
        OTEL_SERVICE_NAME: 'shop',
        OTEL_RESOURCE_ATTRIBUTES: 'service.version=1.4',
      },
    })
    const line = await lineAfter(app)
    expect(line).toMatchObject({
      'service.name': 'shop',
      'service.version': '1.4',
      trace_id: expect.any(String),
    })
  }
})
