// The promise: what we say about ourselves is true, and what a person needs to know is said.

import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, expectTrace, runApp } from '@org/otel-devtools/testing'
import { majors, nodePath } from '../../scripts/nodes.mjs'

const cwd = join(__dirname, '..')
const own = join(__dirname, '../../packages/otel')
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function run(code: string, options: Parameters<typeof runApp>[1] = {}): Promise<App> {
  const app = await runApp(code, { cwd, ...options, env: { OTEL_SERVICE_NAME: 'shop', ...options.env } })
  cleanups.push(() => app.dispose())
  return app
}

const served = `
const app = express()
app.get('/users/:id', (request, response) => { logger.info('served'); response.end('ok') })
const server = app.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
`

describe.each(majors)('on Node %i', major => {
  const node = nodePath(major)

  test('an ES module that imports the preload first is instrumented, and told nothing else', async () => {
    const app = await run(
      `import ${JSON.stringify(join(own, 'dist/register.cjs'))}
       import pino from 'pino'
       import express from 'express'
       const logger = pino()
       ${served}`,
      { node, preload: false, module: 'esm' },
    )
    await app.get('/users/7')
    const { match } = await expectTrace(app, { name: 'GET /users/:id' })
    expect(app.logs.find(line => line.msg === 'served')).toMatchObject({ trace_id: match.traceId })
    expect(app.stderr).not.toContain('ORG_OTEL_LOADED_BEFORE')
  })

  test('start() beside imports says which file to write, and that file works', async () => {
    const code = `import pino from 'pino'\nimport express from 'express'\nconst logger = pino()\n${served}`
    const late = await run(
      `import { start } from ${JSON.stringify(join(own, 'dist/index.mjs'))}\n${code}\nstart()`,
      {
        node,
        preload: false,
        module: 'esm',
      },
    )
    expect(late.stderr).toMatch(/ORG_OTEL_LOADED_BEFORE .*pino.*node --import \.\/telemetry\.mjs app\.mjs/)

    const folder = mkdtempSync(join(tmpdir(), 'telemetry-'))
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
    const telemetry = join(folder, 'telemetry.mjs')
    writeFileSync(
      telemetry,
      `import { start } from ${JSON.stringify(join(own, 'dist/index.mjs'))}\nstart({ serviceName: 'payments' })\n`,
    )
    const app = await run(code, {
      node,
      preload: false,
      module: 'esm',
      nodeOptions: `--import ${telemetry}`,
      env: { OTEL_SERVICE_NAME: undefined },
    })
    await app.get('/users/7')
    const { match } = await expectTrace(app, { name: 'GET /users/:id', service: 'payments' })
    expect(app.logs.find(line => line.msg === 'served')).toMatchObject({ trace_id: match.traceId })
    expect(app.stderr).not.toContain('ORG_OTEL_LOADED_BEFORE')
  })
})

test('a library that was evaluated before us is still named', async () => {
  const app = await run(`require('pino'); require(${JSON.stringify(join(own, 'dist/register.cjs'))})`, {
    preload: false,
    module: 'cjs',
  })
  await app.exited
  expect(app.stderr).toMatch(/ORG_OTEL_LOADED_BEFORE .*pino .*put --require @org\/otel\/register first/)
})

test.each(['--require', '--import'])('%s of the package without /register is said once', async flag => {
  const folder = mkdtempSync(join(tmpdir(), 'bare-'))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  const { mkdirSync } = await import('node:fs')
  mkdirSync(join(folder, 'node_modules/@org'), { recursive: true })
  symlinkSync(own, join(folder, 'node_modules/@org/otel'))
  const app = await run(`console.log('ready')`, {
    cwd: folder,
    preload: false,
    nodeOptions: `${flag} @org/otel`,
  })
  expect(await app.exited).toEqual({ code: 0, signal: null })
  expect(app.stdout).toBe('ready\n')
  expect(app.stderr).toBe(
    `[otel] ORG_OTEL_SKIPPED not started: ${flag} @org/otel loads the package and does not start it; write ${flag} @org/otel/register\n`,
  )
})

test('settings of another agent are noticed once, without their values', async () => {
  const app = await run(`console.log('ready')`, {
    env: { DD_SERVICE: 'canary-1', DD_API_KEY: 'canary-2', SENTRY_DSN: 'https://canary-3@sentry.example/1' },
  })
  await app.exited
  expect(app.stderr.match(/ORG_OTEL_CONFIG_FOREIGN/g)).toHaveLength(2)
  expect(app.stderr).toContain('DD_SERVICE -> OTEL_SERVICE_NAME')
  expect(app.stderr).not.toContain('canary')
})

test.each(['OTEL_TRACES_EXPORTER', 'OTEL_METRICS_EXPORTER', 'OTEL_LOGS_EXPORTER'])(
  '%s=console writes to stderr and nothing to stdout',
  async name => {
    const app = await run(
      `const { trace, metrics, logs } = require('@opentelemetry/api')
       trace.getTracer('t').startSpan('span-of-mine').end()
       metrics.getMeter('t').createCounter('counter_of_mine').add(1)
       require('pino')().info('line of mine')
       setTimeout(() => {}, 300)`,
      {
        module: 'cjs',
        env: { [name]: 'console', ORG_OTEL_LOG_SENDING: 'true', OTEL_METRIC_EXPORT_INTERVAL: '100' },
      },
    )
    expect(await app.exited).toEqual({ code: 0, signal: null })
    expect(app.stdout.trim().split('\n')).toHaveLength(1)
    expect(app.stderr).toContain(
      {
        OTEL_TRACES_EXPORTER: 'span-of-mine',
        OTEL_METRICS_EXPORTER: 'counter_of_mine',
        OTEL_LOGS_EXPORTER: 'line of mine',
      }[name],
    )
  },
)

test('debug says what is on and off and why, what became of each library, and each request with its answer', async () => {
  const app = await run(
    `const express = require('express'); const pino = require('pino'); const logger = pino(); require('pg')
     ${served}
     setTimeout(() => require('@opentelemetry/api').trace.getTracer('t').startSpan('late').end(), 1500)`,
    { module: 'cjs', env: { OTEL_LOG_LEVEL: 'debug', OTEL_NODE_DISABLED_INSTRUMENTATIONS: 'pg' } },
  )
  await app.get('/users/7')
  await expectTrace(app, { name: 'late' })
  await app.waitForOutput(/ORG_OTEL_EXPORT_SENT/)
  expect(await app.stop()).toEqual({ code: null, signal: 'SIGTERM' })
  expect(app.stderr).toMatch(/ORG_OTEL_LIBRARY pg: off, in OTEL_NODE_DISABLED_INSTRUMENTATIONS/)
  expect(app.stderr).toMatch(/ORG_OTEL_LIBRARY dns: off, off by default: /)
  expect(app.stderr).toMatch(/ORG_OTEL_LIBRARY express: express \d\S* in \S+: instrumented/)
  expect(app.stderr).toMatch(
    /ORG_OTEL_LIBRARY router: router \d\S* in \S+: not instrumented itself: express describes it/,
  )
  expect(app.stderr).toMatch(
    /ORG_OTEL_EXPORT_SENT \d+ items of traces, \d+ bytes, to http:\/\/localhost:\d+|ORG_OTEL_EXPORT_SENT \d+ items of traces, \d+ bytes, to http:\/\/127.0.0.1:\d+: accepted in/,
  )
})

describe('a collector that refuses', () => {
  let server: Server
  afterEach(() => new Promise(resolve => server.close(resolve)))
  test.each([
    [
      'in JSON',
      'application/json',
      '{"code":3,"message":"tenant payments is unknown"}',
      'tenant payments is unknown',
    ],
    ['on a page', 'text/html', '<html><title>No such tenant</title>', 'No such tenant'],
    ['with our token in it', 'text/plain', 'token s3cr3t-canary is revoked', 'token <hidden> is revoked'],
  ])('is quoted: %s', async (_, type, body, said) => {
    server = createServer((request, response) => {
      request
        .resume()
        .on('end', () => response.writeHead(400, { 'content-type': type, connection: 'close' }).end(body))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const app = await run(
      `require('@opentelemetry/api').trace.getTracer('t').startSpan('x').end(); setTimeout(() => {}, 1500)`,
      {
        module: 'cjs',
        env: {
          OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
          OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
          OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20s3cr3t-canary',
          OTEL_METRICS_EXPORTER: 'none',
        },
      },
    )
    expect(await app.exited).toEqual({ code: 0, signal: null })
    expect(app.stderr).toMatch(new RegExp(`ORG_OTEL_EXPORT_REFUSED .*it says: ${said}`))
    expect(app.stderr).not.toContain('canary')
  })
})
