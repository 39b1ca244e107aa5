// What the programs share: servers on port 0, plain requests, raw sockets, and closing everything.
'use strict'
const http = require('node:http')
const net = require('node:net')
const { once } = require('node:events')

exports.serve = async function serve(handler, { module = http, options = {}, host = '127.0.0.1' } = {}) {
  const server = module.createServer(options, handler)
  const sockets = new Set()
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address()
  return {
    server,
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    async close() {
      server.closeIdleConnections?.()
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** Status, headers that matter and body of a request; the error when there is one. */
exports.ask = function ask(target, options = {}, body = undefined, module = http) {
  return new Promise(resolve => {
    const isUrl = typeof target === 'string' || target instanceof URL
    const all = { agent: false, ...(isUrl ? {} : target), ...options }
    const args = isUrl ? [target, all] : [all]
    const request = module.request(...args, response => {
      const chunks = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('error', error => resolve({ error: error.code }))
      response.on('end', () =>
        resolve({ status: response.statusCode, body: Buffer.concat(chunks).toString() }),
      )
    })
    request.on('error', error => resolve({ error: error.code }))
    request.end(body)
  })
}

/** Sends bytes, gives back all that comes until the other side closes or `until` says it is enough. */
exports.raw = function raw(port, bytes, until = () => false) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    let text = ''
    socket.on('data', chunk => {
      text += chunk
      if (until(text)) socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
    socket.write(bytes)
  })
}

/** Only the status lines of raw answers: dates and keep-alive hints differ from run to run. */
exports.statusLines = text => text.split('\r\n').filter(line => line.startsWith('HTTP/1.'))

exports.traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
