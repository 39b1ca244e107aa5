'use strict'
const http = require('node:http')
const net = require('node:net')
const { EventEmitter, once } = require('node:events')
const { mkdtempSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const path = require('node:path')
const { serve, ask } = require('./lib.cjs')

// As agent-base before version 7: not an http.Agent, its own addRequest.
class ForeignAgent extends EventEmitter {
  addRequest(request, options) {
    request.onSocket(net.connect(options))
  }
}

// As agent-base 7: an http.Agent with its own createSocket.
class OwnSockets extends http.Agent {
  createSocket(_request, options, done) {
    const socket = net.connect(options)
    socket.once('connect', () => done(null, socket))
  }
}

module.exports = async () => {
  const s = await serve((request, response) => response.end(request.url))
  const base = { host: '127.0.0.1', port: s.port }
  const results = [
    await ask({ ...base, path: '/agents/false', agent: false }),
    await ask({ ...base, path: '/agents/global', agent: undefined, headers: { connection: 'close' } }),
    await ask({ ...base, path: '/agents/foreign', agent: new ForeignAgent() }),
    await ask({ ...base, path: '/agents/own-sockets', agent: new OwnSockets() }),
    await ask({
      ...base,
      path: '/agents/none',
      agent: undefined,
      createConnection: () => net.connect(s.port, '127.0.0.1'),
    }),
    await ask({ ...base, path: '/agents/virtual', headers: { host: 'virtual.example' } }),
  ]
  results.push(
    await new Promise(resolve => {
      const request = new http.ClientRequest(`${s.url}/agents/constructor`, response => {
        response.resume()
        response.on('end', () => resolve(response.statusCode))
      })
      request.end()
    }),
  )
  await s.close()

  const directory = mkdtempSync(path.join(tmpdir(), 'otel-unix-'))
  const server = http.createServer((request, response) => response.end(request.url))
  server.listen(path.join(directory, 's'))
  await once(server, 'listening')
  results.push(await ask({ socketPath: path.join(directory, 's'), path: '/agents/unix' }))
  await new Promise(resolve => server.close(resolve))
  rmSync(directory, { recursive: true })
  return results
}
