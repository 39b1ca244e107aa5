// The promise: whatever an application throws, its telemetry says what it said, never `[object Object]`.
import { join } from 'node:path'
import { inspect } from 'node:util'
import { type App, runApp } from '@org/otel-devtools/testing'

let app: App
afterEach(() => app.dispose())

const thrown = {
  message: `{ status: 400, message: 'the text' }`,
  coded: `{ code: 'E_PLAIN', message: 'the text' }`,
  nested: `{ error: { message: 'the text' } }`,
  bare: `Object.assign(Object.create(null), { message: 'the text' })`,
  text: `'the text'`,
  error: `new Error('the text')`,
}
const quiet = 'console.error = () => {}'
const listening = `function () { console.log('listening ' + (this.address?.() ?? app.server.address()).port) }`
const choose = `const thrown = { ${Object.entries(thrown)
  .map(([key, code]) => `${key}: () => (${code})`)
  .join(', ')} }`

/** How frameworks are told of a failure. */
const programs = {
  'express, next()': `${quiet}; ${choose}
    const app = require('express')()
    app.get('/:what', (req, res, next) => next(thrown[req.params.what]()))
    app.listen(0, '127.0.0.1', ${listening})`,
  'express, a rejection': `${quiet}; ${choose}
    const app = require('express')()
    app.get('/:what', async req => { throw thrown[req.params.what]() })
    app.listen(0, '127.0.0.1', ${listening})`,
  'express 4, throw': `${quiet}; ${choose}
    const app = require('express4')()
    app.get('/:what', req => { throw thrown[req.params.what]() })
    app.listen(0, '127.0.0.1', ${listening})`,
  'fastify, a rejection': `${choose}
    const app = require('fastify')()
    app.get('/:what', async req => { throw thrown[req.params.what]() })
    app.listen({ port: 0, host: '127.0.0.1' }, () => console.log('listening ' + app.server.address().port))`,
  'koa, throw': `${quiet}; ${choose}
    const app = new (require('koa'))()
    app.on('error', () => {})
    app.use(async ctx => { throw thrown[ctx.path.slice(1)]() })
    app.listen(0, '127.0.0.1', ${listening})`,
  'the API, recordException': `${choose}
    const { trace } = require('@opentelemetry/api')
    const app = require('http').createServer((req, res) => {
      trace.getActiveSpan().recordException(thrown[req.url.slice(1)]())
      res.end()
    }).listen(0, '127.0.0.1', ${listening})`,
}

// express 4 cannot print it for the answer: the process ends, with us and without.
const unprintable: Record<string, string> = { 'express 4, throw': 'bare' }

test.each(Object.entries(programs))('%s', async (name, program) => {
  const cases = Object.keys(thrown).filter(what => what !== unprintable[name])
  app = await runApp(program, { cwd: join(__dirname, '..') })
  for (const what of cases) await app.get(`/${what}`)
  await app.stop()
  const spans = app.receiver.store.spans()
  expect(spans.filter(span => span.kind === 'server')).toHaveLength(cases.length)
  for (const what of cases) {
    const server = spans.find(span => span.kind === 'server' && span.attributes['url.path'] === `/${what}`)!
    const texts = spans
      .filter(span => span.traceId === server.traceId)
      .flatMap(span => span.events.map(event => event.attributes['exception.message']))
    expect([what, [...new Set(texts)]]).toEqual([what, ['the text']])
  }
  expect(inspect(spans, { depth: 9 })).not.toContain('[object Object]')
})
