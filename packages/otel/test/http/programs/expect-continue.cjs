'use strict'
const http = require('node:http')
const { serve, raw, statusLines } = require('./lib.cjs')
const { once } = require('node:events')
module.exports = async () => {
  const results = []
  const s = await serve((request, response) => {
    request.resume()
    request.on('end', () => response.end('ok'))
  })
  const post = async (path, extra) => {
    const request = http.request(`${s.url}${path}`, {
      method: 'POST',
      agent: false,
      headers: { expect: '100-continue', 'content-length': '4', ...extra },
    })
    const order = []
    request.on('continue', () => {
      order.push('continue')
      request.end('body')
    })
    const [response] = await once(request, 'response')
    response.resume()
    await once(response, 'end')
    order.push(response.statusCode)
    return order
  }
  results.push(await post('/expect/automatic', {}))
  s.server.on('checkContinue', (request, response) => {
    response.writeContinue()
    request.resume()
    request.on('end', () => response.end('checked'))
  })
  results.push(await post('/expect/checked', {}))
  results.push(
    statusLines(
      await raw(
        s.port,
        'POST /expect/unknown HTTP/1.1\r\nHost: a.example\r\nExpect: tea\r\nConnection: close\r\n\r\n',
      ),
    ),
  )
  s.server.on('checkExpectation', (_request, response) => response.writeHead(418).end())
  results.push(
    statusLines(
      await raw(
        s.port,
        'POST /expect/tea HTTP/1.1\r\nHost: a.example\r\nExpect: tea\r\nConnection: close\r\n\r\n',
      ),
    ),
  )
  await s.close()
  const once2 = await serve((_request, response) => response.end('ok'))
  once2.server.maxRequestsPerSocket = 1
  const get = path => `GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`
  const answers = await raw(once2.port, get('/expect/first') + get('/expect/dropped'), text =>
    text.includes(' 503 '),
  )
  results.push(statusLines(answers))
  await once2.close()
  return results
}
