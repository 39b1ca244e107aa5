// What the programs share: the HTTP helpers of their neighbours, both majors of express and ioredis, and a traced scope.
'use strict'
const http = require('node:http')
const api = require('@opentelemetry/api')
const { serve, ask } = require('../../http/programs/lib.cjs')

exports.serve = serve
exports.ask = ask
exports.connection = {
  host: '127.0.0.1',
  port: Number(process.env.TEST_PG_PORT),
  user: 'postgres',
  password: 'postgres',
  database: 'postgres',
  ssl: false,
}

/** Runs `fn` in a span of the program's own. */
exports.inSpan = async (name, fn) => {
  const span = api.trace.getTracer('program').startSpan(name)
  try {
    return await api.context.with(api.trace.setSpan(api.context.active(), span), fn)
  } finally {
    span.end()
  }
}

/** A span made where the program is now: shows which context code runs in. */
exports.mark = name => api.trace.getTracer('program').startSpan(`mark ${name}`).end()

/** Serves an express application and asks it for paths, `[method] path`; its log is quiet. */
exports.askAll = async (app, targets) => {
  app.set('env', 'test')
  const s = await serve(app)
  const answers = []
  for (const target of targets) {
    const [path, method] = target.split(' ').reverse()
    const { status, body } = await ask(`${s.url}${path}`, { method: method ?? 'GET' })
    answers.push([target, status, body.replace(/\n? +at .*|<br>.*(?=<\/pre>)/g, '')])
  }
  await s.close()
  return answers
}
exports.http = http
