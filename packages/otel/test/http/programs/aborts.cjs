'use strict'
const http = require('node:http')
const net = require('node:net')
const { once } = require('node:events')
const { serve } = require('./lib.cjs')
module.exports = async () => {
  const results = []
  const closed = []
  let arrived = () => {}
  const s = await serve((request, response) => {
    response.on('close', () => closed.push(`${request.url} ${response.writableFinished}`))
    arrived(request, response)
    if (request.url === '/abort/server-early') request.socket.destroy()
    else if (request.url === '/abort/server-mid') {
      response.writeHead(200, { 'content-length': '100' })
      response.write('part')
      setImmediate(() => request.socket.destroy())
    } else if (request.url.startsWith('/abort/response-destroy')) response.destroy()
    else if (request.url === '/abort/client-mid') {
      response.writeHead(200, { 'content-length': '100' })
      response.write('part')
    }
  })
  const go = (path, act = () => {}) =>
    new Promise(resolve => {
      const seen = []
      const request = http.get(`${s.url}${path}`, { agent: false })
      request.on('response', response => {
        seen.push(response.statusCode)
        response.on('aborted', () => seen.push('aborted'))
        response.on('error', error => seen.push(error.code))
        response.on('end', () => seen.push('end'))
        response.on('data', () => act(request, response))
      })
      request.on('error', error => seen.push(error.code))
      request.on('close', () => setImmediate(resolve, seen))
    })
  results.push(await go('/abort/server-early'))
  results.push(await go('/abort/server-mid'))
  results.push(await go('/abort/response-destroy'))
  results.push(await go('/abort/client-mid', request => request.destroy()))
  // The client goes away while the handler works.
  const handled = new Promise(resolve => {
    arrived = (request, response) => response.on('close', () => resolve(request.url))
  })
  const socket = net.connect(s.port, '127.0.0.1')
  socket.write('GET /abort/client-early HTTP/1.1\r\nHost: a.example\r\n\r\n')
  await once(s.server, 'request')
  socket.destroy()
  results.push(await handled)
  await s.close()
  results.push(closed.sort())
  return results
}
