'use strict'
const http = require('node:http')
const { serve, ask, traceparent } = require('./lib.cjs')
const api = require('@opentelemetry/api')
module.exports = async () => {
  const leaf = await serve((request, response) => response.end(String(request.headers.baggage ?? '')))
  const tracer = api.trace.getTracer('application')
  const middle = await serve(async (request, response) => {
    const active = (await import('node:timers/promises')).setImmediate()
    await active
    const inner = await tracer.startActiveSpan('work', async span => {
      const answer = await ask(`${leaf.url}/nested/leaf-http`)
      span.end()
      return answer
    })
    const fetched = await (await fetch(`${leaf.url}/nested/leaf-fetch`)).text()
    request.on('data', () => api.trace.getActiveSpan()?.setAttribute('app.data', true))
    request.on('end', () => {
      api.trace.getActiveSpan()?.setAttribute('app.end', true)
      response.end(JSON.stringify([inner, fetched]))
    })
    response.on('finish', () => api.trace.getActiveSpan()?.setAttribute('app.finish', true))
    response.on('close', () => api.trace.getActiveSpan()?.setAttribute('app.close', true))
  })
  const results = []
  results.push(
    await ask(
      `${middle.url}/nested/outer`,
      {
        method: 'POST',
        headers: {
          traceparent: traceparent.replace('-01', '-01'),
          tracestate: 'a=1,b=2',
          baggage: 'tenant=blue',
        },
      },
      'x',
    ),
  )
  // Listeners of a request made inside a span run in that span, over a shared connection too.
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const names = []
  await Promise.all(
    ['one', 'two'].map(name =>
      tracer.startActiveSpan(
        name,
        span =>
          new Promise(resolve => {
            const note = event => names.push(`${name} ${event} ${api.trace.getActiveSpan() === span}`)
            http
              .get(`${leaf.url}/nested/${name}`, { agent }, response => {
                note('response')
                response.on('data', () => note('data'))
                response.on('end', () => {
                  note('end')
                  span.end()
                })
              })
              .on('close', () => {
                note('close')
                resolve()
              })
          }),
      ),
    ),
  )
  agent.destroy()
  // Connections are opened inside the client span: spans of dns and net are its children.
  await tracer.startActiveSpan('three', span => {
    const lookup = (_host, options, done) => {
      const active = api.trace.getActiveSpan()
      names.push(`lookup in ${active === span ? 'the caller’s' : 'another'} span`)
      if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }])
      else done(null, '127.0.0.1', 4)
    }
    return ask({ host: 'somewhere.invalid', port: leaf.port, path: '/nested/lookup', lookup }).then(() =>
      span.end(),
    )
  })
  await middle.close()
  await leaf.close()
  return { result: results, traced: names.sort() }
}
