'use strict'
const http = require('node:http')
const { serve, ask, raw, statusLines } = require('./lib.cjs')
module.exports = async () => {
  const s = await serve((request, response) => {
    setImmediate(() => response.end(request.url))
  })
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  const results = []
  for (let i = 0; i < 3; i++) results.push(await ask(`${s.url}/keep-alive/${i}`, { agent }))
  results.push(await Promise.all([1, 2, 3].map(i => ask(`${s.url}/queued/${i}`, { agent }))))
  agent.destroy()
  const get = (path, last) =>
    `GET ${path} HTTP/1.1\r\nHost: a.example\r\n${last ? 'Connection: close\r\n' : ''}\r\n`
  results.push(
    statusLines(await raw(s.port, get('/pipelined/1') + get('/pipelined/2') + get('/pipelined/3', true))),
  )
  await s.close()
  return results
}
