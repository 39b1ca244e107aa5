import { join } from 'node:path'
import { runApp } from './app.ts'

const server = `
const { createServer } = require('node:http')
const s = createServer((q, r) => { console.log(JSON.stringify({ level: 'info', path: q.url })); r.end('hello ' + q.url) })
s.listen(0, '127.0.0.1', () => console.log('listening ' + s.address().port))
process.on('SIGTERM', () => { console.error('bye'); s.close(); s.closeAllConnections() })
`

test('code given as text runs as a process that answers, logs and stops', async () => {
  await using app = await runApp(server, { preload: false })
  expect(await app.get('/a')).toMatchObject({ status: 200, body: 'hello /a' })
  expect(app.logs).toEqual([{ level: 'info', path: '/a' }])
  expect(await app.stop()).toEqual({ code: 0, signal: null })
  expect(app.stderr).toBe('bye\n')
})

test('ES modules are recognised and resolve packages from the working directory', async () => {
  await using app = await runApp(
    `import { Kafka } from 'kafkajs'\nconsole.log(typeof Kafka, import.meta.url.endsWith('.mjs'))`,
    { preload: false, cwd: join(__dirname, '../..') },
  )
  expect(await app.exited).toEqual({ code: 0, signal: null })
  expect(app.stdout).toBe('function true\n')
})

test('the app gets the endpoint of its receiver and nothing of the test runner', async () => {
  await using app = await runApp(
    `const { JEST_WORKER_ID, NODE_ENV, OTEL_EXPORTER_OTLP_ENDPOINT, MINE } = process.env
     console.log(JSON.stringify({ JEST_WORKER_ID, NODE_ENV, OTEL_EXPORTER_OTLP_ENDPOINT, MINE }))`,
    { preload: false, env: { MINE: 'yes' } },
  )
  await app.exited
  expect(app.logs).toEqual([{ OTEL_EXPORTER_OTLP_ENDPOINT: app.receiver.url, MINE: 'yes' }])
})

test('a preload is loaded before the app, as require or as import', async () => {
  for (const preloadWith of ['require', 'import'] as const) {
    await using app = await runApp('console.log(globalThis.preloaded)', {
      preload: require.resolve('../../test/apps/preload.cjs'),
      preloadWith,
    })
    await app.exited
    expect(app.stdout).toBe('true\n')
  }
})

test('an app that crashes at start is told by its exit, not by an exception', async () => {
  await using app = await runApp('throw new Error("boom")', { preload: false })
  expect(await app.exited).toEqual({ code: 1, signal: null })
  expect(app.stderr).toContain('boom')
  expect(() => app.url).toThrow(/did not print "listening <port>"/)
})

test('an app that is neither ready nor ended in time is killed and its output shown', async () => {
  const stuck = 'console.log("thinking"); setInterval(() => {}, 1000)'
  await expect(runApp(stuck, { preload: false, timeoutMs: 500 })).rejects.toThrow(
    /neither ready[\s\S]*thinking/,
  )
})

test('a signal the app dies from is reported as a signal', async () => {
  await using app = await runApp('console.log("ready"); setInterval(() => {}, 1000)', { preload: false })
  expect(await app.stop('SIGINT')).toEqual({ code: null, signal: 'SIGINT' })
})
