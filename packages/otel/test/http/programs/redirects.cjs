'use strict'
const { serve, ask } = require('./lib.cjs')
module.exports = async () => {
  const s = await serve((request, response) => {
    if (request.url === '/redirect/from') response.writeHead(302, { location: '/redirect/to' }).end()
    else response.end('there')
  })
  const results = [await ask(`${s.url}/redirect/from`)]
  const response = await fetch(`${s.url}/redirect/from`)
  results.push([response.status, response.redirected, await response.text()])
  await s.close()
  return results
}
