'use strict'
const http = require('node:http')
const { serve, traceparent } = require('./lib.cjs')
const freeze = value => {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value)
    for (const key of Object.keys(value)) freeze(value[key])
  }
  return value
}
module.exports = async () => {
  const s = await serve((request, response) => {
    // What arrived, less what differs with telemetry.
    const { traceparent: _parent, host: _host, ...rest } = request.headers
    const parents = request.rawHeaders.filter(name => name.toLowerCase() === 'traceparent').length
    response.end(JSON.stringify([rest, parents <= 1]))
  })
  const send = (...args) =>
    new Promise((resolve, reject) => {
      const request = http.request(...args, response => {
        let text = ''
        response.on('data', chunk => (text += chunk))
        response.on('end', () => resolve(JSON.parse(text)))
      })
      request.on('error', reject)
      request.end()
    })
  const base = { host: '127.0.0.1', port: s.port, agent: false }
  const headers = { 'X-One': '1', 'x-list': ['a', 'b'] }
  const frozen = freeze({ ...base, path: '/options/frozen', headers: { ...headers }, agent: undefined })
  const raw = ['Host', `127.0.0.1:${s.port}`, 'X-Raw', '1', 'x-raw', '2']
  const results = [
    await send(frozen),
    JSON.stringify(frozen).includes('traceparent'),
    await send({ ...base, path: '/options/none' }),
    await send({ ...base, path: '/options/own-parent', headers: { Traceparent: traceparent } }),
    await send({ ...base, path: '/options/no-host', headers: { 'x-a': '1' }, setHost: true }),
    await send({ ...base, path: '/options/virtual-host', headers: { Host: 'virtual.example' } }),
    await send({ ...base, path: '/options/auth', auth: 'user:s3cret' }),
    await send(`${s.url}/options/string`, { agent: false, headers }),
    JSON.stringify(headers),
  ]
  const rawAnswer = await send({ ...base, path: '/options/raw', headers: raw }).catch(error => error.code)
  await s.close()
  return [...results, raw.length === 6 && rawAnswer !== undefined]
}
