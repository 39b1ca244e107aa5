'use strict'
const http = require('node:http')
const { serve, raw, statusLines } = require('./lib.cjs')
const api = require('@opentelemetry/api')
module.exports = async () => {
  const results = []
  const s = await serve((request, response) => response.end(request.url))
  s.server.on('upgrade', (request, socket) => {
    if (request.url === '/upgrade/denied') return socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n')
    if (request.url === '/upgrade/dropped') return socket.destroy()
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n')
    socket.on('data', chunk => socket.end(chunk))
  })
  s.server.on('connect', (_request, socket) => {
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    socket.end('tunnel')
  })
  for (const path of ['/upgrade/ok', '/upgrade/denied', '/upgrade/dropped'])
    results.push(
      await new Promise(resolve => {
        const request = http.request(`${s.url}${path}`, {
          agent: false,
          headers: { connection: 'Upgrade', upgrade: 'echo' },
        })
        request.on('upgrade', (response, socket) => {
          socket.on('data', chunk => resolve([response.statusCode, chunk.toString()]))
          socket.write('ping')
        })
        request.on('response', response => {
          response.resume()
          response.on('end', () => resolve([response.statusCode]))
        })
        request.on('error', error => resolve(error.code))
        request.end()
      }),
    )
  results.push(
    await new Promise(resolve => {
      const request = http.request({
        host: '127.0.0.1',
        port: s.port,
        method: 'CONNECT',
        path: 'far.example:443',
        agent: false,
      })
      request.on('connect', (response, socket, head) => {
        let text = head.toString()
        socket.on('data', chunk => (text += chunk))
        socket.on('end', () => resolve([response.statusCode, text]))
        socket.on('close', () => resolve([response.statusCode, text]))
      })
      request.end()
    }),
  )
  await s.close()
  const refused = await serve((_request, response) => response.end('plain answer'))
  results.push(
    statusLines(
      await raw(
        refused.port,
        'GET /upgrade/ignored HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, close\r\nUpgrade: x\r\n\r\n',
        text => text.includes('answer'),
      ),
    ),
  )
  await refused.close()
  void api
  return results
}
