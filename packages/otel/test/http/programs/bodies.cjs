'use strict'
const http = require('node:http')
const { serve, ask } = require('./lib.cjs')
const { pipeline } = require('node:stream/promises')
const { Readable } = require('node:stream')
module.exports = async () => {
  const s = await serve(async (request, response) => {
    if (request.url === '/body/echo') {
      let size = 0
      for await (const chunk of request) size += chunk.length
      response.end(String(size))
    } else if (request.url === '/body/stream') {
      response.write('a')
      await new Promise(resolve => setImmediate(resolve))
      response.write('b')
      setImmediate(() => response.end('c'))
    } else if (request.url === '/body/pipeline') {
      await pipeline(Readable.from(['x', 'y', 'z']), response)
    } else if (request.url === '/body/empty') {
      response.writeHead(204)
      response.end()
    } else if (request.url === '/body/not-modified') {
      response.writeHead(304)
      response.end()
    } else {
      response.writeHead(200, { 'content-length': '5' })
      response.flushHeaders()
      request.resume()
      request.on('end', () => response.end('after'))
    }
  })
  const results = [
    await ask(`${s.url}/body/echo`, { method: 'POST' }, 'x'.repeat(300_000)),
    await ask(`${s.url}/body/stream`),
    await ask(`${s.url}/body/pipeline`),
    await ask(`${s.url}/body/empty`),
    await ask(`${s.url}/body/not-modified`),
    await ask(`${s.url}/body/late`, { method: 'POST' }, 'x'),
  ]
  // A body written in pieces, with a header flush before it.
  results.push(
    await new Promise(resolve => {
      const request = http.request(`${s.url}/body/echo`, { method: 'POST', agent: false }, response => {
        response.setEncoding('utf8')
        let text = ''
        response.on('data', chunk => (text += chunk))
        response.on('end', () => resolve(text))
      })
      request.flushHeaders()
      request.write('one')
      setImmediate(() => {
        request.write('two')
        request.end('three')
      })
    }),
  )
  // Nobody listens for the response.
  await new Promise(resolve => {
    const request = http.get(`${s.url}/body/stream?unread`, { agent: false })
    request.on('close', resolve)
  })
  await s.close()
  return results
}
