'use strict'
const http = require('node:http')
const net = require('node:net')
const { once } = require('node:events')
const { serve, ask } = require('./lib.cjs')
module.exports = async () => {
  const results = []
  const probe = net.createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  await new Promise(resolve => probe.close(resolve))
  results.push(await ask(`http://127.0.0.1:${port}/error/refused`))
  const resetting = net.createServer(socket => socket.once('data', () => socket.resetAndDestroy()))
  resetting.listen(0, '127.0.0.1')
  await once(resetting, 'listening')
  results.push(await ask(`http://127.0.0.1:${resetting.address().port}/error/reset`))
  await new Promise(resolve => resetting.close(resolve))
  const garbage = net.createServer(socket => socket.once('data', () => socket.end('not http at all\r\n\r\n')))
  garbage.listen(0, '127.0.0.1')
  await once(garbage, 'listening')
  results.push(await ask(`http://127.0.0.1:${garbage.address().port}/error/garbage`))
  await new Promise(resolve => garbage.close(resolve))
  const silent = await serve(() => {})
  results.push(
    await new Promise(resolve => {
      const request = http.get(`${silent.url}/error/timeout`, { agent: false, timeout: 300 })
      request.on('timeout', () => request.destroy(new Error('too slow')))
      request.on('error', error => resolve(error.message))
    }),
  )
  results.push(
    await new Promise(resolve => {
      const request = http.get(`${silent.url}/error/destroyed`, { agent: false })
      request.on('error', error => resolve(error.code))
      request.on('socket', socket => socket.on('connect', () => request.destroy()))
    }),
  )
  const controller = new AbortController()
  results.push(
    await new Promise(resolve => {
      const request = http.get(`${silent.url}/error/signal`, { agent: false, signal: controller.signal })
      request.on('error', error => resolve(error.code))
      request.on('socket', socket => socket.on('connect', () => controller.abort()))
    }),
  )
  await silent.close()
  for (const bad of ['not a url', 'http://127.0.0.1:1/\u{1f600}'])
    try {
      http.get(bad).on('error', () => {})
      results.push('no throw')
    } catch (error) {
      results.push(error.code)
    }
  return results
}
