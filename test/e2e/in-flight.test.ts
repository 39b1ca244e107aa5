// The promise: however a process ends, what it was doing arrives. Every span still open is sent and says that it was not
// finished, the one that threw has the exception, and the process ends as it would without us.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type App, runApp } from '@org/otel-devtools/testing'
import { majors, nodePath } from '../../scripts/nodes.mjs'

const unfinishedKey = 'org.otel.span.unfinished'
const program = join(__dirname, '../apps/in-flight.cjs')
const apps: App[] = []
afterEach(() => Promise.all(apps.splice(0).map(app => app.dispose())))

interface Row {
  readonly way: string
  readonly signal?: NodeJS.Signals
  /** Span that has the exception. */
  readonly thrower?: string
  /** What is not known on Node 20 and 22. */
  readonly throwerIsLost?: readonly number[]
  readonly exception?: { type?: string; message: string; errorType: string }
  readonly fatal?: boolean
  readonly spans: readonly string[]
}

const waiting = ['GET /waiting', 'query']
const boom = { type: 'E_BOOM', message: 'boom', errorType: 'E_BOOM' }
const crash = { thrower: 'GET /end', exception: boom, fatal: true, spans: [...waiting, 'GET /end'] }
const rows: readonly Row[] = [
  { way: 'throws at once', ...crash },
  { way: 'throws in a callback', ...crash },
  { way: 'throws in a nested span', ...crash, thrower: 'nested', spans: [...crash.spans, 'nested'] },
  {
    way: 'throws in a span of a handler at once',
    ...crash,
    thrower: 'nested',
    spans: [...crash.spans, 'nested'],
  },
  { way: 'throws after a nested span has ended', ...crash },
  { way: 'throws in a microtask', ...crash, throwerIsLost: [20, 22] },
  { way: 'emits an error nobody listens to', ...crash },
  { way: 'throws a text', ...crash, exception: { message: 'boom', errorType: 'string' } },
  {
    way: 'throws an error that cannot be read',
    ...crash,
    exception: { message: 'boom', errorType: '_OTHER' },
  },
  { way: 'throws after it said all is well', ...crash },
  { way: 'rejects at once', ...crash },
  { way: 'rejects after a pause', ...crash },
  {
    way: 'rejects with a text',
    ...crash,
    exception: {
      type: 'ERR_UNHANDLED_REJECTION',
      message: 'boom',
      errorType: 'ERR_UNHANDLED_REJECTION',
    },
  },
  { way: 'exits', spans: crash.spans },
  { way: 'exits with 0 after a pause', spans: crash.spans },
  { way: 'handles and exits at once', ...crash },
  { way: 'handles and exits later', ...crash },
  { way: 'stops telemetry', spans: crash.spans },
  { way: 'is ended by a signal', signal: 'SIGTERM', spans: crash.spans },
  { way: 'is ended by a signal', signal: 'SIGINT', spans: crash.spans },
  { way: 'is ended by a signal', signal: 'SIGHUP', spans: crash.spans },
  { way: 'drains and exits', signal: 'SIGTERM', spans: crash.spans },
  { way: 'ends naturally', spans: ['job', 'step'] },
]

async function start(way: string, major: number, env: Record<string, string> = {}, preload?: false) {
  const app = await runApp(program, {
    args: [way],
    cwd: join(__dirname, '..'),
    node: nodePath(major),
    ...(preload === false && { preload }),
    // Ample time: a busy machine needs long to start the child that sends.
    env: { OTEL_SERVICE_NAME: 'shop', ORG_OTEL_EXIT_LAST_WORDS: '10000', ...env },
  })
  apps.push(app)
  return app
}

/** Runs it to its end, with one request that waits and one that brings the end about. */
async function run(row: Row, major: number, env: Record<string, string> = {}, preload?: false) {
  const app = await start(row.way, major, env, preload)
  if (row.way !== 'ends naturally') {
    await app.get('/fine')
    for (const path of ['/waiting', '/end']) {
      void app.get(path).catch(() => {})
      await app.waitForOutput(path === '/end' ? 'ending' : 'waiting')
    }
  }
  const end = row.signal === undefined ? await app.exited : await app.stop(row.signal)
  return { app, end }
}

// The frames of what runs around the application's code are not part of what is promised.
const headOf = (stderr: string) =>
  stderr
    .split('\n')
    .filter(line => !line.startsWith('[otel]') && !/^\s+at /.test(line))
    .join('\n')

describe.each(majors)('on Node %i', major => {
  test.each(rows)('a process that $way $signal says what it was doing, and ends as without us', async row => {
    const [plain, { app, end }] = await Promise.all([
      run(row, major, {}, false),
      run(row, major, { OTEL_LOGS_EXPORTER: 'otlp' }),
    ])
    expect(end).toEqual(plain.end)
    expect(headOf(app.stderr)).toBe(headOf(plain.app.stderr))
    expect(app.stderr).not.toContain('ORG_OTEL')

    const { store } = app.receiver
    const unfinished = store.spans({ attributes: { [unfinishedKey]: true } })
    const pathOf = (span: (typeof unfinished)[number]) =>
      span.kind === 'server' ? `${span.name} ${span.attributes['url.path']}` : span.name
    expect(unfinished.map(pathOf).sort()).toEqual([...row.spans].sort())
    const thrower = row.throwerIsLost?.includes(major) ? undefined : row.thrower
    for (const span of unfinished) {
      const failed = pathOf(span) === thrower
      expect([pathOf(span), span.status.code]).toEqual([pathOf(span), failed ? 'error' : 'unset'])
      expect(span.events.filter(event => event.name === 'exception')).toHaveLength(failed ? 1 : 0)
      if (!failed) continue
      const { type, message, errorType } = row.exception!
      const told = span.events[0]!.attributes
      expect(told['exception.message']).toContain(message)
      expect(told['exception.type']).toBe(type)
      expect(span.attributes['error.type']).toBe(errorType)
      if (type === 'E_BOOM') expect(told['exception.stacktrace']).toContain('in-flight.cjs')
    }

    const fatal = store.logs({ severity: 'FATAL' })
    expect(fatal).toHaveLength(row.fatal ? 1 : 0)
    for (const record of fatal) {
      const failed = unfinished.find(span => pathOf(span) === thrower)
      expect({ traceId: record.traceId, spanId: record.spanId }).toEqual({
        traceId: failed?.traceId,
        spanId: failed?.spanId,
      })
      expect(record.severityNumber).toBe(21)
      expect(record.attributes['exception.message']).toContain(row.exception!.message)
    }
  })

  test('an error that the application handles leaves the spans of a process that goes on as they are', async () => {
    const app = await start('handles and goes on', major)
    expect((await app.get('/end')).body).toBe('fine')
    expect((await app.get('/end')).body).toBe('fine')
    void app.get('/waiting').catch(() => {})
    await app.waitForOutput('waiting')
    expect(await app.stop()).toEqual({ code: null, signal: 'SIGTERM' })
    const { store } = app.receiver
    const answered = store.spans({ attributes: { 'url.path': '/end' } })
    expect(
      answered.map(span => [span.status.code, span.events.length, span.attributes[unfinishedKey]]),
    ).toEqual([
      ['unset', 0, undefined],
      ['unset', 0, undefined],
    ])
    // Nor does the end that comes later, for another reason, have to do with it.
    expect(store.spans({ error: true })).toHaveLength(0)
    expect(store.spans({ attributes: { [unfinishedKey]: true } })).toHaveLength(2)
    expect(store.logs({ severity: 'FATAL' })).toHaveLength(0)
  })
})

const where = [
  [
    'a worker thread',
    `new (require('node:worker_threads').Worker)(PROGRAM, { argv: ['rejects after a pause'] })`,
  ],
  [
    'a cluster worker',
    `const cluster = require('node:cluster'); cluster.setupPrimary({ exec: PROGRAM, args: ['rejects after a pause'] }); cluster.fork()`,
  ],
] as const
test.each(where)('what was in flight in %s that throws arrives', async (_, code) => {
  const app = await runApp(
    `${code.replace('PROGRAM', JSON.stringify(program))}.on('error', () => {}).on('exit', () => {})`,
    {
      cwd: join(__dirname, '..'),
      env: { OTEL_SERVICE_NAME: 'shop', ORG_OTEL_WORKERS: 'true', ORG_OTEL_EXIT_LAST_WORDS: '10000' },
    },
  )
  apps.push(app)
  void app.get('/end').catch(() => {})
  await app.exited
  const [span, ...others] = app.receiver.store.spans({ kind: 'server' })
  expect(others).toHaveLength(0)
  expect(span).toMatchObject({ status: { code: 'error' }, attributes: { [unfinishedKey]: true } })
  expect(span!.events).toHaveLength(1)
})

test('of a service that samples nothing and keeps errors, the trace of the request that threw arrives, whole', async () => {
  const env = {
    OTEL_TRACES_SAMPLER: 'parentbased_always_off',
    ORG_OTEL_SAMPLING: 'keep-errors',
  }
  const { app } = await run({ way: 'throws in a nested span', spans: [] }, majors.at(-1)!, env)
  const spans = app.receiver.store.spans()
  expect(spans.map(span => [span.name, span.status.code])).toEqual([
    ['GET', 'unset'],
    ['nested', 'error'],
  ])
})

test('requests that were not finished are not measured', async () => {
  const env = { ORG_OTEL_SPAN_METRICS: 'true', OTEL_METRIC_EXPORT_INTERVAL: '60000' }
  const app = await start('is ended by a signal', majors.at(-1)!, env)
  await app.get('/fine')
  void app.get('/waiting').catch(() => {})
  await app.waitForOutput('waiting')
  await app.stop()
  const { store } = app.receiver
  expect(store.spans({ attributes: { [unfinishedKey]: true } })).toHaveLength(2)
  const counts = store
    .metrics(/duration/)
    .filter(series => /^(http\.server\.request|traces\.span\.metrics)/.test(series.name))
    .map(series => [series.name, series.latest.count])
  expect(counts.sort()).toEqual([
    ['http.server.request.duration', 1],
    ['traces.span.metrics.duration', 1],
  ])
})

describe('what is sent at the very end leaves in the configured protocol', () => {
  const protocols = [
    ['http/protobuf', 'otlp', 'application/x-protobuf', '/v1/traces'],
    ['http/json', 'otlp', 'application/json', '/v1/traces'],
    ['zipkin', 'zipkin', 'application/json', '/api/v2/spans'],
  ] as const
  test.each(protocols)('%s', async (protocol, exporter, type, path) => {
    const seen: { url: string | undefined; type: string | undefined; body: Buffer }[] = []
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      seen.push({ url: request.url, type: request.headers['content-type'], body: Buffer.concat(chunks) })
      response.end()
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      await run({ way: 'throws at once', spans: [] }, majors.at(-1)!, {
        OTEL_TRACES_EXPORTER: exporter,
        OTEL_METRICS_EXPORTER: 'none',
        OTEL_EXPORTER_OTLP_ENDPOINT: base,
        OTEL_EXPORTER_ZIPKIN_ENDPOINT: `${base}/api/v2/spans`,
        ...(exporter === 'otlp' && { OTEL_EXPORTER_OTLP_PROTOCOL: protocol }),
      })
    } finally {
      server.close()
    }
    expect(seen.length).toBeGreaterThan(0)
    for (const request of seen) expect(request).toMatchObject({ url: path, type })
    const text = seen.map(({ body }) => body.toString('latin1')).join('')
    expect(text).toContain(unfinishedKey)
    expect(text).toContain('E_BOOM')
    if (type === 'application/json') for (const { body } of seen) JSON.parse(body.toString())
  })

  test('grpc', async () => {
    const env = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }
    const { app } = await run({ way: 'throws at once', spans: [] }, majors.at(-1)!, env)
    expect(app.receiver.store.spans({ attributes: { [unfinishedKey]: true } })).toHaveLength(3)
  })

  test('the console has its spans without anybody sending them, also when nothing may be waited for', async () => {
    const env = {
      OTEL_TRACES_EXPORTER: 'console',
      OTEL_METRICS_EXPORTER: 'none',
      ORG_OTEL_EXIT_LAST_WORDS: '0',
    }
    const { app } = await run({ way: 'exits', spans: [] }, majors.at(-1)!, env)
    // By whichever of the two it is printed.
    const spans = `${app.stdout}\n${app.stderr}`
      .split('\n')
      .filter(line => line.includes('resourceSpans'))
      .flatMap(line => JSON.parse(line.slice(line.indexOf('{'))).resourceSpans)
      .flatMap(resource => resource.scopeSpans)
      .flatMap(scope => scope.spans)
    expect(spans.map(span => span.name).sort()).toEqual(['GET', 'GET', 'GET', 'query'])
    expect(app.stderr).not.toContain('UNSENT')
  })
})
