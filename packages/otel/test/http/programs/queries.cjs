'use strict'
const { serve, ask, raw, statusLines } = require('./lib.cjs')
module.exports = async () => {
  const s = await serve((request, response) => response.end(request.url))
  const results = []
  for (const target of [
    '/q?',
    '/q?x',
    '/q?a=b%20c',
    '/q?a=b+c',
    '/q?a=~(x)',
    '/q?a=1&a=2',
    '/q/%C3%A9?%C3%A9=1',
    '/q//double',
    '/q/a/../b',
  ])
    results.push(await ask({ host: '127.0.0.1', port: s.port, path: target }))
  for (const target of ['http://other.example/q/absolute?x=1', '//q/protocol-relative'])
    results.push(
      statusLines(
        await raw(s.port, `GET ${target} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`),
      ),
    )
  await s.close()
  return results
}
