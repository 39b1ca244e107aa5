'use strict'
const { serve, ask } = require('./lib.cjs')
const api = require('@opentelemetry/api')
const { getRPCMetadata } = require('@opentelemetry/core')
module.exports = async () => {
  const s = await serve((request, response) => {
    const metadata = getRPCMetadata(api.context.active())
    if (metadata?.type === 'http')
      metadata.route = request.url.startsWith('/route/none') ? undefined : '/route/:id'
    if (request.url === '/route/broken') response.statusCode = 503
    if (request.url === '/route/renamed') api.trace.getActiveSpan()?.updateName('mine')
    response.end('ok')
  })
  const results = []
  for (const path of ['/route/1', '/route/2', '/route/none', '/route/broken', '/route/renamed'])
    results.push(await ask(`${s.url}${path}`))
  results.push(await ask(`${s.url}/route/odd`, { method: 'PURGE' }))
  await s.close()
  return results
}
