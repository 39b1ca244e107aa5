// The promise: whatever processes and threads an application makes, each is one instance that is traced once.
import { join } from 'node:path'
import { type App, type AppOptions, expectTrace, runApp } from '@org/otel-devtools/testing'

const cwd = join(__dirname, '..')
const apps: App[] = []
afterEach(() => Promise.all(apps.splice(0).map(app => app.dispose())))

async function run(code: string, major: number, options: AppOptions = {}): Promise<App> {
  const { nodePath } = await import('../../scripts/nodes.mjs')
  const app = await runApp(code, {
    cwd,
    node: nodePath(major),
    ...options,
    env: { OTEL_SERVICE_NAME: 'shop', ...options.env },
  })
  apps.push(app)
  return app
}

const majors = [20, 22, 24, 26]
const flags = ['require', 'import'] as const
const everywhere = majors.flatMap(major => flags.map(preloadWith => ({ major, preloadWith })))

const nest = `
import 'reflect-metadata'
import { Controller, Get, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
class Payments { pay() { return 'paid' } }
Get('pay')(Payments.prototype, 'pay', Object.getOwnPropertyDescriptor(Payments.prototype, 'pay'))
Controller()(Payments)
class App {}
Module({ controllers: [Payments] })(App)
const app = await NestFactory.create(App, { logger: false })
await app.listen(0, '127.0.0.1')
console.log('listening ' + app.getHttpServer().address().port)
`

test.each(everywhere)(
  'NestJS 12 is traced by --$preloadWith on Node $major without a warning',
  async ({ major, preloadWith }) => {
    const app = await run(nest, major, { preloadWith })
    expect((await app.get('/pay')).body).toBe('paid')
    await expectTrace(app, {
      name: 'GET /pay',
      kind: 'server',
      descendants: [{ name: 'Payments.pay' }, { name: 'pay' }],
    })
    expect(app.stderr).not.toMatch(/DEP0205|Warning|ORG_OTEL_INTERNAL/)
    expect(await app.stop()).toEqual({ code: null, signal: 'SIGTERM' })
  },
)

test.each(majors)(
  'a fork and cluster workers are instances of their own that share a port, Node %i',
  async major => {
    const app = await run(
      `const cluster = require('node:cluster')
     const http = require('node:http')
     const { fork } = require('node:child_process')
     if (cluster.isPrimary && !process.argv[2]) {
       let left = 3
       const ready = () => { if (--left === 0) console.log('listening ' + port) }
       let port
       for (let i = 0; i < 2; i++) cluster.fork().on('message', p => { port = p; ready() })
       fork(__filename, ['child']).on('message', ready)
       require('@opentelemetry/api').trace.getTracer('t').startSpan('primary').end()
     } else if (process.argv[2]) {
       require('@opentelemetry/api').trace.getTracer('t').startSpan('forked').end()
       process.send('ok')
       process.on('disconnect', () => process.exit())
       setInterval(() => {}, 1000)
     } else {
       const server = http.createServer((req, res) => { res.setHeader('connection', 'close'); res.end(String(process.pid)) })
       server.listen(0, '127.0.0.1', () => process.send(server.address().port))
     }`,
      major,
      { env: { OTEL_METRICS_EXPORTER: 'otlp,prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: '0' } },
    )
    for (let i = 0; i < 4; i++) await app.get('/')
    const instances = await app.receiver.store.waitFor(store => {
      const spans = store.spans({})
      const byInstance = new Map(
        spans.map(span => [
          span.resource.attributes['service.instance.id'],
          span.resource.attributes['process.pid'],
        ]),
      )
      const names = new Set(spans.map(span => span.name))
      return byInstance.size === 4 && names.has('primary') && names.has('forked') && names.has('GET')
        ? byInstance
        : undefined
    })
    expect(new Set(instances.values()).size).toBe(4)
    expect(app.stderr).not.toMatch(/EADDRINUSE|ORG_OTEL_INTERNAL|Warning/)
  },
)

test('the prometheus port is for one process: the others of a cluster say so once and serve their requests', async () => {
  const { createServer } = await import('node:net')
  const free = createServer().listen(0, '127.0.0.1')
  await new Promise(done => free.once('listening', done))
  const { port } = free.address() as { port: number }
  await new Promise(done => free.close(done))
  const app = await run(
    `const { fork } = require('node:child_process')
     const http = require('node:http')
     if (process.argv[2]) { process.on('disconnect', () => process.exit()); setTimeout(() => process.send('ok'), 500) }
     else fork(__filename, ['child']).on('message', () => http.createServer((q, r) => r.end('ok')).listen(0, '127.0.0.1', function () { console.log('listening ' + this.address().port) }))`,
    24,
    {
      env: {
        OTEL_METRICS_EXPORTER: 'prometheus',
        OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
        OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
      },
    },
  )
  expect((await app.get('/')).body).toBe('ok')
  expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(200)
  expect(app.stderr.match(new RegExp(`ORG_OTEL_[A-Z_]+ .*${port}.*`, 'g'))).toHaveLength(1)
})

test.each(majors)(
  'a worker thread is traced when ORG_OTEL_WORKERS asks for it, and only then, Node %i',
  async major => {
    const code = `
    const { Worker, isMainThread } = require('node:worker_threads')
    const { trace } = require('@opentelemetry/api')
    trace.getTracer('t').startSpan(isMainThread ? 'main' : 'worker').end()
    if (isMainThread) { console.log('ready'); new Worker(__filename).on('exit', code => console.log('worker ended with ' + code)); setInterval(() => {}, 1000) }
  `
    const [off, on] = await Promise.all([
      run(code, major),
      run(code, major, { env: { ORG_OTEL_WORKERS: 'true' } }),
    ])
    await Promise.all([off, on].map(app => app.waitForOutput('worker ended with 0')))
    await expectTrace(on, { name: 'main' })
    const { match } = await expectTrace(on, { name: 'worker' })
    const main = on.receiver.store.spans({ name: 'main' })[0]!
    expect(match.resource.attributes['service.instance.id']).not.toBe(
      main.resource.attributes['service.instance.id'],
    )
    await expectTrace(off, { name: 'main' })
    await off.stop()
    expect(off.receiver.store.spans({ name: 'worker' })).toEqual([])
    expect(on.stderr).not.toMatch(/Warning|ORG_OTEL_INTERNAL/)
  },
)

test.each(majors)('a process whose directory is gone starts all the same, Node %i', async major => {
  const app = await run(
    `const { mkdtempSync, rmdirSync } = require('node:fs')
     const { spawn } = require('node:child_process')
     if (process.argv[2]) { require('@opentelemetry/api').trace.getTracer('t').startSpan('lost').end(); console.log('child ran') }
     else {
       const dir = mkdtempSync(require('node:os').tmpdir() + '/gone-')
       process.chdir(dir); rmdirSync(dir)
       spawn(process.execPath, [__filename, 'child'], { stdio: 'inherit' }).on('exit', code => console.log('ended ' + code))
     }`,
    major,
  )
  await app.exited
  const plain = app.stdout
  if (plain.includes('child ran')) await expectTrace(app, { name: 'lost' })
  expect(app.stderr).not.toMatch(/ORG_OTEL_START_FAILED|ORG_OTEL_INTERNAL/)
})
