'use strict'
const { serve, ask, traceparent } = require('./lib.cjs')
module.exports = async () => {
  const s = await serve((request, response) => {
    response.setHeader('x-answer', '42')
    response.statusCode = request.url.startsWith('/missing') ? 404 : request.url === '/broken' ? 500 : 200
    response.end(`hello ${request.method} ${request.url}`)
  })
  const results = [
    await ask(`${s.url}/plain`),
    await ask(`${s.url}/query?a=1&b=two`),
    await ask(`${s.url}/missing`),
    await ask(`${s.url}/broken`),
    await ask(`${s.url}/agent`, { headers: { 'user-agent': 'test/1.0', traceparent: traceparent } }),
    await ask({ host: '127.0.0.1', port: s.port, path: '/options', method: 'post' }, {}, 'body'),
    await ask(new URL(`${s.url}/url`), { method: 'PUT' }, 'body'),
  ]
  await s.close()
  return results
}
