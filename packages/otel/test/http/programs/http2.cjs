'use strict'
const http2 = require('node:http2')
const https = require('node:https')
const { once } = require('node:events')
const certificate = require('./certificate.cjs')
const { ask } = require('./lib.cjs')
const api = require('@opentelemetry/api')
const { getRPCMetadata } = require('@opentelemetry/core')

async function open(server) {
  const sessions = new Set()
  server.on('session', session => sessions.add(session))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: server.address().port,
    async close() {
      for (const session of sessions) session.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

const send = (client, headers, body) =>
  new Promise(resolve => {
    const stream = client.request(headers)
    let status
    let text = ''
    stream.setEncoding('utf8')
    stream.on('response', answer => (status = answer[':status']))
    stream.on('data', chunk => (text += chunk))
    stream.on('error', error => (text = error.code))
    stream.on('close', () => resolve([status, text]))
    stream.end(body)
  })

module.exports = async () => {
  const results = []
  const traced = []
  const isTraced = () => api.trace.getActiveSpan() !== undefined

  const compat = http2.createServer((request, response) => {
    const metadata = getRPCMetadata(api.context.active())
    if (metadata) metadata.route = '/compat/:id'
    traced.push(`handler ${isTraced()}`)
    request.on('data', () => traced.push(`data ${isTraced()}`))
    request.on('end', () => {
      traced.push(`end ${isTraced()}`)
      response.statusCode = request.url === '/compat/broken' ? 500 : 200
      response.end('compat')
    })
    response.on('finish', () => api.trace.getActiveSpan()?.setAttribute('app.finish', true))
    request.resume()
  })
  const one = await open(compat)
  const client = http2.connect(`http://127.0.0.1:${one.port}`)
  results.push(await send(client, { ':path': '/compat/1?token=s3cret', 'user-agent': 'two' }))
  results.push(await send(client, { ':path': '/compat/broken', ':method': 'POST' }, 'x'))
  results.push(await Promise.all([1, 2, 3].map(i => send(client, { ':path': `/compat/parallel/${i}` }))))
  client.destroy()
  await one.close()

  const streams = http2.createServer()
  streams.on('stream', (stream, headers) => {
    traced.push(`stream ${isTraced()}`)
    stream.on('error', error => traced.push(`${error.code} ${isTraced()}`))
    if (headers[':path'] === '/stream/grpc')
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' })
    else if (headers[':path'] === '/stream/reset') return stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR)
    else stream.respond({ ':status': 201 })
    stream.end('stream')
  })
  const two = await open(streams)
  const second = http2.connect(`http://127.0.0.1:${two.port}`)
  results.push(
    await send(second, {
      ':path': '/stream/1',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    }),
  )
  results.push(await send(second, { ':path': '/stream/reset' }))
  results.push(
    await send(
      second,
      { ':path': '/stream/grpc', ':method': 'POST', 'content-type': 'application/grpc' },
      'x',
    ),
  )
  second.destroy()
  await two.close()

  const both = http2.createSecureServer({ ...certificate, allowHTTP1: true }, (request, response) =>
    response.end(request.httpVersion),
  )
  const three = await open(both)
  const third = http2.connect(`https://localhost:${three.port}`, { ca: certificate.cert })
  results.push(await send(third, { ':path': '/both/2' }))
  third.destroy()
  results.push(
    await ask(`https://localhost:${three.port}/both/1`, { ca: certificate.cert }, undefined, https),
  )
  await three.close()
  return { result: results, traced }
}
