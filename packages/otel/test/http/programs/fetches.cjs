'use strict'
const net = require('node:net')
const { once } = require('node:events')
const { serve } = require('./lib.cjs')
module.exports = async () => {
  const results = []
  const s = await serve(async (request, response) => {
    if (request.url.startsWith('/fetch/missing')) response.statusCode = 404
    if (request.url.startsWith('/fetch/broken')) response.statusCode = 500
    if (request.url.startsWith('/fetch/slow')) return
    if (request.url === '/fetch/cut') {
      response.writeHead(200, { 'content-length': '100' })
      response.write('part')
      setImmediate(() => request.socket.destroy())
      return
    }
    if (request.url === '/fetch/stream') {
      for (const part of ['a', 'b', 'c']) {
        response.write(part)
        await new Promise(resolve => setImmediate(resolve))
      }
      return response.end()
    }
    let body = ''
    for await (const chunk of request) body += chunk
    response.end(`${request.method} ${body}`)
  })
  const text = async (path, init) => {
    const response = await fetch(`${s.url}${path}`, init)
    return [response.status, await response.text()]
  }
  results.push(await text('/fetch/ok'))
  results.push(await text('/fetch/query?a=1&b=2'))
  results.push(
    await text('/fetch/post', { method: 'POST', body: 'hello', headers: { 'user-agent': 'test/1.0' } }),
  )
  results.push(await text('/fetch/missing'))
  results.push(await text('/fetch/broken'))
  results.push(await text('/fetch/head', { method: 'HEAD' }))
  results.push(await text('/fetch/stream'))
  results.push(await text('/fetch/odd', { method: 'PROPFIND' }))
  results.push(await text('/fetch/cut').catch(error => error.cause?.code ?? error.message))
  const controller = new AbortController()
  const slow = fetch(`${s.url}/fetch/slow`, { signal: controller.signal }).catch(error => error.name)
  await once(s.server, 'request')
  controller.abort()
  results.push(await slow)
  const late = fetch(`${s.url}/fetch/slower`, { signal: AbortSignal.timeout(50) })
  results.push(await late.catch(error => error.name))
  const probe = net.createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  await new Promise(resolve => probe.close(resolve))
  results.push(await fetch(`http://127.0.0.1:${port}/fetch/refused`).catch(error => error.cause.code))
  await s.close()
  return results
}
