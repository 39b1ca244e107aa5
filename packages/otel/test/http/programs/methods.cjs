'use strict'
const { serve, ask } = require('./lib.cjs')
module.exports = async () => {
  const s = await serve((request, response) =>
    response.end(request.method === 'HEAD' ? undefined : request.method),
  )
  const results = []
  for (const method of ['HEAD', 'OPTIONS', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'PURGE', 'QUERY'])
    results.push(await ask(`${s.url}/method/${method.toLowerCase()}`, { method }))
  results.push(await ask({ host: '127.0.0.1', port: s.port, path: '*', method: 'OPTIONS' }))
  await s.close()
  return results
}
