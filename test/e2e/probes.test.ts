// The promise: health checks leave no trace, and are counted where everybody can see it.
import { join } from 'node:path'
import { type App, expectTrace, runApp } from '@org/otel-devtools/testing'

let app: App
afterEach(() => app.dispose())

test('probes by path and by user agent are a metric, never a span, a duration or a log with a trace', async () => {
  app = await runApp(
    `const http = require('node:http')
     const log = require('pino')()
     http.createServer(async (req, res) => {
       // A readiness check that asks its database is a probe all the way down.
       if (req.url === '/ready') await fetch('http://127.0.0.1:' + req.socket.localPort + '/database')
       log.info(req.url)
       res.end('ok')
     }).listen(0, '127.0.0.1', function () { console.log('listening ' + this.address().port) })`,
    { cwd: join(__dirname, '..'), env: { OTEL_SERVICE_NAME: 'shop' } },
  )
  const paths = ['/health', '/healthz', '/readyz', '/livez', '/metrics', '/health?verbose', '/ready']
  const agents = ['kube-probe/1.31', 'ELB-HealthChecker/2.0', 'GoogleHC/1.0']
  for (const path of paths) expect((await app.get(path)).status).toBe(200)
  for (const agent of agents) await app.get('/', { headers: { 'user-agent': agent } })
  await app.get('/healthy')
  await expectTrace(app, { name: 'GET', kind: 'server', attributes: { 'url.path': '/healthy' } })
  const count = await app.receiver.store.waitFor(store => {
    const value = (store.metrics('org.otel.http.server.probes')[0]?.latest as { value?: number } | undefined)
      ?.value
    return value !== undefined && value >= paths.length + agents.length ? value : undefined
  })
  expect(count).toBe(paths.length + agents.length)
  const spans = app.receiver.store.spans().map(span => span.attributes['url.path'])
  // The readiness check's own call is not traced; its server, another process in real life, sees a request as any other.
  expect(spans.filter(path => path !== '/database')).toEqual(['/healthy'])
  const logged = app.logs.filter(line => line.trace_id !== undefined).map(line => line.msg)
  expect(logged.filter(path => path !== '/database')).toEqual(['/healthy'])
})
