// One connection, many requests: what they have in common is found once, and must not leak from one to the other.
'use strict'
const api = require('@opentelemetry/api')
const { serve, raw, statusLines } = require('./lib.cjs')
module.exports = async () => {
  const s = await serve((request, response) => {
    const span = api.trace.getActiveSpan()
    if (request.url.includes('override')) span?.setAttribute('server.address', 'mine').setAttribute('own', 1)
    if (request.url.includes('many'))
      for (let i = 0; i < 200; i++) span?.setAttribute(`many.${String(i).padStart(3, '0')}`, i)
    response.end(request.url)
  })
  const get = (path, host, more = '', version = '1.1') =>
    `GET ${path} HTTP/${version}\r\nHost: ${host}\r\n${more}\r\n`
  const requests = [
    get('/a/1', 'a.example'),
    get('/a/2', 'a.example'),
    get('/a/3?q=1', 'a.example', 'User-Agent: x\r\n'),
    get('/override', 'a.example'),
    get('/a/4', 'a.example'),
    get('/b/1', 'b.example:81'),
    get('/a/5', 'a.example'),
    get('/b/2', 'b.example:81'),
    get('/b/3', 'b.example:81'),
    get('/forwarded', 'b.example:81', 'X-Forwarded-For: 9.9.9.9\r\n'),
    get('/b/4', 'b.example:81'),
    get('/many', 'b.example:81'),
    get('/b/5', 'b.example:81'),
    // The version is common to a connection as well, until it is not. Whoever speaks 1.0 closes it.
    get('/last', 'b.example:81', '', '1.0'),
  ]
  const results = [statusLines(await raw(s.port, requests.join('')))]
  await s.close()
  return results
}
