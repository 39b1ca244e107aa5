'use strict'
const { serve, raw, statusLines } = require('./lib.cjs')
module.exports = async () => {
  const s = await serve((_request, response) => response.end('ok'))
  const results = []
  for (const host of [
    'a.example',
    'a.example:81',
    '[::1]',
    '[::1]:81',
    '::1',
    'a.example:port',
    'a.example:',
    ':81',
    'a b',
    '%',
    '',
  ])
    results.push(
      statusLines(
        await raw(
          s.port,
          `GET /host/${encodeURIComponent(host)} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
        ),
      ),
    )
  results.push(statusLines(await raw(s.port, 'GET /host/http10 HTTP/1.0\r\n\r\n')))
  results.push(statusLines(await raw(s.port, 'GET /host/none HTTP/1.1\r\nConnection: close\r\n\r\n')))
  await s.close()
  return results
}
