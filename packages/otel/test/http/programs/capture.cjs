'use strict'
const { serve, ask } = require('./lib.cjs')
module.exports = async () => {
  const s = await serve((_request, response) => {
    response.setHeader('x-answer', '42')
    response.setHeader('set-cookie', ['a=1', 'b=2'])
    response.end('ok')
  })
  const headers = { 'x-tenant': 'blue' }
  const results = [await ask(`${s.url}/capture/http`, { headers })]
  results.push(await (await fetch(`${s.url}/capture/fetch`, { headers })).text())
  results.push(await ask(`${s.url}/healthz`))
  await s.close()
  return results
}
